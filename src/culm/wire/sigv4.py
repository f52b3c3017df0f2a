"""AWS Signature Version 4: what a signed request says about itself.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from urllib.parse import parse_qs

from culm.model.record import record
from culm.wire.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"


@record
class Signature:
    """`Credential=AKID/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host;x-amz-date, Signature=...`"""

    access_key: str
    date: str
    region: str
    service: str
    """The signing name: `elasticloadbalancing` for botocore's `elbv2`."""
    signed_headers: tuple[str, ...]
    signature: str
    presigned: bool = False


def signature(request: Request) -> Signature | None:
    """The request's signature, from its Authorization header or its presigned query; None if it has none to read."""
    header = request.headers.get("authorization", "")
    if header.startswith(ALGORITHM):
        parts = dict(part.strip().partition("=")[::2] for part in header[len(ALGORITHM) :].split(","))
        return _signature(
            parts.get("Credential", ""), parts.get("SignedHeaders", ""), parts.get("Signature", ""), presigned=False
        )
    if "X-Amz-Credential=" in request.query:
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        return _signature(
            query["X-Amz-Credential"],
            query.get("X-Amz-SignedHeaders", ""),
            query.get("X-Amz-Signature", ""),
            presigned=True,
        )
    return None


def _signature(credential: str, signed_headers: str, value: str, *, presigned: bool) -> Signature | None:
    scope = credential.rsplit("/", 4)  # an access key may hold slashes, its scope may not
    if len(scope) != 5:
        return None
    access_key, date, region, service, _ = scope
    return Signature(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=tuple(signed_headers.split(";")),
        signature=value,
        presigned=presigned,
    )
