"""Amazon ECR: repositories, images and the password of the registry. The bytes go through `culm.cluster.registry`.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html
"""
