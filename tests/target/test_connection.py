"""The local target is reached the same whatever the user's environment says about AWS and proxies."""

from pathlib import Path

import pytest
from tests.serving import served

from culm.project.project import TargetSettings
from culm.target.connection import StaticCredentials, Target, is_loopback

SETTINGS = TargetSettings(
    name="local", provider="local", instances=(), env="local", region=None, profile=None, endpoint_url=None, port=None
)

PROXY = "http://127.0.0.1:1"
SURROUNDINGS = {
    "a proxy": {"HTTP_PROXY": PROXY, "http_proxy": PROXY, "HTTPS_PROXY": PROXY, "ALL_PROXY": PROXY},
    "a profile that does not exist": {"AWS_PROFILE": "no-such-profile", "AWS_DEFAULT_PROFILE": "neither"},
    "another endpoint": {"AWS_ENDPOINT_URL": PROXY, "AWS_ENDPOINT_URL_ECS": PROXY},
    "settings for Amazon": {
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_CA_BUNDLE": "/no/such/bundle.pem",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    },
    "settings that are none": {"AWS_RETRY_MODE": "bogus", "AWS_MAX_ATTEMPTS": "many", "AWS_DEFAULTS_MODE": "bogus"},
    "keys of an account": {"AWS_ACCESS_KEY_ID": "AKIAFOREIGN", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "t"},
}
FILES = {
    "broken": "[default\nregion",
    "foreign": "[default]\nregion = eu-west-1\nretry_mode = bogus\nuse_fips_endpoint = true\n"
    "s3 =\n    addressing_style = virtual\nservices = here\n[services here]\necs =\n    endpoint_url = http://127.0.0.1:1\n",
}


@pytest.fixture
def target(tmp_path: Path):
    (tmp_path / "served").mkdir()
    with served(tmp_path / "served") as endpoint:
        yield Target(SETTINGS, endpoint, StaticCredentials(access_key="a", secret_key="b"))


@pytest.mark.parametrize("variables", SURROUNDINGS.values(), ids=SURROUNDINGS.keys())
def test_the_environment_does_not_touch_the_local_target(
    target: Target, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert target.client("ecs").list_clusters()["clusterArns"] is not None
    assert target.client("s3").list_buckets()["Buckets"] is not None
    assert target.region == "us-east-1"


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_configuration_files_do_not_touch_the_local_target(
    target: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
):
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        (tmp_path / name).write_text(content)
        monkeypatch.setenv(name, str(tmp_path / name))
    assert target.client("ecs").list_clusters()["clusterArns"] is not None
    assert target.client("s3").list_buckets()["Buckets"] is not None
    assert target.region == "us-east-1"


def test_an_endpoint_on_this_machine_is_reached_without_a_proxy(target: Target, monkeypatch: pytest.MonkeyPatch):
    """Also one that culm did not start, such as another implementation of AWS."""
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert Target(SETTINGS, target.endpoint_url).client("ecs").list_clusters()["clusterArns"] is not None


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://[::1]:4566", True),
        ("http://stream.localhost:4566", True),
        ("https://ecs.us-east-1.amazonaws.com", False),
        ("http://10.0.0.1", False),
        (None, False),
    ],
)
def test_this_machine_is_told_from_others(url: str | None, here: bool):
    assert is_loopback(url) is here
