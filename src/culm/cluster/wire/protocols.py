"""The protocols that AWS services speak, under one shape: find the operation, decode, encode, fail."""

from collections.abc import Callable
from typing import Any

from culm.cluster.wire import cbor, form, json, query, query_json, rest_json, rest_xml
from culm.cluster.wire.http import Request, Response
from culm.cluster.wire.models import Operation, Service
from culm.core.model.record import record
from culm.errors import AwsError


@record
class Protocol:
    find: Callable[[Service, Request], tuple[str, Any]]
    """The name of the operation, and what `decoder`'s function takes."""
    decoder: Callable[[Operation], Callable[[Any], Any]]
    """Compiled once: from what `find` gave to the members that the request names, under AWS's names."""
    encoder: Callable[[Operation], Callable[[Any, str], Response]]
    """Compiled once: from what an operation returned, and the request's id, to the response."""
    failure: Callable[[AwsError, str], Response]


PROTOCOLS = {
    "ec2": Protocol(find=form.find, decoder=form.decoder, encoder=query.encoder, failure=query.ec2_failure),
    "json": Protocol(find=json.find, decoder=json.decoder, encoder=json.encoder, failure=json.failure),
    "smithy-rpc-v2-cbor": Protocol(find=cbor.find, decoder=cbor.decoder, encoder=cbor.encoder, failure=cbor.failure),
    "query": Protocol(find=form.find, decoder=form.decoder, encoder=query.encoder, failure=query.failure),
    query_json.NAME: Protocol(
        find=form.find, decoder=form.decoder, encoder=query_json.encoder, failure=query_json.failure
    ),
    "rest-json": Protocol(
        find=rest_json.find, decoder=rest_json.decoder, encoder=rest_json.encoder, failure=rest_json.failure
    ),
    "rest-xml": Protocol(
        find=rest_xml.find, decoder=rest_xml.decoder, encoder=rest_xml.encoder, failure=rest_xml.failure
    ),
}


WRAPPED = ("route53", "cloudfront")
"""The signing names of services that speak REST-XML, and wrap their errors as the Query protocol does."""


def spoken(request: Request, service: Service | None = None, signing_name: str = "") -> str:
    """Return a request's protocol: its service's, or what it looks like where that speaks several or is unknown.

    `signing_name`: whom an unknown service's request is signed for. Without one it may be S3's alone.
    """
    if service is not None and service.protocols == ("query",) and request.headers.get("accept") == query_json.ACCEPTED:
        return query_json.NAME
    if service is not None and len(service.protocols) == 1:
        return service.protocol
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in request.headers:
        return "json"
    if service is not None or "Action" in form.fields(request):
        return "query"
    if signing_name in WRAPPED:
        return "query"
    return "rest-json" if signing_name and signing_name != "s3" else "rest-xml"
