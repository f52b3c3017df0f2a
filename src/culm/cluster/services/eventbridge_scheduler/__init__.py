"""EventBridge Scheduler: tasks that are started at certain times."""
