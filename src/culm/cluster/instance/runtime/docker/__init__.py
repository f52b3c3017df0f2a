"""Runs containers on a Docker Engine."""
