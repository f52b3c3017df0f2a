"""What the load balancer service remembers: a file of functions for each noun."""
