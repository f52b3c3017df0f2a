"""Certificates, in the words of ACM's API; IAM's server certificates are kept as the same.

https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.record import record


@record
class Certificate:
    """All but its private key. Times are epoch seconds."""

    certificate_arn: str
    domain_name: str
    subject_alternative_names: tuple[str, ...]
    type: Literal["IMPORTED", "AMAZON_ISSUED"]
    body: str
    """PEM."""
    chain: str = ""
    """PEM of those above it, the nearest first."""
    serial: str
    subject: str
    issuer: str
    key_algorithm: str
    signature_algorithm: str
    not_before: float
    not_after: float
    created_at: float
    imported_at: float | None = None
    validation_method: str = "NONE"
    """Of one that was requested: `DNS` or `EMAIL`."""
    idempotency_token: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    unique_id: str = ""
    """IAM's, of a server certificate; empty: it is ACM's."""
