import pytest
from botocore.exceptions import ClientError

from culm.cluster.services.ec2.network import VPC_ID


def test_a_target_group_has_amazons_defaults(elb):
    arn = elb.target_group("web")
    [seen] = elb.api.describe_target_groups(Names=["web"])["TargetGroups"]
    assert arn.startswith("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/")
    assert seen == {
        "TargetGroupArn": arn,
        "TargetGroupName": "web",
        "Protocol": "HTTP",
        "ProtocolVersion": "HTTP1",
        "Port": 80,
        "VpcId": VPC_ID,
        "TargetType": "instance",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [],
        "IpAddressType": "ipv4",
    }


@pytest.mark.parametrize(
    ("version", "path", "matcher"),
    [("HTTP2", "/", {"HttpCode": "200"}), ("GRPC", "/AWS.ALB/healthcheck", {"GrpcCode": "12"})],
)
def test_groups_that_speak_http_2_have_defaults_of_their_own(elb, version, path, matcher):
    arn = elb.target_group(ProtocolVersion=version)
    [seen] = elb.api.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (seen["ProtocolVersion"], seen["HealthCheckPath"], seen["Matcher"]) == (version, path, matcher)


def test_a_grpc_matcher_is_kept_and_changed(elb):
    arn = elb.target_group(ProtocolVersion="GRPC", HealthCheckPath="/health", Matcher={"GrpcCode": "0-99"})
    changed = elb.api.modify_target_group(TargetGroupArn=arn, Matcher={"GrpcCode": "0,12"})["TargetGroups"][0]
    assert (changed["HealthCheckPath"], changed["Matcher"]) == ("/health", {"GrpcCode": "0,12"})


@pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
def test_groups_that_speak_http_2_need_an_https_listener(elb, version):
    listener = elb.listener(elb.load_balancer())
    with pytest.raises(ClientError, match=f"InvalidConfigurationRequest.*'HTTP' is not supported.*'{version}'"):
        elb.rule(listener, elb.target_group(ProtocolVersion=version))


def test_creating_it_again_gives_the_same_one_and_with_other_settings_is_refused(elb):
    assert elb.target_group("web") == elb.target_group("web")
    with pytest.raises(ClientError, match=r"DuplicateTargetGroupName.*but with different settings"):
        elb.target_group("web", Port=81)


def test_it_names_the_load_balancer_that_uses_it(elb):
    load_balancer = elb.load_balancer()
    group = elb.target_group("web")
    elb.target_group("other")
    elb.rule(elb.listener(load_balancer), group)
    [seen] = elb.api.describe_target_groups(LoadBalancerArn=load_balancer)["TargetGroups"]
    assert (seen["TargetGroupArn"], seen["LoadBalancerArns"]) == (group, [load_balancer])


def test_modifying_changes_what_is_given(elb):
    group = elb.target_group(HealthCheckPath="/old")
    elb.api.modify_target_group(
        TargetGroupArn=group, HealthCheckPath="/health", HealthCheckIntervalSeconds=6, Matcher={"HttpCode": "200-299"}
    )
    [seen] = elb.api.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert (seen["HealthCheckPath"], seen["HealthCheckIntervalSeconds"]) == ("/health", 6)
    assert (seen["Matcher"], seen["UnhealthyThresholdCount"]) == ({"HttpCode": "200-299"}, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5},
            "'5' must be smaller than the interval '5'",
        ),
        ({"HealthCheckPath": "health"}, "must begin with '/'"),
        ({"HealthCheckPort": "http"}, "must be 'traffic-port' or"),
        ({"Matcher": {"HttpCode": "200-600"}}, "must be within '200-499'"),
        ({"Matcher": {"HttpCode": "2xx"}}, "'2xx' is not valid"),
        ({"HealthCheckEnabled": False}, "culm does not support"),
        ({"ProtocolVersion": "QUIC"}, "culm does not support"),
        ({"ProtocolVersion": "GRPC", "Matcher": {"GrpcCode": "0-100"}}, "must be within '0-99'"),
        ({"ProtocolVersion": "GRPC", "Matcher": {"GrpcCode": "9-3"}}, "must be within '0-99'"),
        ({"ProtocolVersion": "GRPC", "Matcher": {"HttpCode": "200"}}, "protocol version GRPC is GrpcCode"),
        ({"ProtocolVersion": "HTTP2", "Matcher": {"GrpcCode": "0"}}, "protocol version HTTP2 is HttpCode"),
        ({"VpcId": "vpc-1"}, "The VPC ID 'vpc-1' is not found"),
        ({"TargetType": "lambda"}, "culm does not support"),
        ({"TargetControlPort": 1}, "culm does not support TargetControlPort"),
    ],
)
def test_a_wrong_or_unsupported_setting_is_refused_by_name(elb, settings, message):
    with pytest.raises(ClientError, match=message):
        elb.target_group(**settings)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("under_score", r"alphanumeric characters or hyphens\(-\)"),
        *((name, f"Value '{name}' at 'targetGroup.targetGroupArn.targetGroupName'") for name in ("-a", "a-", "a--b")),
    ],
)
def test_a_name_that_no_group_can_have_is_refused_in_amazons_words(elb, name, message):
    with pytest.raises(ClientError, match=message):
        elb.target_group(name)


def test_targets_can_speak_https_and_be_checked_by_either_protocol(elb):
    arn = elb.target_group(Protocol="HTTPS", HealthCheckProtocol="HTTPS")
    [seen] = elb.api.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (seen["Protocol"], seen["HealthCheckProtocol"]) == ("HTTPS", "HTTPS")
    [seen] = elb.api.modify_target_group(TargetGroupArn=arn, HealthCheckProtocol="HTTP")["TargetGroups"]
    assert (seen["Protocol"], seen["HealthCheckProtocol"]) == ("HTTPS", "HTTP")


def test_a_group_that_is_made_names_no_load_balancers(elb):
    made = elb.api.create_target_group(Name="web", Port=80, Protocol="HTTP", VpcId=VPC_ID)["TargetGroups"]
    assert "LoadBalancerArns" not in made[0]


def test_a_port_and_a_vpc_are_needed(elb):
    with pytest.raises(ClientError, match="A port must be specified"):
        elb.api.create_target_group(Name="web", VpcId=VPC_ID)
    with pytest.raises(ClientError, match="A VPC ID must be specified"):
        elb.api.create_target_group(Name="web", Port=80)


def test_attributes_have_amazons_defaults_and_only_what_works_can_be_changed(elb):
    group = elb.target_group()
    change = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    elb.api.modify_target_group_attributes(TargetGroupArn=group, Attributes=change)
    seen = elb.api.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    values = {each["Key"]: each["Value"] for each in seen}
    assert values["deregistration_delay.timeout_seconds"] == "1"
    assert (values["stickiness.enabled"], values["load_balancing.algorithm.type"]) == ("false", "round_robin")
    for key, value, message in (
        ("slow_start.duration_seconds", "10", "must be between 30 and 900"),
        ("stickiness.type", "source_ip", "'source_ip' is not supported for target groups with the HTTP protocol"),
        ("stickiness.type", "none", r"'Stickiness type' must be one of \[app_cookie, lb_cookie, source_ip\]"),
        ("no.such", "x", "is not recognized"),
    ):
        with pytest.raises(ClientError, match=message):
            elb.api.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": key, "Value": value}])


def test_one_that_is_not_there_is_not_found_but_can_be_deleted(elb):
    with pytest.raises(elb.api.exceptions.TargetGroupNotFoundException):
        elb.api.describe_target_groups(Names=["nobody"])
    elb.api.delete_target_group(TargetGroupArn=elb.target_group().replace("web", "nobody"))


def test_stickiness_by_a_cookie_of_the_applications_needs_its_name(elb):
    group = elb.target_group()

    def modify(**values):
        given = [{"Key": f"stickiness.{key.replace('__', '.')}", "Value": value} for key, value in values.items()]
        answer = elb.api.modify_target_group_attributes(TargetGroupArn=group, Attributes=given)
        return {each["Key"]: each["Value"] for each in answer["Attributes"]}

    with pytest.raises(ClientError, match=r"InvalidConfigurationRequest.*must set an application cookie name"):
        modify(enabled="true", type="app_cookie")
    for name in ("AWSALBAPP-0", "a b", "a;b"):
        with pytest.raises(ClientError, match=r"InvalidConfigurationRequest.*cookie_name cannot be"):
            modify(app_cookie__cookie_name=name)
    shown = modify(enabled="true", type="app_cookie", app_cookie__cookie_name="session")
    assert (shown["stickiness.type"], shown["stickiness.app_cookie.cookie_name"]) == ("app_cookie", "session")
