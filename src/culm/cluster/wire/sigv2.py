"""S3's older presigned URLs, Signature Version 2: what `aws s3 presign` and boto3 still make unless told otherwise.

Headers signed that way are not taken, as in every region of the last ten years.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationQueryStringAuth
"""

import base64
import hmac
import re
from urllib.parse import unquote

from culm.cluster.wire.http import Request
from culm.cluster.wire.sigv4 import MISMATCH, Rejected, Signature, presigned_query

SUBRESOURCES = frozenset(
    {"accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location"}
    | {"logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment"}
    | {"restore", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId"}
    | {"versioning", "versions", "website", "response-cache-control", "response-content-disposition"}
    | {"response-content-encoding", "response-content-language", "response-content-type", "response-expires"}
)
"""The parameters that are part of what is signed."""


def verify(request: Request, signed: Signature, secret: str, now: float) -> None:
    """Raise `Rejected` unless the URL was made with `secret` for this very request, and is still good."""
    expires = presigned_query(request).get("Expires", "")
    if not re.fullmatch("[0-9]{1,12}", expires):
        raise Rejected("incomplete", "Query-string authentication requires the Signature, Expires and AWSAccessKeyId")
    expected = base64.b64encode(hmac.digest(secret.encode(), text_to_sign(request, expires).encode(), "sha1")).decode()
    if not hmac.compare_digest(expected.encode(), signed.signature.encode("utf-8", "replace")):
        raise Rejected("mismatch", MISMATCH)
    if now > int(expires):
        raise Rejected("expired", "Request has expired")


def text_to_sign(request: Request, expires: str) -> str:
    """Return the text to sign; headers may also have been put into the query."""
    query = presigned_query(request)
    given = {name.lower(): value for name, value in query.items()} | dict(request.headers)
    amazons = sorted(name for name in given if name.startswith("x-amz-"))
    lines = [request.method, given.get("content-md5", ""), given.get("content-type", ""), expires]
    lines += [f"{name}:{given[name].strip()}" for name in amazons]
    return "\n".join([*lines, resource(request)])


def resource(request: Request) -> str:
    parts = [part.partition("=") for part in request.query.split("&") if part]
    kept = sorted((name, equals, unquote(value)) for name, equals, value in parts if name in SUBRESOURCES)
    return request.path + ("?" + "&".join("".join(part) for part in kept) if kept else "")
