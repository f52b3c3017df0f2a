import pytest

from culm.cluster.store.db import connect
from culm.cluster.store.elbv2 import listeners, load_balancers, rules, target_groups, targets
from culm.core.model.load_balancers import Action, Listener, LoadBalancer, Rule, TargetGroup

GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/0123456789abcdef"


@pytest.fixture
def db():
    connection = connect(":memory:")
    target_groups.save(connection, TargetGroup(target_group_arn=GROUP, target_group_name="web", port=80))
    yield connection
    connection.close()


def use_the_group(db):
    load_balancers.save(db, LoadBalancer(load_balancer_arn="lb", load_balancer_name="web", created_time=0.0))
    listeners.save(db, Listener(listener_arn="lsn", load_balancer_arn="lb", port=8080))
    forward = Action(type="forward", target_group_arn=GROUP)
    rules.save(db, Rule(rule_arn="rule", listener_arn="lsn", priority=None, actions=(forward,)))


def test_a_target_of_a_group_that_no_rule_forwards_to_is_unused(db):
    targets.register(db, GROUP, id="i-1", port=32768, now=1.0)
    [target] = targets.in_group(db, GROUP)
    assert (target.state, target.reason) == ("unused", "Target.NotInUse")


def test_a_registered_target_is_initial_until_the_balancer_says_otherwise(db):
    use_the_group(db)
    targets.register(db, GROUP, id="i-1", port=32768, now=1.0)
    [target] = targets.in_group(db, GROUP)
    assert target.state == "initial"
    targets.record_health(db, target, state="healthy")
    assert [(t.id, t.port, t.state, t.reason) for t in targets.in_group(db, GROUP)] == [("i-1", 32768, "healthy", None)]


def test_registering_a_target_again_changes_nothing(db):
    use_the_group(db)
    targets.register(db, GROUP, id="i-1", port=32768, now=1.0)
    targets.record_health(db, targets.in_group(db, GROUP)[0], state="healthy")
    targets.register(db, GROUP, id="i-1", port=32768, now=2.0)
    [target] = targets.in_group(db, GROUP)
    assert (target.state, target.registered_at) == ("healthy", 1.0)


def test_a_deregistered_target_drains_until_it_is_removed(db):
    use_the_group(db)
    targets.register(db, GROUP, id="i-1", port=32768, now=1.0)
    targets.deregister(db, GROUP, id="i-1", port=32768, now=2.0)
    targets.deregister(db, GROUP, id="i-1", port=32768, now=9.0)
    [target] = targets.in_group(db, GROUP)
    assert (target.state, target.reason, target.deregistered_at) == ("draining", "Target.DeregistrationInProgress", 2.0)
    targets.remove(db, target)
    assert targets.in_group(db, GROUP) == ()


def test_a_draining_target_that_is_registered_again_begins_anew(db):
    use_the_group(db)
    targets.register(db, GROUP, id="i-1", port=32768, now=1.0)
    targets.record_health(db, targets.in_group(db, GROUP)[0], state="healthy")
    targets.deregister(db, GROUP, id="i-1", port=32768, now=2.0)
    [old] = targets.in_group(db, GROUP)
    targets.register(db, GROUP, id="i-1", port=32768, now=3.0)
    targets.remove(db, old)
    targets.record_health(db, old, state="unhealthy")
    [target] = targets.in_group(db, GROUP)
    assert (target.state, target.registered_at, target.deregistered_at) == ("initial", 3.0, None)


def test_rules_can_change_places(db):
    use_the_group(db)
    forward = Action(type="forward", target_group_arn=GROUP)
    for arn, priority in ("a", 1), ("b", 2):
        rules.save(db, Rule(rule_arn=arn, listener_arn="lsn", priority=priority, actions=(forward,)))
    rules.set_priorities(db, {"a": 2, "b": 1})
    assert [(r.rule_arn, r.priority) for r in rules.of_listener(db, "lsn")] == [("b", 1), ("a", 2), ("rule", None)]
    assert rules.default(db, "lsn").rule_arn == "rule"
    assert target_groups.load_balancer_arns(db, GROUP) == ("lb",)
