"""What the EC2 service remembers: networks, security groups and the tags of both."""
