"""Services, from wish to running tasks, on a runtime in memory."""

import pytest

from culm.cluster.instance.runtime.fake import Script


async def test_a_service_gets_its_tasks_and_becomes_steady(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2)
    await world.settle()
    service = world.service()
    assert (service["runningCount"], service["pendingCount"]) == (2, 0)
    assert len({task["containerInstanceArn"] for task in world.tasks(serviceName="web")}) == 2

    await world.advance(41)
    service = world.service()
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    assert "(service web) has reached a steady state." in [event["message"] for event in service["events"]]


async def test_task_sets_share_a_services_tasks_and_go_with_it(world):
    world.register()
    world.register(image="web:2")
    external = {"deploymentController": {"type": "EXTERNAL"}}
    world.ecs.create_service(serviceName="web", desiredCount=2, **external)
    of_service = {"cluster": "default", "service": "web"}
    old = world.ecs.create_task_set(**of_service, taskDefinition="web:1")["taskSet"]
    world.ecs.update_service_primary_task_set(**of_service, primaryTaskSet=old["id"])
    half = {"value": 50.0, "unit": "PERCENT"}
    new = world.ecs.create_task_set(**of_service, taskDefinition="web:2", scale=half)["taskSet"]
    await world.settle()

    shown = world.service()
    assert (shown["runningCount"], shown["deployments"]) == (3, [])
    assert shown["taskDefinition"].endswith("web:1")
    assert [(s["status"], s["runningCount"], s["stabilityStatus"]) for s in shown["taskSets"]] == [
        ("PRIMARY", 2, "STEADY_STATE"),
        ("ACTIVE", 1, "STEADY_STATE"),
    ]
    assert {t["startedBy"] for t in world.tasks(serviceName="web")} == {old["id"], new["id"]}
    assert {t["group"] for t in world.tasks(serviceName="web")} == {"service:web"}

    world.ecs.update_service(service="web", desiredCount=4)
    await world.settle()
    assert [s["runningCount"] for s in world.service()["taskSets"]] == [4, 2]

    world.ecs.delete_task_set(**of_service, taskSet=old["taskSetArn"])
    await world.settle()
    (left,) = world.ecs.describe_task_sets(**of_service)["taskSets"]
    assert (left["id"], left["runningCount"]) == (new["id"], 2)

    world.ecs.delete_service(service="web", force=True)
    await world.settle()
    assert world.service()["status"] == "INACTIVE"
    assert await world.containers() == []


async def test_a_task_that_dies_is_replaced(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    await world.advance(41)
    first = world.tasks(serviceName="web")[0]["taskArn"]
    world.runtime.exit((await world.container_of(first)).name, 1)
    await world.settle()
    second = world.tasks(serviceName="web")[0]
    assert second["taskArn"] != first
    assert second["lastStatus"] == "RUNNING"


async def test_scaling_to_zero_and_deleting_leaves_nothing_running(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2)
    await world.settle()
    world.ecs.update_service(service="web", desiredCount=0)
    await world.settle()
    assert await world.containers() == []
    assert world.ecs.delete_service(service="web")["service"]["status"] == "DRAINING"
    await world.settle()
    assert world.service()["status"] == "INACTIVE"
    assert world.ecs.list_services()["serviceArns"] == []


async def test_a_crash_loop_waits_longer_each_time_and_the_breaker_rolls_back(world):
    world.register()
    breaker = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 3}}
    configuration = {"deploymentCircuitBreaker": breaker}
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, deploymentConfiguration=configuration
    )
    await world.settle()
    await world.advance(41)
    world.register(image="broken:1")
    world.runtime.scripts["broken:1"] = Script(exit_code=1)
    world.ecs.update_service(service="web", taskDefinition="web:2")
    await world.settle()
    failed = world.service()["deployments"][0]["failedTasks"]
    assert 0 < failed < 3
    for _ in range(3):
        await world.advance(5)
    service = world.service()
    assert service["taskDefinition"].endswith("web:1")
    assert [task["taskDefinitionArn"].rpartition(":")[2] for task in world.tasks(serviceName="web")] == ["1"]
    await world.advance(41)
    history = world.ecs.list_service_deployments(service="web")["serviceDeployments"]
    assert "ROLLBACK_SUCCESSFUL" in [deployment["status"] for deployment in history]


async def test_a_draining_instance_is_left_by_services(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2)
    await world.settle()
    await world.advance(41)
    drained = world.tasks(serviceName="web")[0]["containerInstanceArn"]
    world.ecs.update_container_instances_state(containerInstances=[drained], status="DRAINING")
    await world.settle()
    await world.advance(41)
    where = {task["containerInstanceArn"] for task in world.tasks(serviceName="web")}
    assert len(world.tasks(serviceName="web")) == 2 and drained not in where


async def test_a_daemon_service_has_a_task_on_every_instance(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", schedulingStrategy="DAEMON")
    await world.settle()
    assert len({task["containerInstanceArn"] for task in world.tasks(serviceName="web")}) == 2
    world.add_instance(3)
    await world.settle()
    assert len(world.tasks(serviceName="web")) == 3


async def test_what_has_no_place_says_which_instance_came_nearest_and_starts_when_there_is_room(world):
    world.register(memory=600)
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=3)
    await world.settle()
    message = world.service()["events"][0]["message"]
    assert "was unable to place a task because no container instance met all of its requirements" in message
    assert "has insufficient memory available" in message
    world.add_instance(3)
    await world.settle()
    assert world.service()["runningCount"] == 3


async def test_tags_are_propagated_to_the_tasks(world):
    world.register()
    tags = [{"key": "team", "value": "a"}]
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, tags=tags, propagateTags="SERVICE"
    )
    await world.settle()
    arn = world.tasks(serviceName="web")[0]["taskArn"]
    assert world.ecs.describe_tasks(tasks=[arn], include=["TAGS"])["tasks"][0]["tags"] == tags


async def test_steady_services_rest(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    await world.advance(41)
    before = world.cloud.db.total_changes
    await world.settle()
    assert world.cloud.db.total_changes == before


async def test_a_deployment_that_is_stopped_goes_back_to_the_last_good_one(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2)
    await world.settle()
    await world.advance(41)
    good = world.service()["deployments"][0]["id"]
    world.register(image="web:2")
    world.ecs.update_service(service="web", taskDefinition="web:2")
    await world.settle()
    arn = world.service()["currentServiceDeployment"]
    world.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    assert status_of(world, arn) == "ROLLBACK_REQUESTED"
    await world.store.run(world.reconciler.decide)
    assert status_of(world, arn) == "ROLLBACK_IN_PROGRESS"
    await world.advance(41)
    assert status_of(world, arn) == "ROLLBACK_SUCCESSFUL"
    [primary] = world.service()["deployments"]
    assert (primary["id"], primary["rolloutState"]) == (good, "COMPLETED")
    assert {task["taskDefinitionArn"].rpartition(":")[2] for task in world.tasks(serviceName="web")} == {"1"}


def status_of(world, arn):
    [described] = world.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    return described["status"]


async def test_that_tasks_do_not_start_consistently_is_told_once(world):
    world.register(image="broken:1")
    world.runtime.scripts["broken:1"] = Script(exit_code=1)
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    for _ in range(12):
        await world.advance(10)
    told = [event["message"] for event in world.service()["events"]]
    assert len([message for message in told if "has started 1 tasks" in message]) > 4
    assert told.count("(service web) is unable to consistently start tasks successfully.") == 1


async def test_a_daemon_s_desired_count_is_its_instances(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", schedulingStrategy="DAEMON")
    await world.settle()
    service = world.service()
    assert (service["desiredCount"], service["deployments"][0]["desiredCount"]) == (2, 2)


async def test_tasks_that_never_ran_are_stopped_as_pending_ones(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2)
    await world.store.run(world.reconciler.decide)
    world.ecs.update_service(service="web", desiredCount=0)
    await world.settle()
    assert "(service web) stopped 2 pending tasks." in [event["message"] for event in world.service()["events"]]


async def test_tasks_of_a_service_bear_their_capacity_providers_names(world):
    world.register()
    group = {"autoScalingGroupArn": "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:1:group/a"}
    for name in ("a", "b"):
        world.ecs.create_capacity_provider(name=name, autoScalingGroupProvider=group)
    strategy = [{"capacityProvider": "a", "base": 1}, {"capacityProvider": "b", "weight": 1}]
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=3, capacityProviderStrategy=strategy)
    await world.settle()
    assert [task["capacityProviderName"] for task in world.tasks(serviceName="web")] == ["a", "b", "b"]


@pytest.mark.parametrize(("percents", "desired"), [((75, 100), 2), ((100, 125), 3)])
async def test_percents_that_never_allow_a_move_are_told_in_ecs_s_words(world, percents, desired):
    world.register(memory=64)
    low, high = percents
    configuration = {"minimumHealthyPercent": low, "maximumPercent": high}
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=desired, deploymentConfiguration=configuration
    )
    await world.advance(41)
    await world.advance(41)
    world.register(memory=64)
    world.ecs.update_service(service="web", taskDefinition="web:2")
    await world.advance(41)
    assert world.service()["events"][0]["message"] == (
        "(service web) was unable to stop or start tasks during a deployment because of the service deployment"
        " configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )
    assert world.service()["runningCount"] == desired


async def test_a_service_whose_role_cannot_be_assumed_says_so_and_starts_when_it_can(world):
    role = "arn:aws:iam::000000000000:role/web"
    container = {"name": "web", "image": "web:1", "memory": 64}
    world.ecs.register_task_definition(family="web", containerDefinitions=[container], taskRoleArn=role)
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    assert world.tasks(serviceName="web") == []
    [event] = world.service()["events"]
    assert event["message"] == (
        f"(service web) failed to launch a task with (error ECS was unable to assume the role '{role}' that was "
        "provided for this task. Please verify that the role being passed has the proper trust relationship and "
        "permissions and that your IAM user has permissions to pass this role.)."
    )

    world.make_role("web")
    await world.advance(11)
    assert world.service()["runningCount"] == 1


async def test_an_alarm_that_goes_off_during_a_roll_brings_the_version_before_back(world):
    cloudwatch = world.cloud.client("cloudwatch")
    about = {"Namespace": "shop", "MetricName": "errors", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    cloudwatch.put_metric_alarm(
        AlarmName="errors", **about, Threshold=5, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore"
    )
    setting = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    world.register()
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, deploymentConfiguration={"alarms": setting}
    )
    await world.settle()
    await world.advance(41)
    assert world.service()["deploymentConfiguration"]["alarms"] == setting
    assert world.service()["deployments"][0]["rolloutState"] == "COMPLETED"

    world.register(command=["new"])
    world.ecs.update_service(service="web", taskDefinition="web")
    await world.advance(5)
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="errors went up")
    await world.settle()
    await world.advance(41)

    service = world.service()
    assert service["taskDefinition"].endswith("web:1")
    assert [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"]
    messages = [event["message"] for event in service["events"]]
    assert any("deployment failed: alarm detected." in message for message in messages)


async def test_a_service_on_fargate_scales_without_instances(world):
    container = {"name": "web", "image": "web:1"}
    world.ecs.register_task_definition(
        family="small", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[container],
    )  # fmt: skip
    network = {"awsvpcConfiguration": {"subnets": ["subnet-0000000000000000a"]}}
    for name in ("one", "two"):
        world.ecs.create_service(
            serviceName=name, taskDefinition="small", desiredCount=3, launchType="FARGATE", networkConfiguration=network
        )
    await world.settle()
    world.ecs.update_service(service="one", desiredCount=1)
    await world.settle()
    assert len(world.ecs.list_tasks(serviceName="one")["taskArns"]) == 1
    assert len(world.ecs.list_tasks(serviceName="two")["taskArns"]) == 3
    world.ecs.delete_service(service="two", force=True)
    await world.settle()
    assert world.ecs.list_tasks(serviceName="two")["taskArns"] == []
