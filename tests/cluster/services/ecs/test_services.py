"""Services, as SDK users see them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def create(ecs: Any, **changed: Any) -> dict[str, Any]:
    given = {"serviceName": "web", "taskDefinition": "web", "desiredCount": 1, **changed}
    return dict(ecs.create_service(**given)["service"])


def described(ecs: Any) -> dict[str, Any]:
    return dict(ecs.describe_services(services=["web"])["services"][0])


def test_is_created_with_aws_s_defaults_and_one_deployment(ecs, register):
    revision = register()
    service = create(ecs)
    assert service["serviceArn"] == "arn:aws:ecs:us-east-1:000000000000:service/default/web"
    assert (service["status"], service["desiredCount"], service["runningCount"]) == ("ACTIVE", 1, 0)
    assert service["taskDefinition"] == revision
    configuration = service["deploymentConfiguration"]
    assert (configuration["minimumHealthyPercent"], configuration["maximumPercent"]) == (100, 200)
    assert (service["launchType"], service["schedulingStrategy"]) == ("EC2", "REPLICA")
    assert service["deploymentController"] == {"type": "ECS"}
    deployment = service["deployments"][0]
    assert deployment["id"].startswith("ecs-svc/") and len(deployment["id"]) == 27
    assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
    assert described(ecs) == service


@pytest.mark.parametrize(
    ("given", "rebalancing"),
    [
        ({}, "ENABLED"),
        ({"availabilityZoneRebalancing": "DISABLED"}, "DISABLED"),
        ({"placementStrategy": [{"type": "binpack", "field": "memory"}]}, "DISABLED"),
        ({"deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100}}, "DISABLED"),
    ],
)
def test_zones_are_rebalanced_where_the_caller_does_not_say_otherwise_and_it_suits_the_service(
    ecs, register, given, rebalancing
):
    register()
    assert create(ecs, **given)["availabilityZoneRebalancing"] == rebalancing


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"placementStrategy": [{"type": "random"}]}, "needs Availability Zone spread as the first placement strategy"),
        ({"deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100}}, "maximumPercent above 100"),
        ({"schedulingStrategy": "DAEMON", "desiredCount": None}, "not supported with a DAEMON"),
    ],
)
def test_rebalancing_a_service_that_it_does_not_suit_is_refused(ecs, register, given, why):
    register()
    asked = {"serviceName": "web", "taskDefinition": "web", "desiredCount": 1, **given}
    asked = {name: value for name, value in asked.items() if value is not None}
    with pytest.raises(ClientError, match=why):
        ecs.create_service(**asked, availabilityZoneRebalancing="ENABLED")


def test_creating_the_same_again_is_no_error_and_another_one_is(ecs, register):
    register()
    create(ecs)
    assert create(ecs)["desiredCount"] == 1
    with pytest.raises(ClientError, match="Creation of service was not idempotent"):
        create(ecs, desiredCount=2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"taskDefinition": "nothing"}, "Unable to find task definition"),
        ({"serviceName": "a b"}, "Invalid service name"),
        ({"launchType": "FARGATE"}, "Task definition does not support launch_type FARGATE"),
        (
            {"deploymentController": {"type": "CODE_DEPLOY"}},
            "culm does not support the deployment controller CODE_DEPLOY",
        ),
        (
            {"deploymentController": {"type": "EXTERNAL"}, "platformVersion": "1.4.0"},
            "platformVersion cannot be given for a service with the EXTERNAL deployment controller",
        ),
        ({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, "culm does not support"),
        (
            {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}},
            "cannot be 100 as this will block deployments",
        ),
        ({"schedulingStrategy": "DAEMON"}, "does not support a desired count"),
        ({"healthCheckGracePeriodSeconds": 5}, "only valid for services configured to use load balancers"),
        ({"placementConstraints": [{"type": "memberOf"}]}, "must have an expression"),
        ({"serviceConnectConfiguration": {"enabled": True}}, "Service Connect needs a namespace"),
        (
            {"loadBalancers": [{"targetGroupArn": "x", "containerName": "other", "containerPort": 80}]},
            "The container other does not exist in the task definition",
        ),
        (
            {"loadBalancers": [{"targetGroupArn": "x", "containerName": "web", "containerPort": 81}]},
            "did not have a container port 81 defined",
        ),
        (
            {"loadBalancers": [{"targetGroupArn": "x", "containerName": "web", "containerPort": 80}]},
            "target group does not exist",
        ),
    ],
)
def test_what_ecs_refuses_is_refused(ecs, register, given, message):
    register(portMappings=[{"containerPort": 80}])
    with pytest.raises(ClientError, match=message):
        create(ecs, **given)


def test_a_target_group_must_be_behind_a_load_balancer(cloud, ecs, register):
    register(portMappings=[{"containerPort": 80}])
    elbv2 = cloud.client("elbv2")
    answer = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId="vpc-00000000000000001")
    balancer = {
        "targetGroupArn": answer["TargetGroups"][0]["TargetGroupArn"],
        "containerName": "web",
        "containerPort": 80,
    }
    with pytest.raises(ClientError, match="does not have an associated load balancer"):
        create(ecs, loadBalancers=[balancer])


def test_a_service_is_scaled_to_none_after_its_listener_has_gone(cloud, ecs, register):
    """As a destroy does that takes the listener first."""
    register(portMappings=[{"containerPort": 80}])
    elbv2 = cloud.client("elbv2")
    answer = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId="vpc-00000000000000001")
    group = answer["TargetGroups"][0]["TargetGroupArn"]
    subnets = ["subnet-0000000000000000a", "subnet-0000000000000000b"]
    [balancer] = elbv2.create_load_balancer(Name="main", Subnets=subnets)["LoadBalancers"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=18080, DefaultActions=forward
    )["Listeners"][0]["ListenerArn"]
    create(ecs, loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 80}])
    elbv2.delete_listener(ListenerArn=listener)
    assert ecs.update_service(service="web", desiredCount=0)["service"]["desiredCount"] == 0
    with pytest.raises(ClientError, match="does not have an associated load balancer"):
        ecs.update_service(service="web", forceNewDeployment=True)


def test_a_new_revision_is_a_new_deployment_and_a_new_count_is_not(ecs, register):
    register()
    create(ecs)
    second = register(cpu=1)
    assert len(ecs.update_service(service="web", desiredCount=3)["service"]["deployments"]) == 1
    updated = ecs.update_service(service="web", taskDefinition="web:2")["service"]
    assert (updated["taskDefinition"], updated["desiredCount"]) == (second, 3)
    assert [d["status"] for d in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert len(ecs.update_service(service="web", forceNewDeployment=True)["service"]["deployments"]) == 3


def test_a_deregistered_revision_can_still_be_scaled(ecs, register):
    register()
    create(ecs)
    ecs.deregister_task_definition(taskDefinition="web:1")
    assert ecs.update_service(service="web", desiredCount=2)["service"]["desiredCount"] == 2
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        ecs.update_service(service="web", taskDefinition="web:1")


def test_is_deleted_when_it_wants_no_tasks_or_by_force(ecs, register):
    register()
    create(ecs)
    with pytest.raises(ClientError, match="The service cannot be stopped while it is scaled above 0"):
        ecs.delete_service(service="web")
    assert ecs.delete_service(service="web", force=True)["service"]["status"] == "DRAINING"
    assert ecs.list_services()["serviceArns"] == []
    with pytest.raises(ecs.exceptions.ServiceNotActiveException):
        ecs.update_service(service="web", desiredCount=1)
    with pytest.raises(ClientError, match="still Draining"):
        create(ecs)


def test_unknown_services_are_failures_when_described_and_errors_when_changed(ecs):
    answer = ecs.describe_services(services=["nothing"])
    assert answer["failures"] == [
        {"arn": "arn:aws:ecs:us-east-1:000000000000:service/default/nothing", "reason": "MISSING"}
    ]
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        ecs.update_service(service="nothing", desiredCount=1)
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        ecs.delete_service(service="nothing")


def test_lists_by_strategy(ecs, register):
    register()
    create(ecs)
    ecs.create_service(serviceName="each", taskDefinition="web", schedulingStrategy="DAEMON")
    assert len(ecs.list_services()["serviceArns"]) == 2
    assert [arn.rpartition("/")[2] for arn in ecs.list_services(schedulingStrategy="DAEMON")["serviceArns"]] == ["each"]


def test_task_sets_are_for_other_controllers(ecs, register):
    register()
    create(ecs)
    with pytest.raises(ClientError, match="deployment controller is not EXTERNAL"):
        ecs.create_task_set(cluster="default", service="web", taskDefinition="web")


def test_the_history_of_its_deployments_can_be_read(ecs, register):
    register()
    service = create(ecs)
    deployment = ecs.list_service_deployments(service="web")["serviceDeployments"][0]
    assert deployment["serviceDeploymentArn"] == service["currentServiceDeployment"]
    assert deployment["status"] == "IN_PROGRESS"
    arn = deployment["serviceDeploymentArn"]
    detail = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    assert detail["targetServiceRevision"]["requestedTaskCount"] == 1
    revision = ecs.describe_service_revisions(serviceRevisionArns=[detail["targetServiceRevision"]["arn"]])
    assert revision["serviceRevisions"][0]["containerImages"] == [{"containerName": "web", "image": "web:1"}]
    with pytest.raises(ClientError, match="no completed deployment"):
        ecs.stop_service_deployment(serviceDeploymentArn=arn)


def test_service_deployments_come_in_pages(ecs, register):
    register()
    create(ecs)
    for _ in range(3):
        ecs.update_service(service="web", forceNewDeployment=True)
    whole = [d["serviceDeploymentArn"] for d in ecs.list_service_deployments(service="web")["serviceDeployments"]]
    first = ecs.list_service_deployments(service="web", maxResults=3)
    rest = ecs.list_service_deployments(service="web", maxResults=3, nextToken=first["nextToken"])
    pages = [*first["serviceDeployments"], *rest["serviceDeployments"]]
    assert len(whole) == 4
    assert [d["serviceDeploymentArn"] for d in pages] == whole
    assert "nextToken" not in rest


def test_a_rolling_deployment_waits_for_no_hook(ecs, register):
    register()
    create(ecs)
    [deployment] = ecs.list_service_deployments(service="web")["serviceDeployments"]
    with pytest.raises(ClientError, match="does not wait for a lifecycle hook"):
        ecs.continue_service_deployment(serviceDeploymentArn=deployment["serviceDeploymentArn"], hookId="h")
    with pytest.raises(ecs.exceptions.ServiceDeploymentNotFoundException):
        ecs.continue_service_deployment(serviceDeploymentArn=deployment["serviceDeploymentArn"] + "x", hookId="h")


def test_no_service_is_in_a_namespace(ecs):
    with pytest.raises(ecs.exceptions.NamespaceNotFoundException):
        ecs.list_services_by_namespace(namespace="shop")
