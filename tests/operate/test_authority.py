"""The local cluster's authority, as clients get it."""

from pathlib import Path

from tests.serving import served

from culm.cluster.services.acm import x509
from culm.operate.authority import SETTINGS, authority
from culm.target.connection import StaticCredentials, Target


def test_the_authority_is_that_of_whatever_was_requested(tmp_path: Path) -> None:
    with served(tmp_path) as endpoint:
        target = Target(SETTINGS, endpoint, StaticCredentials(access_key="a", secret_key="b"))
        assert authority(target) is None
        acm = target.client("acm")
        arn = acm.request_certificate(DomainName="a.example.com", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        own = authority(target)
        assert own is not None
        x509.check_chain(acm.get_certificate(CertificateArn=arn)["Certificate"], own)
