"""The control loops that make ECS's wishes true: observe, decide, write down, tell the agents.

EventBridge Scheduler, which starts jobs at their times, is `cluster.services.scheduler`; its runs are in `runs`.
"""
