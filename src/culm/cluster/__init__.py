"""The local AWS: one process that serves the APIs, schedules tasks, runs them and carries their traffic."""
