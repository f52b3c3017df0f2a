"""Changes made by hand, as somebody makes them in the console: each with what undoes it where `up` does not."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.operate.drift.deployed import Deployed, Undo, manifest

from culm.render.scaling import METRICS, resource

Plant = Callable[[Deployed], Undo | None]


@dataclass(frozen=True)
class Seed:
    """`differences`: what it makes, as patterns, and nothing else.

    `moto`: whether moto keeps what it changes; `local`: whether it can be made and mended where nothing runs tasks.
    """

    plant: Plant
    differences: tuple[str, ...]
    moto: bool
    local: bool


ROUNDS: dict[int, list[Seed]] = defaultdict(list)
"""Those of a round do not get into each other's way: they are planted together."""
QUIET = 5
"""A round after which `up` rolls nothing out."""
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def makes(number: int, *differences: str, moto: bool = True, local: bool = True) -> Callable[[Plant], Plant]:
    def note(plant: Plant) -> Plant:
        ROUNDS[number].append(Seed(plant, differences, moto, local))
        return plant

    return note


# What services stand on.


@makes(1, "cluster bamboo culm:instances: 2 x t2.micro, live 9 x t2.nano (culm.yml)")
def other_instances_noted(on: Deployed) -> None:
    [cluster] = on.client("ecs").describe_clusters(clusters=["bamboo"])["clusters"]
    tags = [{"key": "culm:instances", "value": "9 x t2.nano"}]
    on.client("ecs").tag_resource(resourceArn=cluster["clusterArn"], tags=tags)


@makes(2, "instances : 2 x t2.micro, live 3 x t2.micro (live)")
def an_instance_too_many(on: Deployed) -> Undo:
    arn = on.join()
    ecs = on.client("ecs")
    return lambda: ecs.deregister_container_instance(cluster="bamboo", containerInstance=arn, force=True)


@makes(1, "instance * status: ACTIVE, live DRAINING (live)")
def an_instance_that_drains(on: Deployed) -> Undo:
    ecs = on.client("ecs")
    arn = ecs.list_container_instances(cluster="bamboo")["containerInstanceArns"][0]

    def set_state(status: str) -> None:
        ecs.update_container_instances_state(cluster="bamboo", containerInstances=[arn], status=status)

    set_state("DRAINING")
    return lambda: set_state("ACTIVE")


@makes(
    2,
    "repository bamboo/web : there, live None (culm.yml)",
    "service web image: built on deploy, live * (culm.yml)",
)
def a_repository_deleted(on: Deployed) -> None:
    on.client("ecr").delete_repository(repositoryName="bamboo/web", force=True)


@makes(1, "repository bamboo/old : None, live there (live)")
def a_repository_too_many(on: Deployed) -> Undo:
    on.client("ecr").create_repository(repositoryName="bamboo/old")
    return lambda: on.client("ecr").delete_repository(repositoryName="bamboo/old")


@makes(2, "log group /culm/bamboo/web : there, live None (culm.yml)")
def a_log_group_deleted(on: Deployed) -> None:
    on.client("logs").delete_log_group(logGroupName="/culm/bamboo/web")


@makes(1, "log group /culm/bamboo/old : None, live there (live)")
def a_log_group_too_many(on: Deployed) -> Undo:
    on.client("logs").create_log_group(logGroupName="/culm/bamboo/old")
    return lambda: on.client("logs").delete_log_group(logGroupName="/culm/bamboo/old")


# Roles.


@makes(2, "role bamboo-web : there, live None (culm.yml)")
def a_role_deleted(on: Deployed) -> None:
    on.client("iam").delete_role_policy(RoleName="bamboo-web", PolicyName="configuration")
    on.client("iam").delete_role(RoleName="bamboo-web")


@makes(
    1,
    "role bamboo-web Statement.0.Action: s3:GetObject, live s3:* (culm.yml)",
)
def a_policy_widened(on: Deployed) -> None:
    iam = on.client("iam")
    now = iam.get_role_policy(RoleName="bamboo-web", PolicyName="configuration")["PolicyDocument"]
    now["Statement"][0]["Action"] = "s3:*"
    iam.put_role_policy(RoleName="bamboo-web", PolicyName="configuration", PolicyDocument=json.dumps(now))


@makes(1, "role bamboo-web : None, live its policy more (live)")
def a_policy_too_many(on: Deployed) -> Undo:
    iam = on.client("iam")
    iam.put_role_policy(RoleName="bamboo-web", PolicyName="more", PolicyDocument=json.dumps(EVERYTHING))
    return lambda: iam.delete_role_policy(RoleName="bamboo-web", PolicyName="more")


@makes(1, "role bamboo-web : None, live attached arn:aws:iam::*:policy/more (live)")
def a_policy_attached(on: Deployed) -> Undo:
    iam = on.client("iam")
    policy = iam.create_policy(PolicyName="more", PolicyDocument=json.dumps(EVERYTHING))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="bamboo-web", PolicyArn=policy)

    def undo() -> None:
        iam.detach_role_policy(RoleName="bamboo-web", PolicyArn=policy)
        iam.delete_policy(PolicyArn=policy)

    return undo


@makes(1, "role bamboo-web trust.Statement.Principal.Service: ecs-tasks.amazonaws.com, live ec2.amazonaws.com (live)")
def trust_in_another_service(on: Deployed) -> Undo:
    iam = on.client("iam")
    now = iam.get_role(RoleName="bamboo-web")["Role"]["AssumeRolePolicyDocument"]

    def trust(service: str) -> None:
        now["Statement"][0]["Principal"]["Service"] = service
        iam.update_assume_role_policy(RoleName="bamboo-web", PolicyDocument=json.dumps(now))

    trust("ec2.amazonaws.com")
    return lambda: trust("ecs-tasks.amazonaws.com")


# The load balancer.


@makes(1, "listener DefaultActions.FixedResponseConfig.StatusCode: 404, live 503 (live)")
def another_default_answer(on: Deployed) -> Undo:
    elb = on.client("elbv2")
    [found] = elb.describe_listeners(ListenerArns=[on.listener])["Listeners"]
    [action] = found["DefaultActions"]
    other = {**action, "FixedResponseConfig": {**action["FixedResponseConfig"], "StatusCode": "503"}}
    elb.modify_listener(ListenerArn=on.listener, DefaultActions=[other])
    return lambda: elb.modify_listener(ListenerArn=on.listener, DefaultActions=[action])


@makes(2, "rule of web : there, live None (culm.yml)")
def a_rule_deleted(on: Deployed) -> None:
    on.client("elbv2").delete_rule(RuleArn=on.rule("bamboo-web"))


@makes(1, "rule of accounts Conditions: path-pattern /accounts/* /accounts, live path-pattern /users/* (culm.yml)")
def another_path(on: Deployed) -> None:
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/users/*"]}}]
    on.client("elbv2").modify_rule(RuleArn=on.rule("bamboo-accounts"), Conditions=conditions)


@makes(
    2,
    "rule of accounts Conditions: path-pattern /accounts/* /accounts, "
    "live path-pattern /accounts/* and source-ip 10.0.0.0/8 (culm.yml)",
)
def a_condition_too_many(on: Deployed) -> None:
    conditions = [
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/accounts/*"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    ]
    on.client("elbv2").modify_rule(RuleArn=on.rule("bamboo-accounts"), Conditions=conditions)


@makes(
    3,
    "rule of accounts Priority: 10, live 20 (culm.yml)",
    "rule of web Priority: 20, live 10 (culm.yml)",
    moto=False,  # it does not let two rules change places
)
def rules_in_another_order(on: Deployed) -> None:
    moves = [
        {"RuleArn": on.rule("bamboo-accounts"), "Priority": 20},
        {"RuleArn": on.rule("bamboo-web"), "Priority": 10},
    ]
    on.client("elbv2").set_rule_priorities(RulePriorities=moves)


@makes(
    1,
    "rule 5 : None, live host-header a.example.org and path-pattern /x/* to bamboo-web (live)",
)
def a_rule_too_many(on: Deployed) -> Undo:
    elb = on.client("elbv2")
    conditions = [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.org"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x/*"]}},
    ]
    to = [{"Type": "forward", "TargetGroupArn": on.group("bamboo-web")}]
    [made] = elb.create_rule(ListenerArn=on.listener, Priority=5, Conditions=conditions, Actions=to)["Rules"]
    return lambda: elb.delete_rule(RuleArn=made["RuleArn"])


@makes(
    1,
    "target group other : None, live there (live)",
    "rule 7 : None, live path-pattern /y/* to other (live)",
)
def a_target_group_too_many(on: Deployed) -> Undo:
    elb = on.client("elbv2")
    [web] = elb.describe_target_groups(Names=["bamboo-web"])["TargetGroups"]
    [group] = elb.create_target_group(Name="other", Protocol="HTTP", Port=80, VpcId=web["VpcId"])["TargetGroups"]
    to = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/y/*"]}}]
    [made] = elb.create_rule(ListenerArn=on.listener, Priority=7, Conditions=conditions, Actions=to)["Rules"]

    def undo() -> None:
        elb.delete_rule(RuleArn=made["RuleArn"])
        elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])

    return undo


@makes(
    1,
    "target group bamboo-web HealthCheckIntervalSeconds: 5, live 30 (culm.yml)",
    "target group bamboo-web HealthCheckPath: /web/health, live / (culm.yml)",
)
def another_health_check(on: Deployed) -> None:
    on.client("elbv2").modify_target_group(
        TargetGroupArn=on.group("bamboo-web"), HealthCheckIntervalSeconds=30, HealthCheckPath="/"
    )


@makes(1, "target group bamboo-web deregistration_delay.timeout_seconds: *, live 300 (culm.yml)")
def another_draining(on: Deployed) -> None:
    attribute(on, "deregistration_delay.timeout_seconds", "300")


@makes(1, "target group bamboo-web stickiness.enabled: false, live true (live)")
def stickiness(on: Deployed) -> Undo:
    attribute(on, "stickiness.enabled", "true")
    return lambda: attribute(on, "stickiness.enabled", "false")


def attribute(on: Deployed, key: str, value: str) -> None:
    on.client("elbv2").modify_target_group_attributes(
        TargetGroupArn=on.group("bamboo-web"), Attributes=[{"Key": key, "Value": value}]
    )


# Services.


def update(on: Deployed, **given: Any) -> None:
    on.client("ecs").update_service(cluster="bamboo", service="web", **given)


@makes(1, "service web desiredCount: 1, live 3 (culm.yml)")
def another_count(on: Deployed) -> None:
    update(on, desiredCount=3)


@makes(QUIET)
def another_count_within_the_range(on: Deployed) -> Undo:
    ecs = on.client("ecs")
    ecs.update_service(cluster="bamboo", service="accounts", desiredCount=2)
    return lambda: ecs.update_service(cluster="bamboo", service="accounts", desiredCount=1)


@makes(
    2, "scaling of accounts MinCapacity: 1, live 2 (culm.yml)", "scaling of accounts MaxCapacity: 3, live 9 (culm.yml)"
)
def other_bounds(on: Deployed) -> None:
    register(on, "accounts", 2, 9)


@makes(1, "scaling of accounts TargetTrackingScalingPolicyConfiguration.TargetValue: 500.0, live 7.0 (culm.yml)")
def another_target(on: Deployed) -> None:
    autoscaling = on.client("application-autoscaling")
    [now] = autoscaling.describe_scaling_policies(ServiceNamespace="ecs", PolicyNames=["bamboo-accounts"])[
        "ScalingPolicies"
    ]
    key = "TargetTrackingScalingPolicyConfiguration"
    put(on, "bamboo-accounts", {**now[key], "TargetValue": 7.0})


@makes(3, "scaling of accounts : there, live None (culm.yml)")
def scaling_taken_away(on: Deployed) -> None:
    on.client("application-autoscaling").deregister_scalable_target(**resource("bamboo", "accounts"))


@makes(4, "scaling policy bamboo-accounts : there, live None (culm.yml)")
def a_policy_taken_away(on: Deployed) -> None:
    on.client("application-autoscaling").delete_scaling_policy(
        PolicyName="bamboo-accounts", **resource("bamboo", "accounts")
    )


@makes(4, "scaling policy more of accounts : None, live there (live)")
def a_scaling_policy_too_many(on: Deployed) -> Undo:
    put(on, "more", {"TargetValue": 50.0, "PredefinedMetricSpecification": {"PredefinedMetricType": METRICS["cpu"]}})
    autoscaling = on.client("application-autoscaling")
    return lambda: autoscaling.delete_scaling_policy(PolicyName="more", **resource("bamboo", "accounts"))


@makes(2, "scaling of web : None, live 1-5, by nothing (culm.yml)")
def scaling_that_nobody_wrote(on: Deployed) -> None:
    register(on, "web", 1, 5)


def register(on: Deployed, name: str, least: int, most: int) -> None:
    on.client("application-autoscaling").register_scalable_target(
        **resource("bamboo", name), MinCapacity=least, MaxCapacity=most
    )


def put(on: Deployed, policy: str, configuration: dict[str, Any]) -> None:
    on.client("application-autoscaling").put_scaling_policy(
        **resource("bamboo", "accounts"),
        PolicyName=policy,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )


@makes(1, "service web healthCheckGracePeriodSeconds: 30, live 77 (culm.yml)", moto=False)
def another_grace(on: Deployed) -> None:
    update(on, healthCheckGracePeriodSeconds=77)


@makes(
    4,
    "service web availabilityZoneRebalancing: DISABLED, live ENABLED (culm.yml)",
    "service web placementStrategy.field: instanceId, live attribute:ecs.availability-zone (culm.yml)",
    "service web maximumPercent: 100, live 200 (culm.yml at the next roll)",
    moto=False,
)
def rebalancing(on: Deployed) -> None:
    update(
        on,
        availabilityZoneRebalancing="ENABLED",
        deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 200},
        placementStrategy=[{"type": "spread", "field": "attribute:ecs.availability-zone"}],
    )


@makes(
    1,
    "service web placementStrategy.type: spread, live binpack (culm.yml)",
    "service web placementStrategy.field: instanceId, live memory (culm.yml)",
    moto=False,
)
def another_strategy(on: Deployed) -> None:
    update(on, placementStrategy=[{"type": "binpack", "field": "memory"}])


@makes(1, 'service web placementConstraints: none, live [{"type": "distinctInstance"}] (live)', moto=False)
def a_constraint(on: Deployed) -> Undo:
    update(on, placementConstraints=[{"type": "distinctInstance"}])
    return lambda: update(on, placementConstraints=[])


@makes(1, "service web deploymentCircuitBreaker.enable: true, live false (culm.yml at the next roll)", moto=False)
def no_breaker(on: Deployed) -> None:
    now = on.service("web")["deploymentConfiguration"]
    other = {**now, "deploymentCircuitBreaker": {**now["deploymentCircuitBreaker"], "enable": False}}
    update(on, deploymentConfiguration=other)


@makes(QUIET, "service web maximumPercent: 100, live 150 (culm.yml at the next roll)", moto=False)
def other_percents(on: Deployed) -> Undo:
    now = on.service("web")["deploymentConfiguration"]
    update(on, deploymentConfiguration={**now, "maximumPercent": 150})
    return lambda: update(on, deploymentConfiguration=now)


@makes(3, "service web : there, live None (culm.yml)", local=False)
def a_service_deleted(on: Deployed) -> None:
    on.client("ecs").delete_service(cluster="bamboo", service="web", force=True)


@makes(1, "service old : None, live bamboo-web:*, 0 of 0 running (live)")
def a_service_too_many(on: Deployed) -> Undo:
    ecs = on.client("ecs")
    definition = on.service("web")["taskDefinition"]
    ecs.create_service(cluster="bamboo", serviceName="old", taskDefinition=definition, desiredCount=0)
    return lambda: ecs.delete_service(cluster="bamboo", service="old", force=True)


# What runs.


def container(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = given["containerDefinitions"][0]
    return found


@makes(1, "service web memory: 256, live 512 (culm.yml)")
def more_memory(on: Deployed) -> None:
    on.revise("web", lambda given: container(given).update(memory=512))


@makes(1, "service web environment.DEBUG: None, live 1 (culm.yml)")
def a_variable_too_many(on: Deployed) -> None:
    on.revise("web", lambda given: container(given)["environment"].append({"name": "DEBUG", "value": "1"}))


@makes(4, "service web container sidecar: None, live busybox (culm.yml)")
def a_container_too_many(on: Deployed) -> None:
    sidecar = {"name": "sidecar", "image": "busybox", "memory": 8}
    on.revise("web", lambda given: given["containerDefinitions"].append(sidecar))


@makes(
    3,
    "service accounts image: */bamboo/accounts@sha256:*, live */bamboo/accounts@sha256:0* (culm.yml)",
    "service accounts migration image: sha256:*, live None (culm.yml)",
)
def another_image(on: Deployed) -> None:
    def change(given: dict[str, Any]) -> None:
        repository = container(given)["image"].partition("@")[0]
        container(given).update(image=f"{repository}@sha256:{'0' * 64}")
        container(given).pop("dockerLabels")

    on.revise("accounts", change)


@makes(4, "service web image: built on deploy, live *, gone from its repository (culm.yml)")
def an_image_deleted(on: Deployed) -> None:
    ecr = on.client("ecr")
    [image] = ecr.list_images(repositoryName="bamboo/web")["imageIds"]
    ecr.batch_delete_image(repositoryName="bamboo/web", imageIds=[{"imageDigest": image["imageDigest"]}])


@makes(2, "service accounts image: *, live * (culm.yml)")
def a_tag_moved(on: Deployed) -> None:
    """To an image of other bytes."""
    ecr = on.client("ecr")
    [now] = ecr.list_images(repositoryName="bamboo/accounts")["imageIds"]
    told = ecr.batch_get_image(repositoryName="bamboo/accounts", imageIds=[now])["images"][0]["imageManifest"]
    other = json.dumps(json.loads(told), indent=1) if on.registry else manifest("other")
    ecr.put_image(repositoryName="bamboo/accounts", imageTag=now["imageTag"], imageManifest=other)


@makes(
    4,
    "service accounts image: built on deploy, live * (culm.yml)",
    "service accounts migration image: built on deploy, live * (culm.yml)",
)
def a_folder_changed(on: Deployed) -> None:
    dockerfile = on.project.services["accounts"].dockerfile
    dockerfile.write_text(dockerfile.read_text() + "LABEL changed=1\n")


@makes(1, "task * : None, live bamboo-web:* (live)", local=False)
def a_task_too_many(on: Deployed) -> Undo:
    ecs = on.client("ecs")
    instance = ecs.list_container_instances(cluster="bamboo")["containerInstanceArns"][0]
    definition = on.service("web")["taskDefinition"]
    [task] = ecs.start_task(cluster="bamboo", taskDefinition=definition, containerInstances=[instance])["tasks"]
    return lambda: ecs.stop_task(cluster="bamboo", task=task["taskArn"])
