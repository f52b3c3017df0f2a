"""Accounts: who the customers are."""
