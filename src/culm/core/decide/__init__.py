"""Decisions as pure functions: placement, rollout, task lifecycle, health, listener rules, back-off."""
