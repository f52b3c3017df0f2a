"""AWS Signature Version 4: what a signed request says about itself, and whether it is true.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

import datetime
import functools
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import parse_qs, quote_from_bytes, unquote_plus, unquote_to_bytes

from culm.cluster.wire.http import Request
from culm.core.model.record import record

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
EMPTY = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
SKEW_SECONDS = 300
"""A signature is good so long before and after its time: what is replayed later is refused."""
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)
LONGEST_PRESIGNED_SECONDS = 604800

_MOMENT = re.compile("[0-9]{8}T[0-9]{6}Z")
_SECONDS = re.compile("[0-9]{1,9}")

Why = Literal[
    "missing", "incomplete", "unknown", "invalid-token", "expired-token", "skewed", "expired", "mismatch", "payload"
]


class Rejected(Exception):
    """A request whose signature is not to be believed; `why` tells the kind, which each protocol has a code for."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why
        self.message = message


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
    version: Literal[2, 4] = 4
    """2: one of S3's older presigned URLs, which have no scope."""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


def signature(request: Request) -> Signature | None:
    """Return the request's signature, from its Authorization header or its presigned query.

    None if it has none to read.
    """
    header = request.headers.get("authorization", "")
    if header.startswith(ALGORITHM):
        parts = dict(part.strip().partition("=")[::2] for part in header[len(ALGORITHM) :].split(","))
        return _signature(
            parts.get("Credential", ""), parts.get("SignedHeaders", ""), parts.get("Signature", ""), presigned=False
        )
    if "X-Amz-Credential=" in request.query:
        query = presigned_query(request)
        return _signature(
            query.get("X-Amz-Credential", ""),
            query.get("X-Amz-SignedHeaders", ""),
            query.get("X-Amz-Signature", ""),
            presigned=True,
        )
    if "AWSAccessKeyId=" in request.query and "X-Amz-" not in request.query:
        query = presigned_query(request)
        return Signature(
            access_key=query.get("AWSAccessKeyId", ""),
            date="",
            region="",
            service="s3",
            signed_headers=(),
            signature=query.get("Signature", ""),
            presigned=True,
            version=2,
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


def presigned_query(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.query).items()}


def session_token(request: Request, signed: Signature) -> str | None:
    """Return the token that temporary keys come with."""
    if signed.presigned:
        return presigned_query(request).get("X-Amz-Security-Token" if signed.version == 4 else "x-amz-security-token")
    return request.headers.get("x-amz-security-token")


def verify(request: Request, signed: Signature, secret: str, now: float) -> None:
    """Raise `Rejected` unless this request was signed with `secret`, for now, as it is.

    `now` is epoch seconds. S3's signed chunks are verified, too.
    """
    when = signed_at(request, signed)
    check_time(request, signed, when, now)
    check_headers(request, signed)
    _verify_with(request, signed, secret, when, payload_hash(request, signed))


def verify_head(request: Request, signed: Signature, secret: str, now: float) -> None:
    """Verify as `verify` does, before the body is there.

    That is all of it where the head says the body's hash, else what can be known.
    """
    when = signed_at(request, signed)
    check_time(request, signed, when, now)
    check_headers(request, signed)
    if declared := request.headers.get("x-amz-content-sha256"):
        _verify_with(request, signed, secret, when, declared)


def _verify_with(request: Request, signed: Signature, secret: str, when: str, payload: str) -> None:
    digest = hashlib.sha256(canonical_request(request, signed, payload).encode()).hexdigest()
    key = signing_key(secret, signed.date, signed.region, signed.service)
    expected = sign(key, f"{ALGORITHM}\n{when}\n{signed.scope}\n{digest}")
    if not hmac.compare_digest(expected.encode(), signed.signature.encode("utf-8", "replace")):
        raise Rejected("mismatch", MISMATCH)


def sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


@functools.lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return a key that is good for a day, a region and a service; four HMACs that most requests need not pay for."""
    key = b"AWS4" + secret.encode()
    for word in (date, region, service, TERMINATOR):
        key = hmac.digest(key, word.encode(), "sha256")
    return key


def signed_at(request: Request, signed: Signature) -> str:
    """Return when a request was signed, as `20260101T000000Z`."""
    given = presigned_query(request).get("X-Amz-Date") if signed.presigned else request.headers.get("x-amz-date")
    if not given:
        raise Rejected(
            "incomplete", "Authorization header requires existence of either 'X-Amz-Date' or a 'Date' header."
        )
    if not _MOMENT.fullmatch(given) or not _is_moment(given):
        raise Rejected("incomplete", f"Date must be in ISO-8601 'basic format'. Got '{given}'.")
    if given[:8] != signed.date:
        raise Rejected(
            "mismatch", f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {given}"
        )
    return given


def _is_moment(when: str) -> bool:
    try:
        return epoch(when) > 0
    except ValueError:
        return False


@functools.lru_cache(maxsize=64)
def epoch(when: str) -> int:
    """Return epoch seconds. Raises `ValueError` for an impossible moment, such as one of the 13th month."""
    return int(datetime.datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC).timestamp())


def check_time(request: Request, signed: Signature, when: str, now: float) -> None:
    """Raise Rejected for a signature whose time is too far from `now`, or that has expired."""
    age = now - epoch(when)
    if age < -SKEW_SECONDS or (age > SKEW_SECONDS and not signed.presigned):
        what = "expired" if age > 0 else "not yet current"
        raise Rejected(
            "skewed", f"Signature {what}: {when} is more than {SKEW_SECONDS // 60} min. from the server's time"
        )
    if signed.presigned:
        given = presigned_query(request).get("X-Amz-Expires", "")
        if not _SECONDS.fullmatch(given) or not 0 < int(given) <= LONGEST_PRESIGNED_SECONDS:
            raise Rejected("incomplete", f"X-Amz-Expires must be from 1 to {LONGEST_PRESIGNED_SECONDS} seconds")
        if age > int(given):
            raise Rejected("expired", "Request has expired")


def check_headers(request: Request, signed: Signature) -> None:
    """Raise `Rejected` unless the host and every `x-amz-` header are signed: others could be changed on the way."""
    if not signed.signature or not signed.signed_headers[0]:
        missing = "Signature" if not signed.signature else "SignedHeaders"
        raise Rejected("incomplete", f"Authorization header requires '{missing}' parameter.")
    names = set(signed.signed_headers)
    unsigned = [name for name in request.headers if name.startswith("x-amz-") and name not in names]
    if "host" not in names or unsigned:
        raise Rejected(
            "mismatch",
            f"There were headers present in the request which were not signed: {', '.join(unsigned) or 'host'}",
        )
    if absent := names - request.headers.keys():
        raise Rejected("mismatch", f"Signed headers are not in the request: {', '.join(sorted(absent))}")


def payload_hash(request: Request, signed: Signature) -> str:
    """Return what the signature holds in the body's place, once the body is known to be what that says."""
    s3 = signed.service == "s3"
    declared = request.headers.get("x-amz-content-sha256")
    if s3 and declared is None and signed.presigned:
        declared = presigned_query(request).get("X-Amz-Content-Sha256", UNSIGNED)
    if s3 and declared is None:
        raise Rejected("incomplete", "Missing required header for this request: x-amz-content-sha256")
    if s3 and declared is not None and (declared == UNSIGNED or declared.startswith("STREAMING-")):
        return declared
    computed = hashlib.sha256(request.content).hexdigest() if request.content else EMPTY
    if declared is not None and declared != computed:
        raise Rejected("payload", "The provided 'x-amz-content-sha256' header does not match what was computed.")
    return computed


def canonical_request(request: Request, signed: Signature, payload: str) -> str:
    """Return the text of a request that is signed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request
    """
    headers = request.headers
    lines = [f"{name}:{' '.join(headers[name].split())}\n" for name in signed.signed_headers]
    path = canonical_path(request.path, s3=signed.service == "s3")
    query = canonical_query(request.query) if request.query else ""
    return "\n".join((request.method, path, query, "".join(lines), ";".join(signed.signed_headers), payload))


def canonical_path(path: str, *, s3: bool) -> str:
    """Return a path as it is signed: S3's are encoded once, and are what they say; others' normalized, and twice."""
    if path == "/":
        return path
    if s3:
        return "/".join(encoded(unquote_to_bytes(part)) for part in path.split("/"))
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    ending = "/" if kept and path.endswith("/") else ""
    return "/" + encoded("/".join(kept).encode(), safe="/") + ending


def canonical_query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    fields = [(encoded(unquote_plus(name).encode()), encoded(unquote_plus(value).encode())) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(fields) if name != "X-Amz-Signature")


def encoded(text: bytes, safe: str = "") -> str:
    return quote_from_bytes(text, safe=f"{safe}-_.~")


def verify_chunks(
    request: Request,
    signed: Signature,
    secret: str,
    chunks: Iterable[tuple[bytes | memoryview, str]],
    trailer: tuple[bytes, str] | None,
) -> None:
    """Raise `Rejected` unless each chunk of a STREAMING-AWS4-HMAC-SHA256-PAYLOAD body is signed after the last one.

    `chunks` are (data, signature) down to the empty last one; `trailer` is (`name:value\\n` lines, signature).
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    """
    key = signing_key(secret, signed.date, signed.region, signed.service)
    when = signed_at(request, signed)
    before = signed.signature

    def check(kind: str, content: str, given: str) -> None:
        expected = sign(key, f"{ALGORITHM}-{kind}\n{when}\n{signed.scope}\n{before}\n{content}")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise Rejected(
                "mismatch", f"The signature of a chunk does not match: the {kind.lower()} was changed or lost."
            )

    for data, given in chunks:
        check("PAYLOAD", f"{EMPTY}\n{hashlib.sha256(data).hexdigest()}", given)
        before = given
    if trailer is not None:
        check("TRAILER", hashlib.sha256(trailer[0]).hexdigest(), trailer[1])
