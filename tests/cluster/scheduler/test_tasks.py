"""RunTask and StopTask end to end, on a runtime in memory."""

from culm.cluster.instance.runtime.fake import Script
from culm.errors import RuntimeFailure


async def test_run_task_places_starts_and_reports_it_with_its_port(world):
    world.register(portMappings=[{"containerPort": 80}])
    started = world.ecs.run_task(taskDefinition="web")["tasks"][0]
    assert started["lastStatus"] == "PENDING"
    await world.settle()
    task = world.task(started["taskArn"])
    assert task["lastStatus"] == task["containers"][0]["lastStatus"] == "RUNNING"
    assert task["containers"][0]["networkBindings"][0]["hostPort"] >= 32768
    assert task["availabilityZone"] == "us-east-1a"


async def test_a_task_that_ends_says_how(world):
    world.register("migrate")
    world.runtime.scripts["migrate:1"] = Script(exit_code=3)
    arn = world.ecs.run_task(taskDefinition="migrate")["tasks"][0]["taskArn"]
    await world.settle()
    task = world.task(arn)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["containers"][0]["exitCode"] == 3


async def test_too_much_memory_ends_with_137_and_says_so(world):
    world.register()
    world.runtime.scripts["web:1"] = Script(memory=400)
    arn = world.ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    await world.settle()
    container = world.task(arn)["containers"][0]
    assert container["exitCode"] == 137
    assert container["reason"] == "OutOfMemoryError: Container killed due to memory usage"


async def test_an_image_that_cannot_be_pulled_is_a_task_that_failed_to_start(world):
    world.register()
    world.runtime.scripts["web:1"] = Script(failure=RuntimeFailure("CannotPullContainerError", "no such image"))
    arn = world.ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    await world.settle()
    task = world.task(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"] == "CannotPullContainerError: no such image"


async def test_orders_that_were_carried_out_are_forgotten(world):
    world.register()
    for _ in range(3):
        [task] = world.ecs.run_task(taskDefinition="web")["tasks"]
        await world.settle()
        world.ecs.stop_task(task=task["taskArn"])
        await world.settle()
    assert [session.ordered for session in world.agents._sessions.values()] == [set(), set()]


async def test_stop_task_stops_its_container(world):
    world.register()
    arn = world.ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    await world.settle()
    stopping = world.ecs.stop_task(task=arn, reason="enough")["task"]
    assert stopping["desiredStatus"] == "STOPPED"
    await world.settle()
    task = world.task(arn)
    assert (task["lastStatus"], task["stopCode"], task["stoppedReason"]) == ("STOPPED", "UserInitiated", "enough")
    assert task["containers"][0]["exitCode"] == 143
    assert await world.containers() == []


async def test_what_does_not_fit_starts_nothing_and_says_why(world):
    world.register(memory=600)
    answer = world.ecs.run_task(taskDefinition="web", count=3)
    assert len(answer["tasks"]) == 2
    assert [failure["reason"] for failure in answer["failures"]] == ["RESOURCE:MEMORY", "RESOURCE:MEMORY"]


async def test_the_room_of_a_stopped_task_is_free_again(world):
    world.register(memory=900)
    first = world.ecs.run_task(taskDefinition="web", count=2)["tasks"]
    await world.settle()
    assert world.ecs.run_task(taskDefinition="web")["failures"]
    world.ecs.stop_task(task=first[0]["taskArn"])
    await world.settle()
    assert not world.ecs.run_task(taskDefinition="web")["failures"]
