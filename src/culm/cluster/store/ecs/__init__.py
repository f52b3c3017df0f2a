"""ECS's state: a file of functions for each noun."""
