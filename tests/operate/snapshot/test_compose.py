"""From AWS's answers to what a person has to know."""

import json
from dataclasses import replace

import msgspec
import pytest
from tests.operate.snapshot.described import (
    GROUP,
    about,
    at,
    deployment,
    graph,
    health,
    instance,
    observed,
    service,
    stopped,
    task,
)

from culm.operate.snapshot.compose import compose
from culm.operate.snapshot.look import in_trouble
from culm.operate.snapshot.observed import Observed
from culm.operate.snapshot.records import Action, Snapshot
from culm.operate.snapshot.troubles import headline
from culm.plan.bill import Each, Hourly, Monthly, PriceList

CRASH = {"last_lines": {stopped()["taskArn"]: ("starting", "no such table")}}


def seen(**changes: object) -> Snapshot:
    return compose(about(), observed(**changes))


def test_a_service_whose_task_runs_and_is_healthy_is_well():
    [orders] = seen().services
    assert (orders.state, orders.summary, orders.cause) == ("well", "1 of 1 running", None)
    assert (orders.url, orders.paths) == ("http://127.0.0.1:8080/orders/", ("/orders/*",))
    assert (orders.revision, orders.image, orders.memory) == ("bamboo-orders:2", "b0e90705", 256)
    assert orders.deployed_by == "ada"


def test_a_scaled_service_shows_its_range_and_what_it_is_scaled_by():
    policy = {
        "PolicyName": "bamboo-orders",
        "TargetTrackingScalingPolicyConfiguration": {
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "TargetValue": 60.0,
        },
    }
    target = {"orders": {"MinCapacity": 1, "MaxCapacity": 4}}
    [orders] = seen(scalable_targets=target, scaling_policies={"orders": [policy]}).services
    assert (orders.scaling, orders.summary) == ("1-4, cpu 60", "1 of 1 running (1-4, cpu 60)")
    assert [each.scaling for each in seen(scalable_targets=target).services] == ["1-4, by nothing"]


def test_a_crashing_task_is_told_with_its_exit_code_how_often_and_its_last_lines():
    crashes = [stopped(), stopped("c" * 32, seconds_ago=50)]
    snapshot = seen(
        services=[service(runningCount=0, deployments=[deployment(rolloutState="IN_PROGRESS", runningCount=0)])],
        tasks=crashes,
        targets={},
        **CRASH,
    )
    [orders] = snapshot.services
    assert orders.state == "wrong"
    assert orders.cause is not None
    assert orders.cause.text == "exited with code 3, 2 times in 15 min"
    assert orders.cause.lines == ("starting", "no such table")
    assert orders.cause.action is not None and orders.cause.action.command == ("rollback", "orders", "1")
    assert [trouble.text for trouble in snapshot.troubles] == [orders.cause.text]


def test_the_way_back_passes_over_what_failed_and_is_not_offered_where_all_did():
    arn = "arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-orders"
    live = service(
        taskDefinition=f"{arn}:3",
        deployments=[deployment("bamboo-orders:3", rolloutState="FAILED", runningCount=0)],
        runningCount=0,
    )
    failed = {f"{arn}:3": "IN_PROGRESS", f"{arn}:2": "ROLLBACK_SUCCESSFUL"}

    def action(outcomes: dict[str, str]) -> Action | None:
        crash = stopped(revision="bamboo-orders:3")
        [orders] = seen(services=[live], tasks=[crash], targets={}, outcomes={"orders": outcomes}).services
        assert orders.cause is not None
        return orders.cause.action

    back = action({**failed, f"{arn}:1": "SUCCESSFUL"})
    assert back is not None and back.command == ("rollback", "orders", "1")
    assert back.why.endswith("(passed over: #2: failed, gone back)")
    assert action({**failed, f"{arn}:1": "STOPPED"}) is None


def test_only_services_in_trouble_are_asked_for_the_outcomes_of_their_deploys():
    sick = {GROUP.format("orders"): [health(state="unhealthy")]}
    assert in_trouble([service()], [task()], {GROUP.format("orders"): [health()]}) == set()
    assert in_trouble([service()], [task()], sick) == {"orders"}
    assert in_trouble([service()], [stopped()], {}) == {"orders"}
    assert in_trouble([service(deployments=[deployment(rolloutState="FAILED")])], [], {}) == {"orders"}


def test_a_kill_for_memory_says_the_limit():
    killed = stopped(exit_code=137)
    killed["containers"] = [{"name": "orders", "exitCode": 137, "reason": "OutOfMemoryError: Container killed"}]
    [orders] = seen(services=[service(runningCount=0)], tasks=[killed], targets={}).services
    assert orders.cause is not None
    assert orders.cause.text == "killed: passed its limit of 256 MiB (exit code 137)"


def test_a_failed_deploy_is_told_at_the_service_that_still_serves():
    failed = deployment(rolloutState="FAILED", rolloutStateReason="tasks failed to start", runningCount=0)
    old = deployment("bamboo-orders:1", id="ecs-svc/1", status="ACTIVE", createdAt=at(5000))
    [orders] = seen(services=[service(deployments=[failed, old])], tasks=[task(), stopped()]).services
    assert orders.state == "wrong"
    assert orders.cause is not None
    assert orders.cause.text == "the deploy of #2 failed: its task exited with code 3; #1 still serves"


def test_a_deploy_that_was_rolled_back_leaves_the_service_well_and_its_cause_in_sight():
    live = service(
        taskDefinition="arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-orders:1",
        deployments=[deployment("bamboo-orders:1")],
    )
    snapshot = seen(services=[live], tasks=[task(revision="bamboo-orders:1"), stopped()])
    [orders] = snapshot.services
    assert orders.state == "well"
    assert orders.cause is not None
    assert orders.cause.text == "the deploy of #2 failed: its task exited with code 3; #1 still serves"
    assert headline(snapshot.services, snapshot.troubles) == "1 thing to look at · 1 of 1 service well"


def test_what_failed_before_a_newer_revision_was_deployed_is_no_trouble_any_more():
    before = stopped(revision="bamboo-orders:1", seconds_ago=500)
    assert seen(tasks=[task(), before]).troubles == ()


def test_a_failure_of_long_ago_is_no_trouble_any_more():
    assert seen(tasks=[task(), stopped(seconds_ago=3000)]).troubles == ()


def test_a_failing_health_check_says_what_it_got():
    bad = health("unhealthy", Reason="Target.ResponseCodeMismatch", Description="Health checks failed with code 500")
    [orders] = seen(targets={GROUP.format("orders"): [bad]}).services
    assert orders.state == "wrong"
    assert orders.cause is not None
    assert orders.cause.text == "1 task running, but the health check fails: Health checks failed with code 500"


def test_no_room_is_told_in_the_schedulers_words():
    event = {
        "id": "1",
        "createdAt": at(10),
        "message": "(service orders) was unable to place a task because no container instance met all requirements.",
    }
    [orders] = seen(services=[service(runningCount=0, events=[event])], tasks=[], targets={}).services
    assert orders.cause is not None and "unable to place a task" in orders.cause.text


def test_a_roll_without_failures_is_on_its_way_not_wrong():
    rolling = service(
        deployments=[deployment(rolloutState="IN_PROGRESS", runningCount=0, pendingCount=1)], pendingCount=1
    )
    snapshot = seen(services=[rolling])
    assert snapshot.services[0].state == "moving"
    assert snapshot.troubles == ()


def test_a_service_that_is_to_have_no_task_is_off():
    assert seen(services=[service(desiredCount=0, runningCount=0)], tasks=[]).services[0].state == "off"


def test_a_task_stopped_by_a_deployment_or_a_person_has_not_failed():
    by_hand = stopped("d" * 32) | {"stopCode": "UserInitiated", "stoppedReason": "Enough"}
    replaced = stopped("e" * 32) | {
        "stopCode": "ServiceSchedulerInitiated",
        "stoppedReason": "Scaling activity initiated by (deployment ecs-svc/2)",
    }
    snapshot = seen(tasks=[task(), by_hand, replaced])
    assert [(one.failed, one.ending) for one in snapshot.tasks if one.stopped_at] == [
        (False, "stopped: enough"),
        (False, "stopped for a deployment or a scaling"),
    ]


def test_requests_errors_and_latency_come_from_the_balancers_metrics():
    measured = {
        ("orders", "requests"): graph({90: 120, 30: 60, 150: 60}),
        ("orders", "errors"): graph({90: 30}),
        ("orders", "refused"): graph({90: 6}),
        ("orders", "mean"): graph({90: 0.25}),
        ("orders", "p95"): graph({90: 0.5}),
    }
    traffic = seen(metrics=measured).services[0].traffic
    assert traffic.requests == pytest.approx(60 / 80)  # the last whole minute, and 20 s of this one
    assert traffic.errors == pytest.approx(36 / 240)
    assert (traffic.mean, traffic.p95) == (0.25, 0.5)


def test_a_service_without_requests_has_none_and_no_share_of_errors():
    measured = {("orders", "requests"): graph({}), ("orders", "errors"): graph({})}
    traffic = seen(metrics=measured).services[0].traffic
    assert (traffic.requests, traffic.errors, traffic.p95) == (0, None, None)


def test_metrics_that_could_not_be_had_are_unknown_not_zero():
    assert seen().services[0].traffic.requests is None


def test_a_tasks_memory_is_its_share_of_its_own_limit():
    id = "a" * 32
    [one] = seen(metrics={(id, "memory"): graph({30: 25.0}), (id, "memory_peak"): graph({900: 75.0, 30: 50.0})}).tasks
    assert (one.memory_used, one.memory_peak, one.memory) == (64, 192, 256)


def test_memory_near_the_limit_is_a_trouble_before_it_is_a_kill():
    measured = {("orders", "memory"): graph({30: 93.0})}
    assert [one.text for one in seen(metrics=measured).troubles] == ["uses 93 % of its 256 MiB; past that it is killed"]


def test_instances_keep_their_numbers_in_the_order_in_which_they_registered():
    young = instance("young", registeredAt=at(10))
    assert [(one.name, one.id) for one in seen(instances=[young, instance("old")]).instances] == [
        ("#1", "i-old"),
        ("#2", "i-young"),
    ]


def test_one_more_task_fits_where_there_is_memory_and_an_agent_that_answers():
    full = instance("full", remainingResources=[{"name": "MEMORY", "integerValue": 200}], registeredAt=at(900))
    away = instance("away", agentConnected=False, registeredAt=at(800))
    snapshot = seen(instances=[instance(), full, away])
    assert snapshot.room is not None and snapshot.room.instances == ("#1",)
    assert "#3: the container agent does not answer" in [one.text for one in snapshot.troubles]


def test_a_failed_migration_is_told_with_the_command_to_run_it_again():
    run = stopped("f" * 32, group="family:bamboo-orders-migrate", exit_code=1)
    snapshot = seen(tasks=[task(), run])
    assert [(one.service, one.text, one.action and one.action.command) for one in snapshot.troubles] == [
        ("orders", "its migration exited with code 1", ("migrate", "orders"))
    ]
    assert snapshot.services[0].failures == 0


def test_events_of_services_tasks_and_deployments_are_one_feed_newest_first():
    steady = {"id": "1", "createdAt": at(5), "message": "(service orders) has reached a steady state."}
    done = {
        "id": "2",
        "createdAt": at(6),
        "message": "(service orders) (deployment ecs-svc/2) deployment completed.",
    }
    snapshot = seen(services=[service(events=[steady, done])], tasks=[task(), stopped()])
    assert [(event.kind, event.message, event.wrong) for event in snapshot.events] == [
        ("event", "ready (ECS: has reached a steady state)", False),
        ("task", "task bbbbbbbb of bamboo-orders:2 exited with code 3", True),
        ("deployment", "deploy of #2 completed", False),
    ]


def test_services_that_culm_yml_does_not_have_are_shown_and_missing_ones_are_named():
    snapshot = compose(about("orders", "web"), observed(services=[service(), service(serviceName="stray")]))
    assert [(one.name, one.known) for one in snapshot.services] == [("orders", True), ("stray", False)]
    assert snapshot.missing == ("web",)


def test_a_month_costs_what_the_instances_that_are_there_cost():
    prices = PriceList(
        region="us-east-1",
        date="2026-01-01",
        source="test",
        hours_a_month=730,
        hourly=Hourly(load_balancer=0.02, lcu=0.008, ipv4=0.005, instances={"t2.micro": 0.01}),
        monthly=Monthly(gp3_gb=0.08, ecr_gb=0.1, logs_stored_gb=0.03),
        each=Each(logs_ingested_gb=0.5),
    )
    cost = compose(about(), observed(), prices).cost
    assert cost is not None
    assert ("t2.micro", "1 instance", pytest.approx(7.3)) in [(a, b, c) for a, b, c in cost.lines]
    assert cost.dollars == pytest.approx(sum(dollars for _, _, dollars in cost.lines))


def test_a_target_without_a_cluster_is_an_empty_snapshot():
    nothing = Observed(
        at=1.0, cluster=False, task_definitions={}, target_groups={}, targets={}, metrics={}, last_lines={}
    )
    snapshot = compose(about(), nothing)
    assert (snapshot.exists, snapshot.services, snapshot.missing) == (False, (), ("orders",))


def test_a_snapshot_is_json_and_comes_back_the_same():
    snapshot = seen(tasks=[task(), stopped()], **CRASH)
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot) == snapshot
    assert json.loads(msgspec.json.encode(snapshot))["services"][0]["state"] == "well"
    assert replace(snapshot, at=0.0) != snapshot
