"""Certificate Manager, through boto3."""

import pytest
from botocore.exceptions import ClientError
from tests.certificates import a_certificate, an_authority

from culm.cluster.services.acm import x509
from culm.cluster.services.ec2.network import subnet_id

TAGS = [{"Key": "team", "Value": "shop"}]


@pytest.fixture
def acm(cloud):
    return cloud.client("acm")


@pytest.fixture
def fresh(cloud):
    """A certificate that is valid by the cloud's own clock."""
    return x509.issue(
        x509.authority(cloud.clock.now), ("shop.example.com", "*.shop.example.com"), "EC_prime256v1", cloud.clock.now
    )


def imported(acm, pair, **more):
    return acm.import_certificate(Certificate=pair.body, PrivateKey=pair.private_key, **more)["CertificateArn"]


def requested(acm, name="shop.example.com", **more):
    more = {"ValidationMethod": "DNS", "KeyAlgorithm": "EC_prime256v1", **more}
    return acm.request_certificate(DomainName=name, **more)["CertificateArn"]


def described(acm, arn):
    return acm.describe_certificate(CertificateArn=arn)["Certificate"]


def test_an_imported_certificate_is_described_and_its_key_is_sealed(acm, cloud, fresh):
    arn = imported(acm, fresh, Tags=TAGS)
    assert arn.startswith("arn:aws:acm:us-east-1:000000000000:certificate/")
    shown = described(acm, arn)
    assert (shown["DomainName"], shown["Type"], shown["Status"]) == ("shop.example.com", "IMPORTED", "ISSUED")
    assert shown["SubjectAlternativeNames"] == ["shop.example.com", "*.shop.example.com"]
    assert (shown["KeyAlgorithm"], shown["SignatureAlgorithm"]) == ("EC-prime256v1", "SHA256WITHECDSA")
    assert shown["Issuer"] == "culm local authority"
    assert "IssuedAt" not in shown
    assert acm.get_certificate(CertificateArn=arn).get("CertificateChain") is None
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] == fresh.body
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == TAGS
    assert fresh.private_key.splitlines()[1] not in "\n".join(cloud.db.iterdump())


def test_a_requested_certificate_is_issued_by_the_clusters_authority(acm):
    arn = requested(acm, SubjectAlternativeNames=["*.shop.example.com"])
    shown = described(acm, arn)
    assert (shown["Status"], shown["Type"], shown["RenewalEligibility"]) == ("ISSUED", "AMAZON_ISSUED", "ELIGIBLE")
    [own, wild] = shown["DomainValidationOptions"]
    assert (own["DomainName"], own["ValidationStatus"]) == ("shop.example.com", "SUCCESS")
    assert own["ResourceRecord"] == wild["ResourceRecord"]
    assert own["ResourceRecord"]["Name"].endswith(".shop.example.com.")
    answer = acm.get_certificate(CertificateArn=arn)
    x509.check_chain(answer["Certificate"], answer["CertificateChain"])
    other = acm.get_certificate(CertificateArn=requested(acm, "other.example.com"))
    assert other["CertificateChain"] == answer["CertificateChain"]


def test_a_request_is_repeated_by_its_token_and_by_email_has_mailboxes(acm):
    first = requested(acm, IdempotencyToken="once", ValidationMethod="EMAIL")
    assert requested(acm, IdempotencyToken="once", ValidationMethod="EMAIL") == first
    assert requested(acm, IdempotencyToken="twice") != first
    assert described(acm, first)["DomainValidationOptions"][0]["ValidationEmails"][0] == "admin@shop.example.com"


def test_rsa_is_the_usual_key_and_others_are_listed_when_asked_for(acm):
    rsa, ec = requested(acm, KeyAlgorithm="RSA_2048"), requested(acm)
    assert described(acm, rsa)["KeyAlgorithm"] == "RSA-2048"

    def listed(**more):
        return [each["CertificateArn"] for each in acm.list_certificates(**more)["CertificateSummaryList"]]

    assert listed() == [rsa]
    assert listed(Includes={"keyTypes": ["RSA_2048", "EC_prime256v1"]}) == [rsa, ec]
    assert listed(CertificateStatuses=["FAILED"]) == []
    pages = acm.get_paginator("list_certificates").paginate(
        Includes={"keyTypes": ["EC_prime256v1", "RSA_2048"]}, PaginationConfig={"PageSize": 1}
    )
    assert [len(page["CertificateSummaryList"]) for page in pages] == [1, 1]


def test_parts_that_do_not_belong_together_are_refused(acm, cloud, fresh):
    stranger = x509.issue(x509.authority(cloud.clock.now), ("x.example.com",), "EC_prime256v1", cloud.clock.now)
    old = x509.issue(x509.authority(0.0), ("x.example.com",), "EC_prime256v1", 0.0)
    for body, key, chain, message in (
        (fresh.body, stranger.private_key, None, "does not match"),
        (fresh.body, "no key", None, "not supported"),
        ("no certificate", fresh.private_key, None, "one certificate"),
        (fresh.body + stranger.body, fresh.private_key, None, "one certificate"),
        (fresh.body, fresh.private_key, stranger.body, "chain is not valid"),
        (old.body, old.private_key, None, "expired"),
    ):
        more = {"CertificateChain": chain} if chain else {}
        with pytest.raises(ClientError, match=f"ValidationException.*{message}"):
            acm.import_certificate(Certificate=body, PrivateKey=key, **more)
    assert acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"] == []


@pytest.mark.parametrize(
    "name", ["\ufffe", "bücher.example.com", "-a.example.com", "a b.example.com", "example", "a_b.c.d"]
)
def test_what_is_no_domain_name_is_refused(acm, name):
    for wished in {"DomainName": name}, {"DomainName": "example.com", "SubjectAlternativeNames": [name]}:
        with pytest.raises(ClientError, match=r"ValidationException.*regular expression pattern"):
            acm.request_certificate(**wished)


def test_an_imported_certificate_is_replaced_under_its_arn(acm, cloud, fresh):
    arn = imported(acm, fresh, Tags=TAGS)
    other = x509.issue(x509.authority(cloud.clock.now), ("new.example.com",), "EC_prime256v1", cloud.clock.now)
    assert imported(acm, other, CertificateArn=arn) == arn
    assert described(acm, arn)["DomainName"] == "new.example.com"
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == TAGS
    with pytest.raises(ClientError, match="Tagging is not permitted on re-import"):
        imported(acm, fresh, CertificateArn=arn, Tags=TAGS)
    with pytest.raises(ClientError, match="only re-import a certificate that was imported"):
        imported(acm, fresh, CertificateArn=requested(acm))


def test_tags_come_and_go_and_what_is_not_there_is_told(acm):
    arn = requested(acm)
    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[*TAGS, {"Key": "a"}])
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a"}, {"Key": "team", "Value": "other"}])
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == TAGS
    acm.delete_certificate(CertificateArn=arn)
    for call in (acm.describe_certificate, acm.delete_certificate, acm.get_certificate):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            call(CertificateArn=arn)


def test_the_certificate_of_a_listener_is_in_use(acm, cloud):
    arn, elb = requested(acm), cloud.client("elbv2")
    balancer = elb.create_load_balancer(Name="shop", Subnets=[subnet_id("a"), subnet_id("b")])["LoadBalancers"][0]
    not_found = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=8443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[not_found],
    )["Listeners"][0]
    assert described(acm, arn)["InUseBy"] == [balancer["LoadBalancerArn"]]
    with pytest.raises(ClientError, match="ResourceInUseException"):
        acm.delete_certificate(CertificateArn=arn)
    elb.delete_listener(ListenerArn=listener["ListenerArn"])
    acm.delete_certificate(CertificateArn=arn)


def test_certificates_of_tests_are_of_their_own_authority():
    x509.check_chain(a_certificate("web.example.com").body, an_authority().body)
