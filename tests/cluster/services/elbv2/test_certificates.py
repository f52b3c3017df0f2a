"""HTTPS listeners, through boto3."""

import pytest
from botocore.exceptions import ClientError

NOT_FOUND = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


@pytest.fixture
def certificates(cloud):
    acm = cloud.client("acm")
    return [
        acm.request_certificate(DomainName=f"{name}.example.com", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        for name in "abc"
    ]


def listener(elb, *certificates, port=8443, **more):
    made = elb.api.create_listener(
        LoadBalancerArn=elb.load_balancer(),
        Protocol="HTTPS",
        Port=port,
        Certificates=[{"CertificateArn": arn} for arn in certificates],
        DefaultActions=NOT_FOUND,
        **more,
    )
    return made["Listeners"][0]


def test_an_https_listener_shows_its_certificate_and_its_policy(elb, certificates):
    made = listener(elb, certificates[0], SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")
    [shown] = elb.api.describe_listeners(ListenerArns=[made["ListenerArn"]])["Listeners"]
    assert shown == made
    assert (shown["Protocol"], shown["Certificates"]) == ("HTTPS", [{"CertificateArn": certificates[0]}])
    assert shown["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert shown["MutualAuthentication"] == {"Mode": "off"}


def test_more_certificates_are_added_and_removed_but_the_default_one_stays(elb, certificates):
    arn, [a, b, c] = listener(elb, certificates[0])["ListenerArn"], certificates
    elb.api.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": b}])
    elb.api.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": c}])
    elb.api.remove_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": b}])
    own = elb.api.describe_listener_certificates(ListenerArn=arn)["Certificates"]
    assert own == [{"CertificateArn": a, "IsDefault": True}, {"CertificateArn": c, "IsDefault": False}]
    elb.api.modify_listener(ListenerArn=arn, Certificates=[{"CertificateArn": b}])
    own = elb.api.describe_listener_certificates(ListenerArn=arn)["Certificates"]
    assert [each["CertificateArn"] for each in own] == [b, c]
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        elb.api.remove_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": b}])


def test_a_default_certificate_that_is_added_too_is_listed_twice(elb, certificates):
    arn, given = listener(elb, certificates[0])["ListenerArn"], [{"CertificateArn": certificates[0]}]
    [added] = elb.api.add_listener_certificates(ListenerArn=arn, Certificates=given)["Certificates"]
    assert added == {"CertificateArn": certificates[0], "IsDefault": False}

    def kinds():
        return [each["IsDefault"] for each in elb.api.describe_listener_certificates(ListenerArn=arn)["Certificates"]]

    assert kinds() == [True, False]
    elb.api.remove_listener_certificates(ListenerArn=arn, Certificates=given)
    assert kinds() == [True]


def test_a_listener_becomes_https_and_http_again(elb, certificates):
    arn = elb.listener(elb.load_balancer(), 8080)
    given = [{"CertificateArn": certificates[0]}]
    with pytest.raises(ClientError, match="A certificate must be specified"):
        elb.api.modify_listener(ListenerArn=arn, Protocol="HTTPS")
    [made] = elb.api.modify_listener(ListenerArn=arn, Protocol="HTTPS", Certificates=given)["Listeners"]
    assert (made["Protocol"], made["SslPolicy"]) == ("HTTPS", "ELBSecurityPolicy-2016-08")
    [made] = elb.api.modify_listener(ListenerArn=arn, Protocol="HTTP")["Listeners"]
    assert "Certificates" not in made
    for more in ({"Certificates": given}, {"SslPolicy": "ELBSecurityPolicy-2016-08"}):
        with pytest.raises(ClientError, match="cannot be specified for HTTP listeners"):
            elb.api.modify_listener(ListenerArn=arn, **more)
    with pytest.raises(ClientError, match="cannot be specified for HTTP listeners"):
        elb.api.add_listener_certificates(ListenerArn=arn, Certificates=given)


def test_a_listener_whose_groups_speak_http_2_stays_https(elb, certificates):
    arn = listener(elb, certificates[0])["ListenerArn"]
    elb.rule(arn, elb.target_group(ProtocolVersion="GRPC"), path="/shop.Echo/*")
    with pytest.raises(ClientError, match=r"InvalidConfigurationRequest.*protocol-version setting 'GRPC'"):
        elb.api.modify_listener(ListenerArn=arn, Protocol="HTTP")


def test_what_is_not_there_and_what_is_too_many_are_refused(elb, certificates):
    for wrong, more, code in (
        ([], {}, "A certificate must be specified"),
        (certificates[:2], {}, "TooManyCertificates"),
        (["arn:aws:acm:us-east-1:000000000000:certificate/none"], {}, "CertificateNotFound"),
        (certificates[:1], {"SslPolicy": "none"}, "SSLPolicyNotFound"),
    ):
        with pytest.raises(ClientError, match=code):
            listener(elb, *wrong, **more)
    assert elb.api.describe_listeners(LoadBalancerArn=elb.load_balancer())["Listeners"] == []


def test_policies_say_which_versions_they_take(elb):
    [policy] = elb.api.describe_ssl_policies(Names=["ELBSecurityPolicy-TLS13-1-3-2021-06"] * 2)["SslPolicies"]
    assert policy["SslProtocols"] == ["TLSv1.3"]
    assert policy["Ciphers"][0] == {"Name": "TLS_AES_128_GCM_SHA256", "Priority": 1}
    assert len(elb.api.describe_ssl_policies()["SslPolicies"]) > 10
    with pytest.raises(ClientError, match="SSLPolicyNotFound"):
        elb.api.describe_ssl_policies(Names=["none"])
