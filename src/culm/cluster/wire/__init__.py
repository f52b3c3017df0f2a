"""AWS over HTTP, both ways, driven by botocore's service models."""
