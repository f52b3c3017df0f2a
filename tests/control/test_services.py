"""Services, from wish to running tasks, on a runtime in memory."""


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
