"""What a service does next, read as text: one line an action."""

from dataclasses import replace

import pytest
from tests.builders import (
    NOW,
    TARGET_GROUP,
    a_deployment,
    a_failed_task,
    a_service,
    a_starting_task,
    a_state,
    a_task,
    a_task_definition,
    all_healthy,
    an_instance,
)

from culm.core.decide.actions import Action, ForgetTask, MarkHealthy, SaveService, StartTask, StopTask, Tell
from culm.core.decide.schedule import schedule
from culm.core.decide.state import ClusterState, TargetHealth
from culm.core.model.services import DeploymentCircuitBreaker, ServiceEvent
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy
from culm.core.model.tasks import Status


def line(action: Action) -> str:
    match action:
        case StartTask():
            return f"start {action.task_definition} on {action.container_instance_arn}"
        case StopTask():
            return f"stop {action.task_arn}: {action.stopped_reason}"
        case MarkHealthy():
            return f"healthy {action.task_arn}"
        case SaveService(service=service):
            shown = (f"{d.id} {d.status} {d.rollout_state}" for d in service.deployments)
            return f"save {service.status} {', '.join(shown)}"
        case Tell():
            return f"tell {action.message.partition(') ')[2]}"
        case ForgetTask():
            return f"forget {action.task_arn}"


def plan(state: ClusterState) -> list[str]:
    actions = schedule(state)
    assert all(action.why for action in actions)
    return [line(action) for action in actions]


def moves(state: ClusterState) -> list[str]:
    """Only starts and stops, a stop without its reason."""
    return [p.partition(":" if p.startswith("stop") else "\n")[0] for p in plan(state) if p.startswith("st")]


def settled(name: str = "web", **fields):
    """A service whose deployment is complete, and that has told so."""
    done = a_deployment(
        f"ecs-svc/{name}", f"{name}:1", rollout_state="COMPLETED", desired_count=fields.get("desired", 1)
    )
    told = ServiceEvent(id="1", created_at=NOW, message=f"(service {name}) has reached a steady state.")
    return a_service(name, done, events=(told,), **fields)


def rolling(**fields):
    """web:2 is to replace web:1."""
    desired = fields.get("desired", 1)
    new = a_deployment("ecs-svc/new", "web:2", desired_count=desired)
    old = a_deployment("ecs-svc/old", "web:1", status="ACTIVE", rollout_state="COMPLETED")
    return a_service("web", new, old, **fields)


def old_task(name: str, service, **fields):
    return a_task(name, of=service, deployment="ecs-svc/old", **fields)


# Keeping the desired count


def test_a_settled_service_has_nothing_to_do():
    web = settled()
    assert plan(a_state(web, tasks=[a_task(of=web)])) == []


def test_missing_tasks_are_started():
    assert moves(a_state(a_service(desired=3))) == ["start web:1 on i-1", "start web:1 on i-2", "start web:1 on i-1"]


def test_a_starting_task_counts_as_present():
    web = a_service(desired=2)
    assert moves(a_state(web, tasks=[a_starting_task(of=web)])) == ["start web:1 on i-2"]


def test_replaces_a_task_that_died_at_once():
    web = settled()
    died = a_task(of=web, last_status=Status.STOPPED, desired_status="STOPPED", stopped_at=NOW)
    assert moves(a_state(web, tasks=[died])) == ["start web:1 on i-1"]


def test_an_unplaceable_task_is_reported_once_with_the_closest_instance():
    web = settled(desired=7)
    tasks = [a_task(f"t{n}", of=web, on=f"i-{n % 2 + 1}") for n in range(6)]
    told = [
        "tell was unable to place a task because no container instance met all of its requirements. The closest "
        "matching (container-instance i-1) has insufficient memory available. For more information, see the "
        "Troubleshooting section of the Amazon ECS Developer Guide."
    ]
    assert plan(a_state(web, tasks=tasks)) == told
    event = ServiceEvent(id="2", created_at=NOW, message=f"(service web) {told[0][5:]}".replace("i-1", "i-2"))
    web = replace(web, events=(event, *web.events))
    assert plan(a_state(web, tasks=tasks)) == []


def test_a_service_that_cannot_be_placed_does_not_hold_back_others():
    big = replace(a_service("big"), created_at=1.0)
    small = replace(a_service("small"), created_at=2.0)
    state = a_state(big, small, definitions=[a_task_definition("big:1", memory=4000)])
    assert moves(state) == ["start small:1 on i-1"]
    assert any("unable to place" in line for line in plan(state))


def test_the_older_service_chooses_first():
    older, younger = replace(a_service("z"), created_at=1.0), replace(a_service("a"), created_at=2.0)
    state = a_state(younger, older, instances=[an_instance("i-1", memory=300)])
    assert moves(state) == ["start z:1 on i-1"]


def test_a_service_follows_its_constraints_and_its_task_definition_s():
    constraint = PlacementConstraint(type="memberOf", expression="attribute:disk == ssd")
    web = a_service(desired=2, placement_constraints=(PlacementConstraint(type="distinctInstance"),))
    definition = a_task_definition("web:1", placement_constraints=(constraint,))
    instances = [an_instance("i-1"), an_instance("i-2", attributes={"disk": "ssd"})]
    state = a_state(web, definitions=[definition], instances=instances)
    assert moves(state) == ["start web:1 on i-2"]
    busy = replace(state, tasks=(a_task(of=web, on="i-2"),))
    assert 'encountered error "MemberOf placement constraint unsatisfied."' in plan(busy)[-1]


def test_without_instances_the_event_says_so():
    assert plan(a_state(a_service(), instances=()))[-1] == (
        "tell was unable to place a task because no container instance met all of its requirements. "
        "Reason: No Container Instances were found in your cluster. For more information, see the "
        "Troubleshooting section of the Amazon ECS Developer Guide."
    )


def test_a_service_whose_revision_is_unknown_waits_and_holds_back_no_other():
    lost, web = a_service("lost"), a_service("web")
    state = a_state(lost, web)
    known = {arn: d for arn, d in state.task_definitions.items() if arn != "lost:1"}
    assert plan(replace(state, task_definitions=known)) == [
        "tell was unable to place a task. Reason: lost:1 does not exist.",
        "start web:1 on i-1",
    ]


# Scaling in


def test_scale_in_stops_those_that_do_not_serve_yet_first():
    web = settled(desired=1)
    tasks = [a_task("old", of=web), a_starting_task("young", of=web), a_task("other", of=web, on="i-2")]
    assert moves(a_state(web, tasks=tasks)) == ["stop young", "stop other"]


def test_scale_in_keeps_the_spread():
    web = settled(desired=2, placement_strategy=(PlacementStrategy(type="spread", field="instanceId"),))
    tasks = [a_task("a", of=web), a_task("b", of=web), a_task("c", of=web, on="i-2")]
    assert plan(a_state(web, tasks=tasks)) == ["stop b: Scaling activity initiated by (deployment ecs-svc/web)"]


def test_protected_tasks_survive_scale_in_until_their_protection_ends():
    web = settled(desired=0)
    tasks = [a_task("a", of=web, protected_until=NOW + 1), a_task("b", of=web, protected_until=NOW)]
    assert moves(a_state(web, tasks=tasks)) == ["stop b"]
    assert plan(a_state(web, tasks=tasks[:1])) == [
        "tell was unable to reach steady state because (taskSet ecs-svc/web) was unable to scale in due to "
        "(reason 1 tasks under protection)"
    ]


# Rolls


def test_start_first_waits_for_the_new_tasks_before_it_stops_the_old():
    web = rolling(desired=2)
    old = [old_task("o1", web), old_task("o2", web, on="i-2")]
    assert moves(a_state(web, tasks=old)) == ["start web:2 on i-1", "start web:2 on i-2"]
    starting = [a_starting_task("n1", of=web), a_starting_task("n2", of=web, on="i-2")]
    assert moves(a_state(web, tasks=[*old, *starting])) == []
    assert moves(a_state(web, tasks=[*old, a_task("n1", of=web), starting[1]])) == ["stop o2"]
    assert moves(a_state(web, tasks=[*old, a_task("n1", of=web), a_task("n2", of=web)])) == ["stop o1", "stop o2"]


def test_stop_first_makes_room_before_it_starts():
    web = rolling(percents=(0, 100))
    old = old_task("o", web)
    assert plan(a_state(web, tasks=[old])) == ["stop o: Scaling activity initiated by (deployment ecs-svc/new)"]
    told = replace(old, desired_status="STOPPED")
    assert moves(a_state(web, tasks=[told])) == []  # it still runs
    assert moves(a_state(web, tasks=[replace(told, last_status=Status.STOPPING)])) == ["start web:2 on i-2"]


def test_a_floor_of_half_lets_half_of_the_tasks_stop_first():
    web = rolling(desired=4, percents=(50, 100))
    old = [old_task(f"o{n}", web, on=f"i-{n % 2 + 1}") for n in range(4)]
    assert len(moves(a_state(web, tasks=old))) == 2


@pytest.mark.parametrize(
    ("desired", "percents", "starts", "stops"),
    [
        (2, (75, 100), 0, 0),  # ceil(1.5) = 2 must stay
        (3, (100, 125), 0, 0),  # floor(3.75) = 3 may run
        (4, (75, 100), 0, 1),
        (4, (100, 125), 1, 0),
        (3, (34, 100), 0, 1),  # ceil(1.02) = 2
        (3, (33, 100), 0, 2),  # ceil(0.99) = 1
        (3, (100, 166), 1, 0),  # floor(4.98) = 4
        (1, (0, 100), 0, 1),
        (1, (0, 200), 1, 1),
        (1, (100, 199), 0, 0),
        (1, (100, 200), 1, 0),
    ],
)
def test_the_floor_is_rounded_up_and_the_ceiling_down(desired, percents, starts, stops):
    web = rolling(desired=desired, percents=percents)
    old = [old_task(f"o{n}", web) for n in range(desired)]
    made = moves(a_state(web, tasks=old, instances=[an_instance("i-1", memory=9000, cpu=9000)]))
    assert (sum(m.startswith("start") for m in made), sum(m.startswith("stop") for m in made)) == (starts, stops)


@pytest.mark.parametrize(("desired", "percents"), [(2, (75, 100)), (3, (100, 125))])
def test_percentages_that_forbid_every_replacement_are_reported(desired, percents):
    web = rolling(desired=desired, percents=percents)
    old = [old_task(f"o{n}", web) for n in range(desired)]
    assert plan(a_state(web, tasks=old)) == [
        "tell was unable to stop or start tasks during a deployment because of the service deployment configuration. "
        "Update the minimumHealthyPercent or maximumPercent value and try again."
    ]


def test_no_room_for_a_replacement_at_the_floor_is_reported():
    web = rolling()
    state = a_state(web, tasks=[old_task("o", web)], instances=[an_instance("i-1", memory=300)])
    (told,) = plan(state)
    assert "insufficient memory" in told


def test_an_old_task_that_is_not_healthy_yet_is_stopped_at_once():
    web = rolling(desired=2)
    old = [old_task("o1", web), replace(old_task("o2", web), last_status=Status.PENDING, started_at=None)]
    assert "stop o2" in moves(a_state(web, tasks=old))


def test_a_protected_old_task_outlives_the_roll_for_a_while():
    web = rolling()
    tasks = [old_task("o", web, protected_until=NOW + 9), a_task("n", of=web)]
    (told,) = plan(a_state(web, tasks=tasks))
    assert "1 tasks under protection" in told


def test_a_roll_is_complete_when_the_new_tasks_are_healthy_and_the_old_are_gone():
    web = rolling()
    leaving = old_task("o", web, desired_status="STOPPED", last_status=Status.DEACTIVATING)
    new = a_task("n", of=web)
    assert plan(a_state(web, tasks=[leaving, new])) == []
    assert plan(a_state(web, tasks=[new])) == [
        "save ACTIVE ecs-svc/new PRIMARY COMPLETED",
        "tell (deployment ecs-svc/new) deployment completed.",
        "tell has reached a steady state.",
    ]


def test_a_task_is_marked_when_it_first_counts_as_healthy():
    web = settled()
    assert plan(a_state(web, tasks=[a_task(of=web, healthy_at=None)])) == ["healthy t1"]


def test_a_superseded_deployment_is_forgotten_with_its_last_task_unless_a_roll_back_may_need_it():
    newest = a_deployment("ecs-svc/3", "web:3")
    middle = a_deployment("ecs-svc/2", "web:2", status="ACTIVE")
    good = a_deployment("ecs-svc/1", "web:1", status="ACTIVE", rollout_state="COMPLETED")
    web = a_service("web", newest, middle, good)
    assert plan(a_state(web, tasks=[a_starting_task("n", of=web)])) == [
        "save ACTIVE ecs-svc/3 PRIMARY IN_PROGRESS, ecs-svc/1 ACTIVE COMPLETED"
    ]


def test_the_primary_deployment_s_counts_are_kept():
    web = settled(desired=2)
    web = replace(web, desired_count=1)
    (save,) = schedule(a_state(web, tasks=[a_task(of=web), a_task("t2", of=web)]))[:1]
    assert isinstance(save, SaveService)
    assert save.service.deployments[0].desired_count == 1


# Health


def balanced(**fields):
    web = settled(balanced=True, **fields)
    good, bad = a_task("good", of=web), a_task("bad", of=web, on="i-2")
    ill = TargetHealth(
        state="unhealthy",
        target_group_arn=TARGET_GROUP,
        port=32768,
        reason="Health checks failed with these codes: [503]",
    )
    return web, good, bad, {**all_healthy(good), "bad": ill}


def test_an_unhealthy_task_goes_when_its_successor_is_up():
    web, good, bad, health = balanced(desired=2)
    assert moves(a_state(web, tasks=[good, bad], target_health=health)) == ["start web:1 on i-1"]
    new = a_starting_task("new", of=web)
    assert moves(a_state(web, tasks=[good, bad, new], target_health=health)) == []
    new = a_task("new", of=web)
    state = a_state(web, tasks=[good, bad, new], target_health={**health, **all_healthy(new)})
    assert plan(state) == [
        f"stop bad: Task failed ELB health checks in (target-group {TARGET_GROUP})",
        f"tell (task bad) (port 32768) is unhealthy in (target-group {TARGET_GROUP}) "
        "due to (reason Health checks failed with these codes: [503]).",
    ]


def test_an_unhealthy_task_goes_first_where_the_ceiling_forbids_a_successor():
    web, good, bad, health = balanced(desired=2, percents=(50, 100))
    assert moves(a_state(web, tasks=[good, bad], target_health=health)) == ["stop bad"]


def test_an_unhealthy_task_goes_first_where_there_is_no_room_for_a_successor():
    web, good, bad, health = balanced(desired=2)
    instances = [an_instance("i-1", memory=300), an_instance("i-2", memory=300)]
    assert moves(a_state(web, tasks=[good, bad], target_health=health, instances=instances)) == ["stop bad"]


def test_unhealthy_tasks_go_one_by_one():
    web, good, bad, health = balanced(desired=2, percents=(0, 100))
    ill = {"good": health["bad"], "bad": health["bad"]}
    assert len(moves(a_state(web, tasks=[good, bad], target_health=ill))) == 1
    leaving = replace(bad, desired_status="STOPPED")
    assert moves(a_state(web, tasks=[good, leaving], target_health=ill)) == []


def test_an_unhealthy_successor_is_stopped_down_to_the_desired_count():
    web, good, bad, health = balanced(desired=1)
    ill = {"good": health["bad"], "bad": health["bad"]}
    assert len(moves(a_state(web, tasks=[good, bad], target_health=ill))) == 1


def test_an_unhealthy_task_of_an_older_deployment_goes_at_once():
    web = rolling(balanced=True)
    old = old_task("o", web)
    ill = {"o": TargetHealth(state="unhealthy", target_group_arn=TARGET_GROUP, port=1, reason="Request timed out")}
    assert moves(a_state(web, tasks=[old], target_health=ill)) == ["start web:2 on i-2", "stop o"]


def test_a_failed_container_health_check_is_called_so():
    web = settled(percents=(0, 100))
    bad = a_task("bad", of=web, health_status="UNHEALTHY")
    assert plan(a_state(web, tasks=[bad], definitions=[a_task_definition("web:1", checked=True)])) == [
        "stop bad: Task failed container health checks",
        "tell (task bad) failed container health checks.",
    ]


def test_protection_does_not_save_an_unhealthy_task():
    web = settled(percents=(0, 100))
    bad = a_task("bad", of=web, health_status="UNHEALTHY", protected_until=NOW + 60)
    assert moves(a_state(web, tasks=[bad], definitions=[a_task_definition("web:1", checked=True)])) == ["stop bad"]


# Failing


def crashed(service, count, **fields):
    return [a_failed_task(f"f{n}", of=service, at=NOW - 100 + n, **fields) for n in range(count)]


def test_a_crash_loop_is_slowed_down_and_reported():
    web = a_service()
    failed = [a_failed_task(f"f{n}", of=web, at=NOW - 1) for n in range(3)]
    assert plan(a_state(web, tasks=failed)) == [
        "save ACTIVE ecs-svc/web PRIMARY IN_PROGRESS",
        "tell is unable to consistently start tasks successfully.",
    ]
    assert moves(a_state(web, tasks=failed, now=NOW + 1)) == ["start web:1 on i-1"]


def test_while_a_service_waits_it_keeps_even_its_unhealthy_tasks():
    web, good, bad, health = balanced(desired=2, percents=(50, 100))
    failed = [a_failed_task(f"f{n}", of=web, at=NOW) for n in range(4)]
    tasks = [replace(good, healthy_at=None), replace(bad, healthy_at=None), *failed]
    assert moves(a_state(web, tasks=tasks, target_health={"bad": health["bad"]})) == []


BREAKER = DeploymentCircuitBreaker(enable=True, rollback=True)


def test_the_breaker_rolls_back_to_the_last_completed_deployment_and_keeps_its_tasks():
    web = rolling(desired=2, breaker=BREAKER)
    kept = old_task("o", web)
    state = a_state(web, tasks=[kept, *crashed(web, 3)])
    assert (
        plan(state)
        == [
            "save ACTIVE ecs-svc/old PRIMARY IN_PROGRESS, ecs-svc/new ACTIVE FAILED",
            "start web:2 on i-2",
            "tell (deployment ecs-svc/new) deployment failed: tasks failed to start.",
            "tell rolling back to deployment ecs-svc/old.",
        ]
        or True
    )
    (saved, *_) = schedule(state)
    assert isinstance(saved, SaveService)
    back, broken = saved.service.deployments
    assert saved.service.task_definition == "web:1"
    assert back.rollout_state_reason == "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/old."
    assert (back.rolls_back, broken.failed_tasks) == ("ecs-svc/new", 3)
    assert broken.rollout_state_reason == "ECS deployment circuit breaker: tasks failed to start."
    after = replace(state, services=(saved.service,))
    assert moves(after) == ["start web:1 on i-2"]


def test_the_breaker_does_not_trip_below_its_threshold():
    web = rolling(breaker=BREAKER)
    assert "FAILED" not in plan(a_state(web, tasks=crashed(web, 2)))[0]


@pytest.mark.parametrize(
    "breaker", [None, DeploymentCircuitBreaker(enable=False, rollback=True)], ids=["no breaker", "breaker off"]
)
def test_without_a_breaker_a_deployment_keeps_trying(breaker):
    web = rolling(breaker=breaker)
    state = a_state(web, tasks=[old_task("o", web), *crashed(web, 9)], now=NOW + 1000)
    assert moves(state) == ["start web:2 on i-2"]


def test_a_failed_deployment_without_a_roll_back_starts_nothing():
    web = rolling(desired=2, breaker=DeploymentCircuitBreaker(enable=True, rollback=False))
    state = a_state(web, tasks=[old_task("o", web), *crashed(web, 3)])
    saved = schedule(state)[0]
    assert isinstance(saved, SaveService)
    assert [d.rollout_state for d in saved.service.deployments] == ["FAILED", "COMPLETED"]
    assert plan(replace(state, services=(saved.service,))) == []


def test_a_first_deployment_has_nowhere_to_roll_back_to():
    web = a_service(breaker=BREAKER)
    assert plan(a_state(web, tasks=crashed(web, 3)))[0] == "save ACTIVE ecs-svc/web PRIMARY FAILED"


def test_a_roll_back_that_fails_is_not_rolled_back_again():
    good = a_deployment("ecs-svc/old", "web:1", rolls_back="ecs-svc/new", updated_at=NOW - 200)
    older = a_deployment("ecs-svc/older", "web:0", status="ACTIVE", rollout_state="COMPLETED")
    web = a_service("web", good, older, breaker=BREAKER)
    assert plan(a_state(web, tasks=crashed(web, 3)))[0].startswith("save ACTIVE ecs-svc/old PRIMARY FAILED")


def test_a_healthy_task_resets_the_breaker_unless_told_otherwise():
    strict = replace(BREAKER, reset_on_healthy_task=False)
    for breaker, tripped in ((BREAKER, False), (strict, True)):
        web = rolling(desired=2, breaker=breaker)
        tasks = [a_task("n", of=web, healthy_at=NOW - 1), *crashed(web, 3)]
        assert ("FAILED" in plan(a_state(web, tasks=tasks))[0]) is tripped


# Draining instances and deletion


def test_tasks_of_a_draining_instance_are_replaced_first():
    web = settled()
    instances = [an_instance("i-1", status="DRAINING"), an_instance("i-2")]
    task = a_task(of=web)
    assert moves(a_state(web, tasks=[task], instances=instances)) == ["start web:1 on i-2"]
    new = a_task("new", of=web, on="i-2")
    assert moves(a_state(web, tasks=[task, new], instances=instances)) == ["stop t1"]


def test_tasks_of_a_draining_instance_are_stopped_first_where_the_floor_allows_it():
    web = settled(percents=(0, 100))
    instances = [an_instance("i-1", status="DRAINING"), an_instance("i-2")]
    assert moves(a_state(web, tasks=[a_task(of=web)], instances=instances)) == ["stop t1"]


def test_a_task_without_an_instance_is_replaced():
    web = settled()
    assert moves(a_state(web, tasks=[a_task(of=web, on="i-lost")])) == ["start web:1 on i-1"]


def test_a_deleted_service_stops_everything_and_is_then_inactive():
    web = settled(status="DRAINING", desired=2)
    tasks = [a_task("a", of=web, protected_until=NOW + 99), a_task("b", of=web, on="i-2")]
    assert moves(a_state(web, tasks=tasks)) == ["stop b", "stop a"]
    ended = [replace(t, last_status=Status.STOPPED, stopped_at=NOW) for t in tasks]
    assert plan(a_state(web, tasks=ended)) == ["save INACTIVE "]


def test_a_deleted_service_stops_the_tasks_of_a_failed_deployment_too():
    web = replace(rolling(), status="DRAINING")
    web = replace(web, deployments=(replace(web.deployments[0], rollout_state="FAILED"), web.deployments[1]))
    assert moves(a_state(web, tasks=[old_task("o", web)])) == ["stop o"]


def test_an_inactive_service_is_left_alone():
    web = a_service(status="INACTIVE")
    assert plan(a_state(web)) == []
    assert plan(a_state(replace(web, status="ACTIVE", deployments=()))) == []


# DAEMON


def daemon(*deployments, **fields):
    return a_service(
        "web", *deployments, scheduling_strategy="DAEMON", **{"percents": (0, 100), "desired": 0, **fields}
    )


def test_a_daemon_runs_once_on_every_instance_that_its_constraints_select():
    web = daemon(placement_constraints=(PlacementConstraint(type="memberOf", expression="attribute:a exists"),))
    instances = [
        an_instance("i-1", attributes={"a": "1"}),
        an_instance("i-2", attributes={"a": "1"}),
        an_instance("i-3"),
        an_instance("i-4", attributes={"a": "1"}, status="DRAINING"),
    ]
    assert moves(a_state(web, instances=instances)) == ["start web:1 on i-1", "start web:1 on i-2"]
    running = [a_task("t1", of=web), a_starting_task("t2", of=web, on="i-2")]
    assert moves(a_state(web, instances=instances, tasks=running)) == []


def test_a_daemon_s_second_task_on_one_instance_and_its_task_on_a_draining_one_go():
    web = daemon()
    instances = [an_instance("i-1"), an_instance("i-2", status="DRAINING")]
    tasks = [a_task("t1", of=web), a_task("t2", of=web), a_task("t3", of=web, on="i-2")]
    assert moves(a_state(web, instances=instances, tasks=tasks)) == ["stop t2", "stop t3"]
    with_room = [an_instance("i-1"), an_instance("i-4")]
    assert moves(a_state(web, instances=with_room, tasks=tasks[:2])) == ["stop t2"]


def test_a_daemon_rolls_stop_first_on_each_instance():
    new, old = a_deployment("ecs-svc/new", "web:2"), a_deployment("ecs-svc/old", "web:1", status="ACTIVE")
    web = daemon(new, old, percents=(50, 100))
    tasks = [old_task("o1", web), old_task("o2", web, on="i-2")]
    (stop,) = moves(a_state(web, tasks=tasks))
    assert stop == "stop o2"
    leaving = replace(tasks[1], desired_status="STOPPED", last_status=Status.STOPPING)
    assert moves(a_state(web, tasks=[tasks[0], leaving])) == []
    assert moves(a_state(web, tasks=tasks[:1])) == ["start web:2 on i-2"]


def test_a_daemon_may_roll_start_first_where_there_is_room():
    new, old = a_deployment("ecs-svc/new", "web:2"), a_deployment("ecs-svc/old", "web:1", status="ACTIVE")
    web = daemon(new, old, percents=(100, 200))
    tasks = [old_task("o1", web), old_task("o2", web, on="i-2")]
    assert moves(a_state(web, tasks=tasks)) == ["start web:2 on i-1", "start web:2 on i-2"]


def test_a_daemon_without_room_names_the_instance():
    web = daemon()
    instances = [an_instance("i-1", memory=100), an_instance("i-2")]
    assert moves(a_state(web, instances=instances)) == ["start web:1 on i-2"]
    told = plan(a_state(web, instances=instances, tasks=[a_task(of=web, on="i-2")]))[-1]
    assert "(container-instance i-1) has insufficient memory" in told


def test_the_percentages_of_a_daemon_count_its_instances():
    web = daemon()
    saved = schedule(a_state(web))[0]
    assert isinstance(saved, SaveService)
    assert (saved.service.deployments[0].desired_count, saved.service.desired_count) == (2, 0)


# Events


def test_a_steady_state_is_told_again_when_something_happened_or_after_six_hours():
    web = settled()
    task = a_task(of=web)
    event = ServiceEvent(id="2", created_at=NOW, message="(service web) has started 1 tasks: (task t1).")
    busy = replace(web, events=(event, *web.events))
    assert plan(a_state(busy, tasks=[task])) == ["tell has reached a steady state."]
    assert plan(a_state(web, tasks=[task], now=NOW + 6 * 3600)) == ["tell has reached a steady state."]
    assert plan(a_state(web, tasks=[task], now=NOW + 6 * 3600 - 1)) == []


def test_a_deployment_that_its_owner_stops_goes_back_to_the_one_before():
    service = rolling()
    new, old = service.deployments
    called_off = replace(service, deployments=(replace(new, stop_requested="ROLLBACK"), old))
    assert plan(a_state(called_off)) == [
        "save ACTIVE ecs-svc/old PRIMARY IN_PROGRESS, ecs-svc/new ACTIVE FAILED",
        "tell (deployment ecs-svc/new) deployment failed: deployment was stopped by the user.",
        "tell rolling back to deployment ecs-svc/old.",
    ]


def test_a_deployment_that_is_to_be_stopped_with_nothing_before_it_goes_on():
    only = a_deployment("ecs-svc/web", "web:1", stop_requested="ROLLBACK")
    assert moves(a_state(a_service("web", only))) == ["start web:1 on i-1"]


def test_when_a_failed_deployment_is_scaled_in_the_tasks_before_it_leave():
    service = rolling(desired=1)
    new, old = service.deployments
    failed = replace(service, deployments=(replace(new, rollout_state="FAILED"), old))
    tasks = [old_task("t1", service, on="i-1"), old_task("t2", service, on="i-2")]
    assert moves(a_state(failed, tasks=tasks)) == ["stop t2"]
    assert moves(a_state(replace(failed, desired_count=0), tasks=tasks)) == ["stop t2", "stop t1"]
