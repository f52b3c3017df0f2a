"""The authority that issues the certificates of the local cluster, for clients that are to trust it."""

from culm.project.project import TargetSettings
from culm.target.connection import Target

SETTINGS = TargetSettings(
    name="local", provider="local", instances=(), env="local", region=None, profile=None, endpoint_url=None, port=None
)
"""The local cluster without a project."""
KEY_TYPES = ("RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")


def authority(target: Target) -> str | None:
    """Return its certificate, PEM. None: it is made with the first certificate that is requested, and none was.

    Raises what boto3 raises.
    """
    acm = target.client("acm")
    pages = acm.get_paginator("list_certificates").paginate(Includes={"keyTypes": [*KEY_TYPES]})
    for summary in (each for page in pages for each in page["CertificateSummaryList"]):
        if summary["Type"] == "AMAZON_ISSUED":
            return str(acm.get_certificate(CertificateArn=summary["CertificateArn"])["CertificateChain"])
    return None
