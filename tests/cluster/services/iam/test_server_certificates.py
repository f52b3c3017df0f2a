"""IAM's server certificates, through boto3."""

import pytest
from botocore.exceptions import ClientError

from culm.cluster.services.acm import x509
from culm.cluster.services.ec2.network import subnet_id

TAGS = [{"Key": "team", "Value": "shop"}]


@pytest.fixture
def iam(cloud):
    return cloud.client("iam")


@pytest.fixture
def pair(cloud):
    return x509.issue(x509.authority(cloud.now), ("shop.example.com",), "EC_prime256v1", cloud.now)


def uploaded(iam, pair, name="shop", **more):
    return iam.upload_server_certificate(
        ServerCertificateName=name, CertificateBody=pair.body, PrivateKey=pair.private_key, **more
    )["ServerCertificateMetadata"]


def test_a_server_certificate_is_kept_and_shown_and_is_none_of_acms(iam, cloud, pair):
    made = uploaded(iam, pair, Path="/web/", Tags=TAGS)
    assert made["Arn"] == "arn:aws:iam::000000000000:server-certificate/web/shop"
    assert (made["Path"], made["ServerCertificateName"], made["ServerCertificateId"][:4]) == ("/web/", "shop", "ASCA")
    shown = iam.get_server_certificate(ServerCertificateName="shop")["ServerCertificate"]
    assert (shown["ServerCertificateMetadata"], shown["CertificateBody"], shown["Tags"]) == (made, pair.body, TAGS)
    uploaded(iam, pair, "api")
    listed = iam.list_server_certificates()["ServerCertificateMetadataList"]
    assert [each["ServerCertificateName"] for each in listed] == ["api", "shop"]
    assert iam.list_server_certificates(PathPrefix="/web/")["ServerCertificateMetadataList"] == [made]
    acm = cloud.client("acm")
    assert acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"] == []
    assert pair.private_key.splitlines()[1] not in "\n".join(cloud.db.iterdump())


def test_a_listener_takes_one_and_then_it_cannot_be_deleted(iam, cloud, pair):
    made, elb = uploaded(iam, pair), cloud.client("elbv2")
    [balancer] = elb.create_load_balancer(Name="shop", Subnets=[subnet_id("a"), subnet_id("b")])["LoadBalancers"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=8443,
        Certificates=[{"CertificateArn": made["Arn"]}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_server_certificate(ServerCertificateName="shop")
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    iam.delete_server_certificate(ServerCertificateName="shop")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_server_certificate(ServerCertificateName="shop")


def test_what_is_there_or_does_not_fit_together_is_refused(iam, cloud, pair):
    uploaded(iam, pair)
    other = x509.issue(x509.authority(cloud.now), ("x.example.com",), "EC_prime256v1", cloud.now)
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        uploaded(iam, pair)
    with pytest.raises(ClientError, match="MalformedCertificate"):
        uploaded(iam, x509.Pair(body="none", private_key=pair.private_key), "b")
    with pytest.raises(ClientError, match="MalformedCertificate"):
        uploaded(iam, pair, "b", CertificateChain=other.body)
    with pytest.raises(ClientError, match="KeyPairMismatch"):
        uploaded(iam, x509.Pair(body=pair.body, private_key=other.private_key), "b")
