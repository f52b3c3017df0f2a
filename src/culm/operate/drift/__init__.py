"""Differences between culm.yml and what runs, and which of the two holds after the next `culm up`."""
