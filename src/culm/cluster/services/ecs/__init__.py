"""Amazon ECS: a file for each noun of its API.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html
"""
