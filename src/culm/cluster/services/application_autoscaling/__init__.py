"""Application Auto Scaling: the counts of ECS services by target tracking."""
