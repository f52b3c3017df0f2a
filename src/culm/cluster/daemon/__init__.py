"""The control plane: loops that observe, decide and apply; their wiring; the clock."""
