"""Runs the embedded PostgreSQL, one server for each DB instance."""
