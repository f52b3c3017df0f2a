"""Runs tasks: Docker engine or host processes behind one port."""
