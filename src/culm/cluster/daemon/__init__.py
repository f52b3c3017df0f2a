"""The wiring of the cluster in one process: its start, its HTTP server, its keys, its orderly end."""
