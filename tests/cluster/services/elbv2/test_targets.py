import pytest
from botocore.exceptions import ClientError

from culm.cluster.store.elbv2 import targets

INSTANCE = "i-0123456789abcdef0"


@pytest.fixture
def group(elb):
    arn = elb.target_group()
    elb.rule(elb.listener(elb.load_balancer()), arn)
    return arn


def health(elb, group, *wanted):
    seen = elb.api.describe_target_health(TargetGroupArn=group, **({"Targets": list(wanted)} if wanted else {}))
    return [
        (each["Target"], each["TargetHealth"]["State"], each["TargetHealth"].get("Reason"))
        for each in seen["TargetHealthDescriptions"]
    ]


def test_a_target_begins_initial_and_becomes_what_the_balancer_finds(elb, cloud, group):
    target = {"Id": INSTANCE, "Port": 32768}
    elb.api.register_targets(TargetGroupArn=group, Targets=[target])
    assert health(elb, group) == [(target, "initial", "Elb.RegistrationInProgress")]
    targets.record_health(cloud.db, targets.in_group(cloud.db, group)[0], state="healthy")
    assert health(elb, group) == [(target, "healthy", None)]
    elb.api.get_waiter("target_in_service").wait(TargetGroupArn=group, Targets=[target])


def test_without_a_port_it_is_the_groups(elb, group):
    elb.api.register_targets(TargetGroupArn=group, Targets=[{"Id": INSTANCE}])
    [(target, _, _)] = health(elb, group)
    assert target == {"Id": INSTANCE, "Port": 80}


def test_a_deregistered_target_drains(elb, cloud, group):
    target = {"Id": INSTANCE, "Port": 32768}
    elb.api.register_targets(TargetGroupArn=group, Targets=[target, {"Id": INSTANCE, "Port": 32769}])
    elb.api.deregister_targets(TargetGroupArn=group, Targets=[target])
    assert [state for _, state, _ in health(elb, group)] == ["draining", "initial"]
    assert health(elb, group, target) == [(target, "draining", "Target.DeregistrationInProgress")]
    targets.remove(cloud.db, targets.in_group(cloud.db, group)[0])
    assert health(elb, group, target) == [(target, "unused", "Target.NotRegistered")]
    elb.api.get_waiter("target_deregistered").wait(TargetGroupArn=group, Targets=[target])


def test_targets_of_a_group_without_a_rule_are_unused(elb):
    group = elb.target_group("idle")
    elb.api.register_targets(TargetGroupArn=group, Targets=[{"Id": INSTANCE}])
    assert [(state, reason) for _, state, reason in health(elb, group)] == [("unused", "Target.NotInUse")]


def test_ids_are_checked_by_the_groups_target_type(elb, group):
    with pytest.raises(ClientError, match=r"Instance ID '10.0.0.1' is not valid"):
        elb.api.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1"}])
    by_ip = elb.target_group("by-ip", TargetType="ip")
    elb.api.register_targets(TargetGroupArn=by_ip, Targets=[{"Id": "10.0.0.1"}])
    with pytest.raises(ClientError, match="is not a valid IPv4 address"):
        elb.api.register_targets(TargetGroupArn=by_ip, Targets=[{"Id": INSTANCE}])


def test_a_group_takes_a_thousand_targets(elb, group):
    thousand = [{"Id": INSTANCE, "Port": port} for port in range(1, 1001)]
    elb.api.register_targets(TargetGroupArn=group, Targets=thousand)
    with pytest.raises(elb.api.exceptions.TooManyTargetsException):
        elb.api.register_targets(TargetGroupArn=group, Targets=[{"Id": INSTANCE, "Port": 1001}])
    assert len(health(elb, group)) == 1000


def test_registering_wakes_the_balancer(elb, cloud, group):
    woken = cloud.woken
    elb.api.register_targets(TargetGroupArn=group, Targets=[{"Id": INSTANCE}])
    assert cloud.woken == woken + 1


def test_an_address_of_the_link_is_no_target_of_health_checks(elb):
    by_ip = elb.target_group("by-address", TargetType="ip")
    with pytest.raises(ClientError, match="link-local"):
        elb.api.register_targets(TargetGroupArn=by_ip, Targets=[{"Id": "169.254.169.254", "Port": 80}])
    assert health(elb, by_ip) == []
