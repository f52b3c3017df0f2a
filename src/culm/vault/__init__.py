"""The configuration vault."""
