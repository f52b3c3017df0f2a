"""Databases of an aws target: the stack's RDS instances, or anybody's whose URL is in the vault."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.aws.conftest import ACCOUNT, QUIET, REGION, Account, Team

from culm.aws import base, stack
from culm.aws.cost import cost
from culm.aws.template import surroundings
from culm.cli import price_lists
from culm.console import Console
from culm.deploy import databases, rds
from culm.deploy.job import Job
from culm.errors import CulmError
from culm.render import permissions
from culm.target.survey import survey

SERVICES = "  accounts: {database: main}\n  web: {path: /*}\n"
STG = "stg: {provider: aws, region: us-east-1}"


def prepare(team: Team, account: Account) -> None:
    target, project = team.target(account.endpoint), team.project
    base.bootstrap(target, project, QUIET)
    job = Job(project, target, Console(io.StringIO()))
    job.survey = survey(target, project)
    databases.prepare(job)


def put(account: Account, key: str, text: bytes) -> None:
    account.client("s3").put_object(Bucket=f"culm-bamboo-{ACCOUNT}-{REGION}", Key=key, Body=text)


def test_without_rds_the_url_is_brought_by_the_team(team: Team, account: Account) -> None:
    team.writes(STG, "databases: {main: }", services=SERVICES)
    with pytest.raises(CulmError, match=r"the vault has no URL of one: stg/accounts/database\.url$") as refusal:
        prepare(team, account)
    assert refusal.value.hint.startswith("culm vault put stg/accounts/database.url FILE --target stg")
    put(account, "stg/accounts/database.url", b"postgresql://a:b@db.example.com/accounts\n")
    prepare(team, account)
    assert account.client("rds").describe_db_instances()["DBInstances"] == []


def test_the_stacks_server_is_private_and_its_databases_can_be_made_by_hand(team: Team, account: Account) -> None:
    team.writes(STG, "databases: {main: {rds: {}}}", services=SERVICES)
    base.bootstrap(team.target(account.endpoint), team.project, QUIET)
    [server] = account.client("rds").describe_db_instances()["DBInstances"]
    assert (server["DBInstanceIdentifier"], server["DBInstanceClass"]) == ("bamboo-main", "db.t4g.micro")
    assert not server["PubliclyAccessible"]
    # made by hand, from inside: the address is all that may change
    endpoint = server["Endpoint"]
    put(account, "stg/accounts/database.url", b"postgresql://a:b@elsewhere:1/accounts\n")
    prepare(team, account)
    bucket = f"culm-bamboo-{ACCOUNT}-{REGION}"
    url = account.client("s3").get_object(Bucket=bucket, Key="stg/accounts/database.url")["Body"].read().decode()
    assert url == f"postgresql://a:b@{endpoint['Address']}:{endpoint['Port']}/accounts\n"


def test_its_master_password_comes_from_secrets_manager(team: Team, account: Account) -> None:
    secret = account.client("secretsmanager").create_secret(
        Name="rds!db-1", SecretString='{"username": "culm", "password": "a secret"}'
    )
    server: dict[str, Any] = {"DBInstanceIdentifier": "bamboo-main", "MasterUserSecret": {"SecretArn": secret["ARN"]}}
    assert rds.master_password(team.target(account.endpoint), server) == "a secret"
    with pytest.raises(CulmError, match="is not in Secrets Manager"):
        rds.master_password(team.target(account.endpoint), {"DBInstanceIdentifier": "bamboo-main"})


def test_the_stack_lets_its_server_go_when_it_is_deleted(team: Team, account: Account) -> None:
    """It protects its server from deletion, and lifts that by itself."""
    team.writes(STG, "databases: {main: {engine: postgres, rds: {}}}", services=SERVICES)
    target = team.target(account.endpoint)
    base.bootstrap(target, team.project, QUIET)
    # in the template, which moto does not heed
    account.client("rds").modify_db_instance(DBInstanceIdentifier="bamboo-main", DeletionProtection=True)
    with pytest.raises(ClientError, match="deletion protection"):
        account.client("rds").delete_db_instance(DBInstanceIdentifier="bamboo-main", SkipFinalSnapshot=True)
    found = stack.find(target, "culm-bamboo")
    assert found is not None
    stack.delete(target, found, lambda _: None)
    assert account.client("rds").describe_db_instances()["DBInstances"] == []


def test_engines_are_priced_by_their_own_lists_and_what_no_list_has_is_said(team: Team) -> None:
    team.writes(
        STG,
        "databases: {blog: {engine: mysql, rds: {}}, queue: {engine: valkey, elasticache: {}}, "
        "old: {engine: redis, elasticache: {instance: cache.r7g.large}}}",
        services=SERVICES.replace("main", "blog"),
    )
    prices = price_lists.load("us-east-1")
    month = cost(team.project, team.target().settings, prices)
    lines = {line.name: line.dollars for line in month.lines}
    assert lines["database blog"] == pytest.approx(0.016 * 730)
    assert lines["cache queue"] == pytest.approx(0.0128 * 730)
    assert month.unpriced == ("cache.r7g.large (Redis)",)
    elsewhere = cost(team.project, team.target().settings, price_lists.load("eu-central-1"))
    assert "20 GB of storage of database blog" in elsewhere.unpriced, "no region has another one's prices"
    assert "cache.t4g.micro (Valkey)" in elsewhere.unpriced


def test_a_cache_without_elasticache_wants_its_url_in_the_vault(team: Team, account: Account) -> None:
    services = "  accounts: {database: cache}\n  web: {path: /*}\n"
    team.writes(STG, "databases: {cache: {engine: valkey}}", services=services)
    with pytest.raises(CulmError, match=r"the vault has no URL of one: stg/accounts/cache\.url$") as refusal:
        prepare(team, account)
    assert "redis://...; or `elasticache: {}` for cache in culm.yml" in refusal.value.hint


def test_the_deploys_policy_makes_users_of_its_own_caches_alone(team: Team) -> None:
    services = "  accounts: {database: cache}\n  web: {path: /*}\n"
    team.writes(STG, "databases: {cache: {engine: valkey, elasticache: {}}}", services=services)
    statements = permissions.deploy_policy(team.project, surroundings(team.project, team.target().settings))[
        "Statement"
    ]
    [caches] = [each for each in statements if each["Sid"] == "Caches"]
    assert [arn.rpartition(":")[2] for arn in caches["Resource"]] == ["bamboo-*", "bamboo-*"]
