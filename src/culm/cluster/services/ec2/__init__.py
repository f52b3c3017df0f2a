"""Elastic Compute Cloud, as far as deploys ask about it: networks, security groups, the simulated instances.

Networks are kept and described back. Their addresses are simulated: every task's address is in 127.0.0.0/8, whatever
subnet it is said to be in, and no route, gateway or security group changes what reaches it.
"""
