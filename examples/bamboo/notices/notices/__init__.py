"""Notices: what everybody, or a customer, should know, and who has read it."""
