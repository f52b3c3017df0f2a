from tests.builders import NOW, a_deployment, a_service

from culm.core.decide import deployments


def test_a_new_deployment_is_primary():
    web = deployments.begin(a_service(), "ecs-svc/2", "web:2", NOW)
    new, old = web.deployments
    assert (new.status, old.status, web.task_definition) == ("PRIMARY", "ACTIVE", "web:2")
    assert (new.rollout_state, new.rollout_state_reason) == ("IN_PROGRESS", "ECS deployment ecs-svc/2 in progress.")
    assert old.updated_at == NOW
    third = deployments.begin(web, "ecs-svc/3", "web:3", NOW + 1)
    assert [d.status for d in third.deployments] == ["PRIMARY", "ACTIVE", "ACTIVE"]


def test_a_completed_deployment_replaces_all_earlier_ones():
    web = deployments.begin(a_service(), "ecs-svc/2", "web:2", NOW)
    done = deployments.completed(web, web.deployments[0], NOW + 1)
    (only,) = done.deployments
    assert (only.rollout_state, only.rollout_state_reason) == ("COMPLETED", "ECS deployment ecs-svc/2 completed.")


def test_a_roll_back_goes_to_the_newest_completed_deployment():
    web = a_service(
        "web",
        a_deployment("3", "web:3"),
        a_deployment("2", "web:2", status="ACTIVE", rollout_state="FAILED"),
        a_deployment("1", "web:1", status="ACTIVE", rollout_state="COMPLETED"),
    )
    target = deployments.roll_back_target(web)
    assert target is web.deployments[2]
    back = deployments.rolled_back(web, web.deployments[0], target, NOW)
    assert [(d.id, d.status, d.rollout_state) for d in back.deployments] == [
        ("1", "PRIMARY", "IN_PROGRESS"),
        ("3", "ACTIVE", "FAILED"),
        ("2", "ACTIVE", "FAILED"),
    ]
    assert deployments.roll_back_target(back) is None


def test_a_service_without_deployments_has_nowhere_to_go_back_to():
    assert deployments.roll_back_target(a_service("web", a_deployment(status="ACTIVE"))) is None
