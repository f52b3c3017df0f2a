"""What a deploy would call: nothing, when nothing changed."""

from dataclasses import replace
from typing import Any

import pytest
from tests.bamboo import NOTHING

from culm import render
from culm.errors import Differs
from culm.plan import diff
from culm.plan.calls import Call
from culm.plan.observed import Observed
from culm.project.project import Project

IMAGE = "127.0.0.1:5/bamboo/accounts@sha256:" + "1" * 64


def told(changes: list[Call]) -> list[str]:
    return [f"{change.client}.{change.operation}: {change.what}" for change in changes]


def test_an_empty_target_gets_what_needs_nothing_else_first(project: Project, around: render.Surroundings) -> None:
    assert told(diff.base(project, NOTHING, around)) == [
        "ecs.create_cluster: create cluster bamboo",
        "s3.create_bucket: create vault culm-vault-000000000000-us-east-1",
        "ecr.create_repository: create repository bamboo/accounts",
        "ecr.create_repository: create repository bamboo/accounts-migrate",
        "ecr.create_repository: create repository bamboo/web",
        "iam.create_role: create role bamboo.execution",
        "iam.create_role: create role bamboo-accounts",
        "iam.create_role: create role bamboo-web",
        "logs.create_log_group: create log group /culm/bamboo/accounts",
        "logs.create_log_group: create log group /culm/bamboo/web",
        "elbv2.create_load_balancer: create load balancer bamboo",
        "elbv2.create_target_group: create target group bamboo-accounts",
        "elbv2.create_target_group: create target group bamboo-web",
    ]


def test_nothing_changed_is_no_call_at_all(project: Project, live: Observed, around: render.Surroundings) -> None:
    assert diff.base(project, live, around) == []
    for name, one in project.services.items():
        assert diff.rule(project, one, live) is None
        for start_first in (True, False):
            assert diff.service(project, one, live, f"arn:task-definition/{name}:1", start_first=start_first) is None


def test_the_listener_comes_when_its_load_balancer_is_there(
    project: Project, live: Observed, around: render.Surroundings
) -> None:
    [change] = diff.base(project, replace(live, listener=None, rules={}), around)
    assert (change.operation, change.input["LoadBalancerArn"], change.input["Port"]) == (
        "create_listener",
        "arn:lb",
        8080,
    )


def test_another_region_is_named_when_the_vault_is_made(project: Project, around: render.Surroundings) -> None:
    changes = diff.base(project, NOTHING, replace(around, region="eu-west-1"))
    [vault] = [change for change in changes if change.operation == "create_bucket"]
    assert vault.input["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}
    [vault] = [c for c in diff.base(project, NOTHING, around) if c.operation == "create_bucket"]
    assert vault.input == {"Bucket": "culm-vault-000000000000-us-east-1"}, "us-east-1 refuses its own name"


def test_each_seeded_difference_is_one_call(project: Project, live: Observed, around: render.Surroundings) -> None:
    def one(changed: Observed, around: render.Surroundings = around) -> str:
        [call] = told(diff.base(project, changed, around))
        return call

    slow = {**live.target_groups["bamboo-web"], "HealthCheckIntervalSeconds": 30}
    lazy = {"deregistration_delay.timeout_seconds": "300"}
    assert one(live, replace(around, port=8081)) == "elbv2.modify_listener: listen on port 8081"
    assert one(live, replace(around, instances="3 x t2.micro")) == "ecs.tag_resource: bamboo has 3 x t2.micro"
    assert (
        one(replace(live, target_groups={**live.target_groups, "bamboo-web": slow}))
        == "elbv2.modify_target_group: change health check of bamboo-web"
    )
    assert (
        one(replace(live, attributes={**live.attributes, "bamboo-web": lazy}))
        == "elbv2.modify_target_group_attributes: change draining of bamboo-web"
    )
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    assert (
        one(replace(live, roles={**live.roles, "bamboo-web": wide}))
        == "iam.put_role_policy: set policy of role bamboo-web: may read its own configuration"
    )


def test_rules_in_the_wrong_order_move_in_one_call(
    project: Project, live: Observed, around: render.Surroundings
) -> None:
    swapped = {
        "accounts": {**live.rules["accounts"], "Priority": "20"},
        "web": {**live.rules["web"], "Priority": "10"},
    }
    [change] = diff.base(project, replace(live, rules=swapped), around)
    assert change.input == {
        "RulePriorities": [
            {"RuleArn": "arn:rule/accounts", "Priority": 10},
            {"RuleArn": "arn:rule/web", "Priority": 20},
        ]
    }


def test_a_changed_path_changes_the_rule_where_it_stands(project: Project, live: Observed) -> None:
    moved = replace(project.services["accounts"], paths=("/users/*",))
    change = diff.rule(project, moved, live)
    assert change is not None
    assert (change.operation, change.what) == ("modify_rule", "route /users/* instead of /accounts/*")
    assert change.input["RuleArn"] == "arn:rule/accounts"


def test_a_rule_with_another_condition_gets_its_own_again(project: Project, live: Observed) -> None:
    narrowed = {
        **live.rules["accounts"],
        "Conditions": [
            *live.rules["accounts"]["Conditions"],
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
        ],
    }
    changed = replace(live, rules={**live.rules, "accounts": narrowed})
    change = diff.rule(project, project.services["accounts"], changed)
    assert change is not None
    assert (change.operation, change.what) == ("modify_rule", "route /accounts/*")


def test_a_setting_that_the_target_does_not_describe_is_sent_only_with_others(project: Project, live: Observed) -> None:
    web = project.services["web"]
    silent = {key: value for key, value in live.services["web"].items() if key != "healthCheckGracePeriodSeconds"}
    changed = replace(live, services={**live.services, "web": silent})
    assert diff.service(project, web, changed, "arn:task-definition/web:1", start_first=False) is None
    change = diff.service(project, replace(web, count=3), changed, "arn:task-definition/web:1", start_first=False)
    assert change is not None
    assert change.input == {
        "cluster": "bamboo",
        "service": "web",
        "desiredCount": 3,
        "healthCheckGracePeriodSeconds": web.grace,
    }


def test_a_new_service_gets_a_rule_and_is_created(project: Project, live: Observed) -> None:
    without = replace(live, rules={"web": live.rules["web"]}, services={"web": live.services["web"]})
    accounts = project.services["accounts"]
    rule, service = (
        diff.rule(project, accounts, without),
        diff.service(project, accounts, without, "arn:1", start_first=False),
    )
    assert rule is not None
    assert service is not None
    assert (rule.operation, rule.input["Priority"]) == ("create_rule", 10)
    assert (service.operation, service.input["deploymentConfiguration"]["maximumPercent"]) == ("create_service", 100)


def test_a_new_revision_rolls_as_told(project: Project, live: Observed) -> None:
    change = diff.service(project, project.services["web"], live, "arn:task-definition/web:2", start_first=True)
    assert change is not None
    assert change.input == {
        "cluster": "bamboo",
        "service": "web",
        "taskDefinition": "arn:task-definition/web:2",
        "deploymentConfiguration": {
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
            "deploymentCircuitBreaker": {
                "enable": True,
                "rollback": False,
                "thresholdConfiguration": {"type": "COUNT", "value": 2},
            },
        },
    }


def test_a_roll_that_no_migration_went_before_is_undone_by_ecs(project: Project, live: Observed) -> None:
    change = diff.service(project, project.services["web"], live, "web:2", start_first=True, undoes=True)
    assert change is not None
    assert change.input["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] is True


def test_a_changed_count_alone_rolls_nothing(project: Project, live: Observed) -> None:
    change = diff.service(
        project, replace(project.services["web"], count=3), live, "arn:task-definition/web:1", start_first=True
    )
    assert change is not None
    assert change.input == {"cluster": "bamboo", "service": "web", "desiredCount": 3}


def test_a_failed_deployment_is_rolled_out_again(project: Project, live: Observed) -> None:
    failed = {**live.services["web"], "deployments": [{"status": "PRIMARY", "rolloutState": "FAILED"}]}
    changed = replace(live, services={**live.services, "web": failed})
    change = diff.service(project, project.services["web"], changed, "arn:task-definition/web:1", start_first=False)
    assert change is not None
    assert (change.what, change.input["forceNewDeployment"]) == ("roll out again", True)


def described(wanted: dict[str, Any]) -> dict[str, Any]:
    """As AWS gives a registered task definition back."""
    [container] = wanted["containerDefinitions"]
    return {
        **wanted,
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-accounts:7",
        "revision": 7,
        "status": "ACTIVE",
        "compatibilities": ["EXTERNAL", "EC2"],
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.task-iam-role"}],
        "volumes": [],
        "placementConstraints": [],
        "registeredAt": 1.0,
        "containerDefinitions": [
            {
                **container,
                "environment": list(reversed(container["environment"])),
                "mountPoints": [],
                "volumesFrom": [],
                "systemControls": [],
            }
        ],
    }


def test_what_aws_adds_to_a_task_definition_does_not_count(project: Project, around: render.Surroundings) -> None:
    wanted = render.task_definition(project, project.services["accounts"], IMAGE, IMAGE, around)
    assert diff.task_definition_is(wanted, described(wanted))


@pytest.mark.parametrize(
    "change",
    [
        {"memory": 512},
        {"image": IMAGE.replace("1", "2")},
        {"dockerLabels": {}},
        {"environment": []},
        {"portMappings": [{"containerPort": 9, "hostPort": 0, "protocol": "tcp"}]},
        {"command": ["sh"]},
    ],
    ids=str,
)
def test_any_other_difference_does(project: Project, around: render.Surroundings, change: dict[str, Any]) -> None:
    wanted = render.task_definition(project, project.services["accounts"], IMAGE, IMAGE, around)
    live = described(wanted)
    live["containerDefinitions"][0] |= change
    assert not diff.task_definition_is(wanted, live)


def test_no_live_revision_is_a_difference(project: Project, around: render.Surroundings) -> None:
    assert not diff.task_definition_is(render.migration(project, project.services["accounts"], IMAGE, around), None)


def test_a_table_is_not_the_same_as_anything_else_that_is_live() -> None:
    assert not diff.same({}, None)
    assert not diff.same({"a": 1}, [("a", 1)])
    assert diff.same({"a": 1}, {"a": 1, "added by AWS": 2})


def test_the_same_image_in_the_local_registry_on_another_port_is_no_difference():
    def definition(image: str) -> dict[str, object]:
        return {"family": "web", "containerDefinitions": [{"name": "web", "image": image}]}

    before = definition("127.0.0.1:4588/web@sha256:1")
    assert diff.task_definition_is(definition("127.0.0.1:4591/web@sha256:1"), before)
    assert not diff.task_definition_is(definition("127.0.0.1:4591/web@sha256:2"), before)
    assert not diff.task_definition_is(definition("registry.example.com:4591/web@sha256:1"), before)


def calling(project: Project) -> Project:
    web = replace(project.services["web"], calls=("accounts",))
    return replace(project, services={"accounts": replace(project.services["accounts"], called=True), "web": web})


def test_calls_between_services_open_a_namespace_once(
    project: Project, live: Observed, around: render.Surroundings
) -> None:
    [change] = diff.base(calling(project), live, around)
    assert (change.operation, change.input["serviceConnectDefaults"]) == ("update_cluster", {"namespace": "bamboo"})
    opened = replace(live, cluster={**(live.cluster or {}), "serviceConnectDefaults": {"namespace": "arn:bamboo"}})
    assert diff.base(calling(project), opened, around) == []
    with pytest.raises(Differs, match="no namespace for the calls") as refusal:
        diff.base(calling(project), live, replace(around, provider="aws"))
    assert refusal.value.hint.startswith("culm aws bootstrap")


def test_taking_part_in_calls_is_a_roll_and_so_is_taking_part_no_more(project: Project, live: Observed) -> None:
    accounts = calling(project).services["accounts"]
    change = diff.service(project, accounts, live, "arn:task-definition/accounts:2", start_first=True)
    assert change is not None and change.input["serviceConnectConfiguration"]["enabled"] is True
    connected = {**live.services["accounts"], "serviceConnectConfiguration": {"enabled": True, "services": []}}
    was = replace(live, services={**live.services, "accounts": connected})
    change = diff.service(
        project, project.services["accounts"], was, "arn:task-definition/accounts:1", start_first=True
    )
    assert change is not None and change.input["serviceConnectConfiguration"] == {"enabled": False}
    assert "deploymentConfiguration" in change.input


def test_a_clusters_new_tags_are_told_by_its_instances_or_by_name(
    project: Project, live: Observed, around: render.Surroundings
) -> None:
    around = replace(around, webhook="stg/notify")
    tags = render.cluster_tags(around)

    def said(kept: list[Any]) -> list[str]:
        cluster = {"clusterArn": "arn:cluster", "tags": kept}
        return [call.what for call in diff.base(project, replace(live, cluster=cluster), around)]

    assert said(tags) == []
    assert said(tags[1:]) == said([]) == [f"bamboo has {around.instances}"]
    assert said(tags[:1]) == [f"tag cluster bamboo: {tags[1]['key']} stg/notify"]


def test_a_rule_loses_the_rewrites_that_culm_yml_does_not_have_any_more(project: Project, live: Observed) -> None:
    moved = replace(project.services["accounts"], paths=("/users/*",))
    plain = diff.rule(project, moved, live)
    had = {**live.rules["accounts"], "Transforms": [{"Type": "url-rewrite"}]}
    reset = diff.rule(project, moved, replace(live, rules={**live.rules, "accounts": had}))
    assert plain is not None
    assert reset is not None
    assert {key: reset.input[key] for key in reset.input.keys() - plain.input.keys()} == {"ResetTransforms": True}
