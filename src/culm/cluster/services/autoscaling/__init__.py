"""Auto Scaling of EC2: groups of simulated instances that join the ECS cluster which their user data names."""
