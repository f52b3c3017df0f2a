"""Who may come in: every request is signed by somebody who is known, or refused in its service's own words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from collections.abc import Mapping

from culm.cluster.wire import sigv2
from culm.cluster.wire.chunked import TRAILER_SIGNATURE, is_chunked, split
from culm.cluster.wire.http import Request
from culm.cluster.wire.keyring import Keyring
from culm.cluster.wire.services import Served
from culm.cluster.wire.sigv4 import Rejected, Signature, Why, session_token, verify, verify_chunks, verify_head
from culm.core.model.principals import Principal
from culm.errors import AwsError

Codes = Mapping[Why, tuple[str, int]]

JSON: Codes = {
    "missing": ("MissingAuthenticationTokenException", 400),
    "incomplete": ("IncompleteSignatureException", 400),
    "unknown": ("UnrecognizedClientException", 400),
    "invalid-token": ("UnrecognizedClientException", 400),
    "expired-token": ("ExpiredTokenException", 400),
    "skewed": ("InvalidSignatureException", 400),
    "expired": ("InvalidSignatureException", 400),
    "mismatch": ("InvalidSignatureException", 400),
    "payload": ("InvalidSignatureException", 400),
}
QUERY: Codes = {
    "missing": ("MissingAuthenticationToken", 403),
    "incomplete": ("IncompleteSignature", 400),
    "unknown": ("InvalidClientTokenId", 403),
    "invalid-token": ("InvalidClientTokenId", 403),
    "expired-token": ("ExpiredToken", 403),
    "skewed": ("SignatureDoesNotMatch", 403),
    "expired": ("SignatureDoesNotMatch", 403),
    "mismatch": ("SignatureDoesNotMatch", 403),
    "payload": ("SignatureDoesNotMatch", 403),
}
EC2: Codes = {
    "missing": ("AuthFailure", 401),
    "incomplete": ("IncompleteSignature", 400),
    "unknown": ("AuthFailure", 401),
    "invalid-token": ("AuthFailure", 401),
    "expired-token": ("RequestExpired", 400),
    "skewed": ("RequestExpired", 400),
    "expired": ("RequestExpired", 400),
    "mismatch": ("AuthFailure", 401),
    "payload": ("AuthFailure", 401),
}
S3: Codes = {
    "missing": ("AccessDenied", 403),
    "incomplete": ("AuthorizationHeaderMalformed", 400),
    "unknown": ("InvalidAccessKeyId", 403),
    "invalid-token": ("InvalidToken", 400),
    "expired-token": ("ExpiredToken", 400),
    "skewed": ("RequestTimeTooSkewed", 403),
    "expired": ("AccessDenied", 403),
    "mismatch": ("SignatureDoesNotMatch", 403),
    "payload": ("XAmzContentSHA256Mismatch", 400),
}
CODES = {
    "json": JSON,
    "smithy-rpc-v2-cbor": JSON,
    "query": QUERY,
    "query-json": QUERY,
    "ec2": EC2,
    "rest-json": JSON,
    "rest-xml": S3,
}


UNSIGNED = frozenset({"AssumeRoleWithWebIdentity"})
"""Operations of STS whose requests nobody signs: the token in them says who comes."""


class Gate:
    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    def admit(self, request: Request, signed: Signature | None, now: float) -> Principal:
        """Return who signed this request; raises `Rejected`. `now` is epoch seconds."""
        if signed is None:
            raise Rejected("missing", "Request is missing Authentication Token")
        identity = self._keys.identify(signed.access_key, session_token(request, signed), now)
        (sigv2.verify if signed.version == 2 else verify)(request, signed, identity.secret, now)
        if request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-AWS4-") and is_chunked(request):
            parts = split(request.content)
            trailer = None
            if parts.trailers:
                trailer = parts.trailer_lines, parts.trailers.get(TRAILER_SIGNATURE, "")
            verify_chunks(request, signed, identity.secret, parts.signed, trailer)
        return identity.principal

    def admit_head(self, request: Request, signed: Signature | None, now: float) -> None:
        """Raise `Rejected` where the head of a request alone shows that it will not be admitted."""
        if signed is None:
            raise Rejected("missing", "Request is missing Authentication Token")
        identity = self._keys.identify(signed.access_key, session_token(request, signed), now)
        (sigv2.verify if signed.version == 2 else verify_head)(request, signed, identity.secret, now)


def refusal(protocol: str, served: Served, rejected: Rejected) -> AwsError:
    """Return a refusal as the service says it."""
    code, status = CODES[protocol][rejected.why]
    message = rejected.message
    if served.name == "s3" and rejected.why == "missing":
        message = "Access Denied"
    return AwsError(code, message, status)
