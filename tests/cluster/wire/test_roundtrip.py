"""botocore is the judge, for every operation of every service: it serialises, we parse; we serialise, it parses."""

import functools
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.model import Shape as Theirs
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from tests.cluster.wire.samples import sample

from culm.cluster.wire.http import Request
from culm.cluster.wire.input import compile_members
from culm.cluster.wire.models import Operation, Service, newest, snake
from culm.cluster.wire.protocols import PROTOCOLS, spoken
from culm.cluster.wire.services import SERVICES

REQUEST_ID = "11111111-2222-3333-4444-555555555555"


@functools.cache
def theirs(service: str) -> ServiceModel:
    """botocore's model as Amazon publishes it, without what its clients take out again before they send."""
    return ServiceModel(Loader().load_data(f"{service}/{newest(service).name}/service-2"), service)


@functools.cache
def ours(service: str) -> Service:
    return Service(service)


def operations(service: str) -> list[tuple[OperationModel, Operation]]:
    """Every operation, served or not, as botocore has it and as we have it."""
    return [
        (theirs(service).operation_model(name), ours(service).operations[name])
        for name in theirs(service).operation_names
        if (service, name) not in LEFT_OUT
    ]


LEFT_OUT = {
    ("s3", "GetBucketLifecycle"): "deprecated: its request is GetBucketLifecycleConfiguration's",
    ("s3", "GetBucketNotification"): "deprecated: its request is GetBucketNotificationConfiguration's",
    ("s3", "PutBucketLifecycle"): "deprecated: its request is PutBucketLifecycleConfiguration's",
    ("s3", "PutBucketNotification"): "deprecated: its request is PutBucketNotificationConfiguration's",
    ("s3", "ListDirectoryBuckets"): "its request is ListBuckets's",
    ("s3", "WriteGetObjectResponse"): "sent to another host, by Lambda functions",
}


EVENT_STREAMS = {"GetLogObject", "SelectObjectContent", "StartLiveTail"}
"""Their outputs never end in one response."""

EVERY_SERVICE = pytest.mark.parametrize(
    ("service", "protocol"), [(name, protocol) for name in SERVICES for protocol in Service(name, ()).protocols]
)
FULL_OR_LEAST = pytest.mark.parametrize("full", [True, False], ids=["full", "least"])


@FULL_OR_LEAST
@EVERY_SERVICE
def test_what_botocore_sends_is_read_as_it_was_meant(service: str, protocol: str, full: bool):
    for model, operation in operations(service):
        meant = sample(model.input_shape, full=full) if model.input_shape else {}
        request = sent(model, meant, protocol)

        assert spoken(request, operation.service) == protocol
        found, parsed = PROTOCOLS[protocol].find(operation.service, request)
        members = PROTOCOLS[protocol].decoder(operation)(parsed)
        values = compile_members(operation.input)(members) if operation.input else {}

        assert (found, values) == (model.name, inside(model.input_shape, meant))


@FULL_OR_LEAST
@EVERY_SERVICE
def test_what_we_send_is_read_by_botocore_as_it_was_meant(service: str, protocol: str, full: bool):
    for model, operation in operations(service):
        if model.name in EVENT_STREAMS:
            continue
        meant = sample(model.output_shape, full=full) if model.output_shape else {}

        response = PROTOCOLS[protocol].encoder(operation)(inside(model.output_shape, meant), REQUEST_ID)
        body = Stream(response.body) if model.has_streaming_output else response.body
        parsed = create_parser(protocol).parse(
            {"status_code": response.status, "headers": HeadersDict(response.headers), "body": body},
            model.output_shape,
        )

        metadata = parsed.pop("ResponseMetadata")
        if model.output_shape or protocol != "smithy-rpc-v2-cbor":  # there botocore looks no further
            assert metadata["RequestId"] == REQUEST_ID
        if model.name == "GetBucketLocation":  # botocore's own parser leaves this one to a handler
            assert meant["LocationConstraint"].encode() in response.body
        else:
            assert (model.name, filled(parsed)) == (model.name, filled(meant))


def filled(members: dict[str, Any]) -> dict[str, Any]:
    """Without members that are empty: over REST, an empty body may be a payload or none."""
    return {name: value for name, value in members.items() if value or value == 0}


def sent(model: OperationModel, members: dict[str, Any], protocol: str) -> Request:
    """The request that botocore makes of these members."""
    made = create_serializer(protocol).serialize_to_request(members, model)
    path, _, constants = made["url_path"].partition("?")
    body = made["body"]
    form = isinstance(body, dict)
    return Request(
        method=made["method"],
        path=path,
        query="&".join(part for part in (constants, urlencode(made["query_string"], doseq=True)) if part),
        headers={name.lower(): value for name, value in made["headers"].items()},
        body=urlencode(body).encode() if form else body,
    )


def inside(shape: Theirs | None, value: Any) -> Any:
    """A value under AWS's names as culm has it inside."""
    match shape.type_name if shape else "":
        case "structure" if not shape.is_document_type:
            return {snake(name): inside(shape.members[name], item) for name, item in value.items()}
        case "list":
            return [inside(shape.member, item) for item in value]
        case "map":
            return {key: inside(shape.value, item) for key, item in value.items()}
        case "timestamp":
            return value.timestamp()
        case _:
            return value


class Stream(bytes):
    """A streamed body, which botocore hands on as it is."""

    def decode(self, *_: Any) -> Any:
        return self
