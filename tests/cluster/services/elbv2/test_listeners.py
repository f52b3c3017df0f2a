import pytest
from botocore.exceptions import ClientError


def test_a_listener_has_a_default_rule_and_shows_its_actions(elb):
    load_balancer = elb.load_balancer()
    group = elb.target_group()
    listener = elb.listener(load_balancer, 8080, {"Type": "forward", "TargetGroupArn": group})
    [seen] = elb.api.describe_listeners(LoadBalancerArn=load_balancer)["Listeners"]
    assert listener.startswith(load_balancer.replace(":loadbalancer/", ":listener/") + "/")
    assert (seen["ListenerArn"], seen["Port"], seen["Protocol"]) == (listener, 8080, "HTTP")
    [action] = seen["DefaultActions"]
    assert action == {
        "Type": "forward",
        "TargetGroupArn": group,
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": group, "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": False},
        },
    }
    [rule] = elb.api.describe_rules(ListenerArn=listener)["Rules"]
    assert (rule["Priority"], rule["IsDefault"], rule["Actions"]) == ("default", True, [action])


def test_a_port_serves_one_listener(elb):
    mine, other = elb.load_balancer("a"), elb.load_balancer("b")
    elb.listener(mine, 8080)
    with pytest.raises(ClientError, match=r"DuplicateListener.*A listener already exists on this port"):
        elb.listener(mine, 8080)
    with pytest.raises(ClientError, match=r"DuplicateListener.*take another port"):
        elb.listener(other, 8080)
    assert elb.api.describe_listeners(LoadBalancerArn=other)["Listeners"] == []


def test_modifying_changes_what_is_given(elb):
    listener = elb.listener(elb.load_balancer(), 8080)
    gone = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410", "MessageBody": "gone"}}
    elb.api.modify_listener(ListenerArn=listener, DefaultActions=[gone])
    elb.api.modify_listener(ListenerArn=listener, Port=8081)
    [seen] = elb.api.describe_listeners(ListenerArns=[listener])["Listeners"]
    assert (seen["Port"], seen["DefaultActions"]) == (8081, [gone])


def test_other_protocols_and_more_than_one_action_are_refused(elb):
    load_balancer = elb.load_balancer()
    not_found = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    with pytest.raises(ClientError, match="Listener protocol 'TLS' must be one of 'HTTP, HTTPS'"):
        elb.api.create_listener(LoadBalancerArn=load_balancer, Protocol="TLS", Port=443, DefaultActions=[not_found])
    with pytest.raises(ClientError, match="InvalidLoadBalancerAction"):
        elb.api.create_listener(
            LoadBalancerArn=load_balancer, Protocol="HTTP", Port=80, DefaultActions=[not_found, not_found]
        )


def test_a_listener_needs_a_protocol_and_a_port(elb):
    load_balancer = elb.load_balancer()
    not_found = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    with pytest.raises(ClientError, match="A listener protocol must be specified"):
        elb.api.create_listener(LoadBalancerArn=load_balancer, Port=80, DefaultActions=not_found)
    with pytest.raises(ClientError, match="A listener port must be specified"):
        elb.api.create_listener(LoadBalancerArn=load_balancer, Protocol="HTTP", DefaultActions=not_found)


def test_one_that_is_not_there_is_not_found(elb):
    arn = elb.listener(elb.load_balancer())
    with pytest.raises(ClientError, match=r"ListenerNotFound.*One or more listeners not found"):
        elb.api.describe_listeners(ListenerArns=[arn, f"{arn}0"])
    with pytest.raises(ClientError, match=r"RuleNotFound.*One or more rules not found"):
        elb.api.describe_rules(RuleArns=["none"])
    with pytest.raises(ClientError, match=r"TargetGroupNotFound.*One or more target groups not found"):
        elb.api.describe_target_groups(TargetGroupArns=["none"])


def test_deleting_frees_its_target_group(elb):
    group = elb.target_group()
    listener = elb.listener(elb.load_balancer(), 8080, {"Type": "forward", "TargetGroupArn": group})
    with pytest.raises(ClientError, match="ResourceInUse"):
        elb.api.delete_target_group(TargetGroupArn=group)
    elb.api.delete_listener(ListenerArn=listener)
    elb.api.delete_target_group(TargetGroupArn=group)
    with pytest.raises(elb.api.exceptions.ListenerNotFoundException):
        elb.api.delete_listener(ListenerArn=listener)


def test_attributes_and_certificates_of_an_http_listener(elb):
    listener = elb.listener(elb.load_balancer())
    server = {"Key": "routing.http.response.server.enabled", "Value": "true"}
    elb.api.modify_listener_attributes(ListenerArn=listener, Attributes=[server])
    seen = elb.api.describe_listener_attributes(ListenerArn=listener)["Attributes"]
    assert server in seen
    assert {each["Value"] for each in seen if each != server} == {""}
    frames = {"Key": "routing.http.response.x_frame_options.header_value", "Value": "DENY"}
    elb.api.modify_listener_attributes(ListenerArn=listener, Attributes=[frames])
    assert frames in elb.api.describe_listener_attributes(ListenerArn=listener)["Attributes"]
    with pytest.raises(ClientError, match=r"x_frame_options.header_value' cannot be 'a\\nb'"):
        elb.api.modify_listener_attributes(ListenerArn=listener, Attributes=[{**frames, "Value": "a\nb"}])
    assert elb.api.describe_listener_certificates(ListenerArn=listener)["Certificates"] == []
