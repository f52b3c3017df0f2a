"""The roles of CI's jobs: whom they trust, and that looking is all that the one for pull requests can do."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.based import based
from tests.serving import served

from culm.cluster.wire.keyring import AccessKey, Keyring
from culm.deploy.build.host import HostBuilder
from culm.deploy.images import Images, known_images
from culm.operate.drift.compare import compare
from culm.operate.drift.look import look
from culm.operate.status import status
from culm.project.project import Project
from culm.render import ci_roles, github_roles
from culm.target.connection import StaticCredentials, Target
from culm.target.survey import survey

PROVIDER = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"


def ignore(_: str) -> None:
    """Nobody listens."""


def test_each_role_trusts_one_kind_of_job_of_one_repository() -> None:
    [deploys] = github_roles.deploy_trust(PROVIDER, "team/shop")["Statement"]
    [plans] = github_roles.plan_trust(PROVIDER, "team/shop")["Statement"]
    assert deploys["Principal"] == plans["Principal"] == {"Federated": PROVIDER}
    assert deploys["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:team/shop:ref:refs/heads/main",
        }
    }
    assert (
        plans["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] == "repo:team/shop:pull_request"
    )


@pytest.fixture
def owner(tmp_path: Path, project: Project) -> Iterator[Target]:
    (tmp_path / "served").mkdir()
    key = AccessKey(access_key_id="AKIAOWNER", secret_access_key="secret")
    with served(tmp_path / "served", Keyring(key, b"a key of the tests' own, 32 bytes")) as endpoint:
        yield Target(project.targets["local"], endpoint, StaticCredentials(access_key="AKIAOWNER", secret_key="secret"))


@pytest.fixture
def pull_request(owner: Target, project: Project) -> Target:
    """A target as a job sees it that has assumed the role for plans."""
    around = based(owner, project).surroundings
    iam = owner.client("iam")
    name = ci_roles.plan_role(project)
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(github_roles.plan_trust(PROVIDER, "team/shop"))
    )
    policy = ci_roles.plan_policy(project, around)
    iam.put_role_policy(RoleName=name, PolicyName="plan", PolicyDocument=json.dumps(policy))
    arn = role["Role"]["Arn"]
    keys = owner.client("sts").assume_role(RoleArn=arn, RoleSessionName="job")["Credentials"]
    login = StaticCredentials(
        access_key=keys["AccessKeyId"], secret_key=keys["SecretAccessKey"], token=keys["SessionToken"]
    )
    return Target(owner.settings, owner.endpoint_url, login)


def test_a_pull_request_can_plan_compare_and_look(pull_request: Target, project: Project) -> None:
    images = Images(pull_request, HostBuilder())
    found = survey(pull_request, project)
    assert known_images(project, list(project.services), found, images) == {}
    assert status(pull_request, project)["missing"] == ["accounts", "web"]
    rows = compare(project, pull_request.settings, look(pull_request, project, images))
    assert {row.what for row in rows} == {
        "instances",
        "service accounts",
        "service web",
        "rule of accounts",
        "rule of web",
    }


def test_a_pull_request_changes_and_reads_nothing(owner: Target, pull_request: Target, project: Project) -> None:
    vault = survey(owner, project).surroundings.vault
    owner.client("s3").put_object(Bucket=vault, Key="stg/web/secret", Body=b"s")
    denied = [
        lambda: pull_request.client("s3").get_object(Bucket=vault, Key="stg/web/secret"),
        lambda: pull_request.client("ecs").create_cluster(clusterName="other"),
        lambda: pull_request.client("iam").get_role(RoleName="another"),
        lambda: pull_request.client("logs").filter_log_events(logGroupName="/culm/bamboo/web"),
    ]
    for attempt in denied:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
