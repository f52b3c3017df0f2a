"""Amazon CloudWatch: what services, tasks and the load balancer did, in numbers.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html
"""
