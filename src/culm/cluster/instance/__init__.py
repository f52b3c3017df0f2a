"""The container agent of one instance: takes payloads, runs them on a runtime, reports state changes."""
