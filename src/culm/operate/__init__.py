"""Looks at what runs and works with it: status, logs, events, exec, measurements, drift."""
