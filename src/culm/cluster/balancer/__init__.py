"""Carries requests: HAProxy behind one port."""
