import json

import pytest

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@pytest.fixture
def iam(cloud):
    """A client, and a role called `web`."""
    client = cloud.client("iam")
    client.create_role(
        RoleName="web", AssumeRolePolicyDocument=TRUST, Path="/", Tags=[{"Key": "team", "Value": "green"}]
    )
    return client
