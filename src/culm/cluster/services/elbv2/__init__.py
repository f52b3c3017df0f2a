"""Elastic Load Balancing v2: application load balancers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html
"""
