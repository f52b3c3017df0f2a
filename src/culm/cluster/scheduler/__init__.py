"""The control loops that make ECS's wishes true: observe, decide, write down, tell the agents."""
