"""Amazon CloudWatch Logs: groups, streams, events and their search.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html
"""
