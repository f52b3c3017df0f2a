"""Every judgement, pure: placement, rollout, task lifecycle, health, listener rules, backoff."""
