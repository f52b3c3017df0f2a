"""A preview on Amazon: the calls are those of the local cluster, its roles are bounded, and its own role suffices."""

import json
from typing import Any

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.inventory import inventory
from tests.amazon.permissions import ACCOUNT, refused
from tests.based import based

from culm.cli import env
from culm.cli.screens.previews import Form
from culm.core.decide.policy_documents import parse
from culm.deploy import vault_files
from culm.deploy.build.host import HostBuilder
from culm.render import preview_role

NOT_TOLD_BY_A_TRACE = ("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "SetRulePriorities")
"""The boundary of a role that is there, and the rules inside of a list of moves."""


def bring_up(shop: Shop, name: str, *services: str, form: Form = "text") -> None:
    shared = env.Shared(project=shop.project, target=shop.target, builder=HostBuilder())
    asked = env.PreviewRequest(
        services=services, origin=(), ends=None, copies=False, pull_request="1", yes=True, form=form
    )
    env.bring_up(name, shared, asked)


def take_down(shop: Shop, name: str) -> None:
    record = env.one_of(shop.target, shop.project, name)
    env.take_away(shop.target, shop.project, record, lambda _, __: None)


@pytest.fixture
def shared(shop: Shop) -> Shop:
    """The shop, up, with a file of configuration that is no secret."""
    shop.up()
    around = based(shop.target, shop.project).surroundings
    vault_files.put(shop.target, around, "accounts", "settings.toml", 'colour = "green"\n')
    shop.calls()
    return shop


def test_a_preview_comes_and_goes_and_changes_nothing_that_is_shared(
    shared: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    before = inventory(shared.account)
    capsys.readouterr()
    bring_up(shared, "pr-1", "accounts", form="markdown")
    comment = capsys.readouterr().out
    assert comment.startswith("<!-- culm preview of bamboo on stg -->\n### Preview [pr-1](http://bamboo-1.")
    assert "| accounts | http://" in comment
    assert "| `sha256:" in comment
    assert "<details><summary>Plan and cost</summary>" in comment
    made = inventory(shared.account) - before
    assert {
        "service pr-1--accounts",
        "role bamboo-pr-1--accounts",
        "role bamboo.pr-1.execution",
        "target group bamboo-pr-1-P-accounts",
        "log group /culm/bamboo/pr-1--accounts",
    } <= made
    calls = shared.calls()
    changed = {
        str(call["parameters"].get("service") or call["parameters"].get("serviceName"))
        for call in calls
        if call["service"] == "ecs" and call["operation"] in ("CreateService", "UpdateService", "DeleteService")
    }
    assert changed == {"pr-1--accounts"}
    assert shared.up() and shared.writes() == [], "the shared services are as they were"
    assert shared.culm("env", "down", "--pull-request", "2", "--markdown").endswith("-->\nThere is no preview.\n")
    assert shared.culm("env", "down", "--pull-request", "1", "--markdown").endswith("-->\nPreview pr-1 is gone.\n")
    assert inventory(shared.account) == before


def test_roles_of_a_preview_are_made_under_its_boundary_with_its_tags(shared: Shop) -> None:
    bring_up(shared, "pr-1", "accounts")
    made = {
        call["parameters"]["RoleName"]: call["parameters"]
        for call in shared.calls()
        if call["operation"] == "CreateRole"
    }
    assert sorted(made) == ["bamboo-pr-1--accounts", "bamboo.pr-1.execution"]
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/bamboo.previews"
    assert {role["PermissionsBoundary"] for role in made.values()} == {boundary}
    tags = {each["Key"]: each["Value"] for each in made["bamboo-pr-1--accounts"]["Tags"]}
    assert tags == {"culm:preview": "pr-1", "culm:service": "accounts"}


def test_the_role_of_pull_requests_allows_a_preview_s_life_and_no_change_of_shared_services(shared: Shop) -> None:
    bring_up(shared, "pr-1", "accounts")
    take_down(shared, "pr-1")
    calls = shared.calls()
    around = based(shared.target, shared.project).surroundings
    policy = parse(json.dumps(preview_role.policy(shared.project, around)))
    judged = [call for call in calls if call["operation"] not in NOT_TOLD_BY_A_TRACE]
    assert refused(judged, policy) == []
    for foreign in shared_changes(around.vault, around.env):
        assert refused([foreign], policy) != [], foreign


def shared_changes(vault: str, env_name: str) -> list[dict[str, Any]]:
    """What a pull request's job must not be able to do."""
    role = {"RoleName": "bamboo-accounts"}
    return [
        {"service": "ecs", "operation": "UpdateService", "parameters": {"cluster": "bamboo", "service": "accounts"}},
        {"service": "ecs", "operation": "DeleteService", "parameters": {"cluster": "bamboo", "service": "web"}},
        {"service": "iam", "operation": "DeleteRole", "parameters": role},
        {"service": "iam", "operation": "CreateRole", "parameters": {**role, "RoleName": "bamboo-pr-1--accounts"}},
        {"service": "logs", "operation": "DeleteLogGroup", "parameters": {"logGroupName": "/culm/bamboo/accounts"}},
        {
            "service": "s3",
            "operation": "PutObject",
            "parameters": {"Bucket": vault, "Key": f"{env_name}/accounts/settings.toml"},
        },
        {
            "service": "ssm",
            "operation": "PutParameter",
            "parameters": {"Name": f"/culm/bamboo/{env_name}/accounts/KEY", "Value": "x"},
        },
    ]
