"""Runs the servers behind RDS's and ElastiCache's APIs: PostgreSQL, MariaDB, Valkey."""
