"""Runs containers as host processes, for a machine without an engine."""
