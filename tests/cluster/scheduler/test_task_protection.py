"""Scale-in protection, on a runtime in memory."""


async def test_a_protected_task_is_not_the_one_that_scale_in_stops(world):
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2)
    await world.settle()
    await world.advance(41)
    kept = world.tasks(serviceName="web")[0]["taskArn"]
    answer = world.ecs.update_task_protection(cluster="default", tasks=[kept], protectionEnabled=True)
    assert answer["protectedTasks"][0]["protectionEnabled"] is True
    world.ecs.update_service(service="web", desiredCount=1)
    await world.settle()
    assert [task["taskArn"] for task in world.tasks(serviceName="web")] == [kept]
    world.ecs.update_service(service="web", desiredCount=0)
    await world.settle()
    assert len(world.tasks(serviceName="web")) == 1
    await world.advance(121 * 60)
    assert world.tasks(serviceName="web") == []
    assert world.ecs.get_task_protection(cluster="default", tasks=[kept])["protectedTasks"] == []
