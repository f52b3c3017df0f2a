"""Databases in a private RDS server, which `culm up` has made by a task inside the server's network."""

import json
from pathlib import Path

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.machines import Fate
from tests.amazon.permissions import refused

from culm.cli.planning import of_target
from culm.cli.screens.plan import screen
from culm.core.decide.policy_documents import parse
from culm.deploy import rds
from culm.deploy.build.host import HostBuilder
from culm.deploy.sql_server import MASTER
from culm.errors import CulmError
from culm.render import permissions
from culm.target.survey import survey

BUCKET = "culm-bamboo-123456789012-us-east-1"
"""The vault."""
PARAMETERS = "/culm/bamboo/stg/.databases"


@pytest.fixture
def private(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop with an RDS server as the base stack makes it, which nothing reaches from here."""
    bundle = tmp_path / "us-east-1.pem"
    bundle.write_text("CERTIFICATES")
    monkeypatch.setattr(rds, "REGIONAL_BUNDLE", bundle.as_uri())
    monkeypatch.setattr(rds, "unreachable", lambda *_: "timed out")
    kept = next(line for line in (shop.folder / "culm.yml").read_text().splitlines() if line.startswith("targets"))
    shop.write(
        "culm.yml",
        f"name: bamboo\n{kept}\ndefaults: {{settle: 0}}\ndatabases: {{main: {{rds: {{}}}}}}\n"
        "services:\n  accounts: {database: main, files: {/etc/tls/rds.pem: rds.pem}}\n"
        "  web: {path: /*, database: main}\n",
    )
    shop.account.client("rds").create_db_instance(
        DBInstanceIdentifier="bamboo-main",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername=MASTER,
        ManageMasterUserPassword=True,
        AllocatedStorage=20,
    )
    return shop


def url(shop: Shop, service: str) -> str:
    body = shop.account.client("s3").get_object(Bucket=BUCKET, Key=f"stg/{service}/database.url")["Body"]
    return str(body.read().decode().strip())


def test_the_first_up_makes_databases_by_a_task_inside_and_leaves_nothing_of_it(private: Shop) -> None:
    shop = private
    planned = screen(of_target(shop.project, shop.target, HostBuilder(), ["accounts", "web"]), 250)
    assert (
        "accounts, web: databases are made in bamboo-main; where it is not reached from here, by a one-time" in planned
    )
    assert [outcome.changed for outcome in shop.up()] == [True, True]
    assert (
        "bamboo-main is private: a task inside its network makes the databases of accounts, web" in shop.told.getvalue()
    )
    [password] = {url(shop, "accounts").split(":")[2].partition("@")[0]}
    assert url(shop, "web").startswith("postgresql://bamboo_web:")
    calls = shop.calls()
    [definition] = [
        call["parameters"]
        for call in calls
        if call["operation"] == "RegisterTaskDefinition" and call["parameters"]["family"] == "bamboo-make_databases"
    ]
    assert password not in json.dumps(definition), "it is in a parameter alone, as long as the task"
    ssm, ecs = shop.account.client("ssm"), shop.account.client("ecs")
    assert ssm.get_parameters_by_path(Path=PARAMETERS)["Parameters"] == []
    assert ecs.list_task_definitions(familyPrefix="bamboo-make_databases", status="ACTIVE")["taskDefinitionArns"] == []
    assert [outcome.changed for outcome in shop.up()] == [False, False]
    assert shop.writes() == [], "nothing is made twice"
    assert "databases are made" not in screen(of_target(shop.project, shop.target, HostBuilder(), ["web"]), 250)


def test_the_task_is_allowed_by_the_deploys_policy_and_fed_by_the_execution_roles(private: Shop) -> None:
    shop = private
    shop.up()
    surroundings = survey(shop.target, shop.project).surroundings
    policy = parse(json.dumps(permissions.deploy_policy(shop.project, surroundings)))
    inside = [
        call
        for call in shop.calls()
        if call["service"] == "ssm" or "bamboo-make_databases" in json.dumps(call["parameters"])
    ]
    assert {call["operation"] for call in inside} >= {"PutParameter", "RunTask", "DeleteParameters"}
    assert refused(inside, policy) == []
    role = shop.account.client("iam").get_role_policy(RoleName="bamboo.execution", PolicyName="execution")
    statements = role["PolicyDocument"]["Statement"]
    fetched = {each["Action"]: each["Resource"] for each in statements if isinstance(each["Action"], str)}
    assert fetched["secretsmanager:GetSecretValue"] == "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-*"
    assert fetched["ssm:GetParameters"] == f"arn:aws:ssm:us-east-1:123456789012:parameter{PARAMETERS}/*"


def test_a_task_that_fails_is_told_with_what_to_try_and_the_next_up_goes_on(private: Shop) -> None:
    shop = private
    machines, ssm = shop.account.machines, shop.account.client("ssm")
    machines.fates["bamboo-make_databases"] = Fate(exit_code=3)
    with pytest.raises(
        CulmError, match=r"^the databases of accounts, web could not be made: .* exit code 3"
    ) as failure:
        shop.up()
    assert failure.value.hint == "fix it, then run the same command again: what was made is kept"
    machines.fates["bamboo-make_databases"] = Fate(
        exit_code=None, stop_code="TaskFailedToStart", stopped_reason="CannotPullContainerError: i/o timeout"
    )
    with pytest.raises(CulmError, match="the task for it did not start") as failure:
        shop.up()
    assert "a way to public.ecr.aws (a NAT)" in failure.value.hint
    assert ssm.get_parameters_by_path(Path=PARAMETERS)["Parameters"] == []
    assert not [name for name in shop.account.machines.history if name.startswith("accounts")], "no service began"
    del machines.fates["bamboo-make_databases"]
    assert [outcome.changed for outcome in shop.up()] == [True, True]


def test_services_are_told_to_encrypt_and_to_verify_where_they_have_the_certificates(private: Shop) -> None:
    shop = private
    shop.up()

    def environment(family: str) -> dict[str, str]:
        described = shop.account.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
        container = next(each for each in described["containerDefinitions"] if each["name"] != "files")
        return {each["name"]: each["value"] for each in container["environment"]}

    verified = {
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/tls/rds.pem",
        "NODE_EXTRA_CA_CERTS": "/etc/tls/rds.pem",
    }
    assert environment("bamboo-accounts").items() >= verified.items()
    assert environment("bamboo-accounts-migrate")["PGSSLMODE"] == "require", "a migration has no `files:`"
    assert environment("bamboo-web")["PGSSLMODE"] == "require"
    body = shop.account.client("s3").get_object(Bucket=BUCKET, Key="stg/accounts/rds.pem")["Body"].read()
    assert body == b"CERTIFICATES"
    manifest = (shop.folder / "culm.yml").read_text()
    shop.write("culm.yml", manifest.replace("/*, database", "/*, environment: {PGSSLMODE: disable}, database"))
    shop.up("web")
    assert environment("bamboo-web")["PGSSLMODE"] == "disable", "what culm.yml says goes first"


def test_certificates_that_cannot_be_fetched_are_said_and_needed_only_where_files_name_them(
    private: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop = private
    monkeypatch.setattr(rds, "REGIONAL_BUNDLE", (tmp_path / "missing.pem").as_uri())
    with pytest.raises(CulmError, match=r"cannot be fetched .* and `files:` of accounts names them") as refusal:
        shop.up()
    assert "culm vault put stg/accounts/rds.pem FILE --target stg" in refusal.value.hint
    assert "that task's connection is encrypted, not verified" in shop.told.getvalue()
