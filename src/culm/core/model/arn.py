"""Amazon Resource Names, built and taken apart in one place.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

ACCOUNT = "000000000000"
"""A local cluster's account, where it was started for no other. No account of Amazon's is all zeros."""


def arn(service: str, region: str, account: str, resource: str) -> str:
    """Return an ARN, as `arn("ecs", "us-east-1", "0"*12, "cluster/bamboo")` does."""
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def resource(name_or_arn: str) -> str:
    """Return what stands behind the fifth colon of an ARN, "" where it has fewer; a plain name is its own resource."""
    if not name_or_arn.startswith("arn:"):
        return name_or_arn
    return "".join(name_or_arn.split(":", 5)[5:])


def last(name_or_arn: str) -> str:
    """Return the name at the end: `accounts` for `service/bamboo/accounts` or its ARN."""
    return resource(name_or_arn).rsplit("/", 1)[-1]
