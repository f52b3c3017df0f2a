"""Carries a deploy out, through boto3 alone: builds and pushes, holds the lock, migrates, rolls, waits, undoes."""
