"""Elastic Compute Cloud, as far as deploys ask about it: a default VPC, security groups, the simulated instances."""
