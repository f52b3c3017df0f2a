import pytest


@pytest.fixture
def s3(cloud):
    """A client, and a bucket called `vault`."""
    client = cloud.client("s3")
    client.create_bucket(Bucket="vault")
    return client
