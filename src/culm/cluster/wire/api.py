"""The AWS API without I/O: a request becomes work for the store, and that work gives the response.

    ready = api.prepare(request)
    if it is not a Response (an error) already: transact(db, ready.work), or ready.fail(what that raised)

`asgi` does this over HTTP, the tests do it in process; there is no third way in.
"""

import functools
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from culm.cluster.store.db import disk_is_full
from culm.cluster.wire import gate
from culm.cluster.wire.actions import Place
from culm.cluster.wire.authorization import Attempt, authorize
from culm.cluster.wire.errors import modelled, named, query_compatible
from culm.cluster.wire.form import fields
from culm.cluster.wire.gate import UNSIGNED, Gate
from culm.cluster.wire.http import Request, Response, held, unzipped
from culm.cluster.wire.input import compile_input
from culm.cluster.wire.invalid import Invalid
from culm.cluster.wire.keyring import Keyring
from culm.cluster.wire.models import Operation as Model
from culm.cluster.wire.models import Service
from culm.cluster.wire.operations import OPERATIONS, Call, Incoming, LayerParts, Operation
from culm.cluster.wire.paging import Pager, pager
from culm.cluster.wire.protocols import PROTOCOLS, spoken
from culm.cluster.wire.rest_routes import Route
from culm.cluster.wire.services import Served, addressed
from culm.cluster.wire.sigv4 import Rejected, Signature, signature
from culm.core.model.arn import ACCOUNT
from culm.core.model.principals import ANONYMOUS, Principal, operator
from culm.core.model.record import record
from culm.errors import AwsError

log = logging.getLogger(__name__)

LARGE = 1 << 18
"""Bytes of a body that is not to keep others waiting while it is hashed, read and written."""


@record
class Compiled:
    """An operation ready to be called over the wire."""

    operation: Operation
    decode: Callable[[Any], Any]
    """From a request (or its form) to the members that it names."""
    read: Callable[[Any], Any]
    """From members to the input record; raises `Invalid`."""
    encode: Callable[[Any, str], Response]
    pages: Pager | None


@record
class Ready:
    """A request that was understood. `work` runs it inside a transaction."""

    work: Callable[[sqlite3.Connection], Response]
    fail: Callable[[Exception], Response]
    """The response, when `work` raised."""
    service: str
    wakes: bool
    long: bool
    """Whether `work` may take more than a moment."""
    incoming: Incoming | None = None
    """What is to be brought into the store before `work`, in transactions of its own."""


COMPILED: dict[tuple[Service, str, Operation], Compiled] = {}
"""By service, protocol and operation. It depends on no Api: all of a process share it, and the models."""


@functools.cache
def model(service: str, operations: frozenset[str]) -> Service:
    """Return the model of a service, with these operations of it."""
    return Service(service, operations)


class Api:
    """Every operation of `OPERATIONS`, compiled at its first call."""

    def __init__(
        self,
        *,
        region: str,
        endpoint: str,
        now: Callable[[], float],
        new_id: Callable[[], str],
        account: str = ACCOUNT,
        keys: Keyring | None = None,
        layer_parts: LayerParts | None = None,
        verified: bool = True,
        load: Callable[[str], None] | None = None,
    ) -> None:
        """Without `keys`, or not `verified`: nothing is checked, and everybody is the operator.

        `load` is called with a service's name before its first request: it puts the operations into the registry.
        """
        self.region = region
        self.endpoint = endpoint
        self.account = account
        self._now = now
        self._new_id = new_id
        self._keys = keys
        self._layer_parts = layer_parts
        self._gate = Gate(keys) if keys is not None and verified else None
        self._load = load
        self._services: dict[str, Service] = {}

    def prepare(self, request: Request) -> Ready | Response:
        """Find the operation and read its input: what to run, or the error to send."""
        request_id = self._request_id()
        service: Service | None = None
        try:
            signed = signature(request)
            served = addressed(request, signed)
            service = self._service(served.name)
            if served.name != "s3":  # nobody else has objects
                request = held(request)
            protocol = spoken(request, service)
            unsigned = signed is None and served.name == "sts" and fields(request).get("Action") in UNSIGNED
            principal = ANONYMOUS if unsigned else self._admit(served, protocol, request, signed)
            name, routed = PROTOCOLS[protocol].find(service, unzipped(request))
            compiled = self._find(served, service, protocol, name)
            large = routed.request.large if isinstance(routed, Route) else None
            if large is not None and compiled.operation.receive is None:
                raise AwsError("MaxMessageLengthExceeded", "Your request was too big.")
            members = compiled.decode(routed)
            pages = compiled.pages
            window = pages.window(members) if pages else None
            value = self._read(served, compiled, members)
            receive = compiled.operation.receive
            incoming = receive(value, large, self._new_id()) if receive and large is not None else None
            region = (signed.region if signed else "") or self.region
        except Exception as error:
            return self._refusal(service, request, error, request_id)

        def work(db: sqlite3.Connection) -> Response:
            call = Call(
                db=db,
                now=self._now(),
                new_id=self._new_id,
                region=region,
                account=self.account,
                endpoint=self.endpoint,
                request_id=request_id,
                principal=principal,
                keys=self._keys,
                layer_parts=self._layer_parts,
                incoming=incoming,
            )
            place = Place(region=region, account=self.account)
            asked = Attempt(
                service=served.name, protocol=protocol, operation=name, members=members, source=request.source
            )
            authorize(db, principal, asked, place)
            result = compiled.operation.function(call, value)
            if pages and window:
                result = pages.cut(result, window)
            return compiled.encode(result, request_id)

        return Ready(
            work=work,
            service=served.name,
            wakes=compiled.operation.wakes,
            long=compiled.operation.long or len(request.body) > LARGE,
            fail=lambda error: self._refusal(service, request, error, request_id),
            incoming=incoming,
        )

    def refuse_head(self, request: Request) -> Response | None:
        """Return the refusal of a request whose body has not been read: nobody is to send much who may not come in."""
        if self._gate is None:
            return None
        service: Service | None = None
        try:
            signed = signature(request)
            served = addressed(request, signed)
            service = self._service(served.name)
            try:
                self._gate.admit_head(request, signed, self._now())
            except Rejected as rejected:
                raise gate.refusal(spoken(request, service), served, rejected) from rejected
        except Exception as error:
            return self._refusal(service, request, error, self._request_id())
        return None

    def _admit(self, served: Served, protocol: str, request: Request, signed: Signature | None) -> Principal:
        if self._gate is None:
            return operator(self.account)
        try:
            return self._gate.admit(request, signed, self._now())
        except Rejected as rejected:
            raise gate.refusal(protocol, served, rejected) from rejected

    def _refusal(self, service: Service | None, request: Request, error: Exception, request_id: str) -> Response:
        """Return the response to a request that failed; what nobody meant is a bug, and goes to the log."""
        if disk_is_full(error):
            error = AwsError("InsufficientStorage", "no space is left on the disk of the cluster's CULM_HOME", 507)
        elif not isinstance(error, AwsError):
            log.error("request %s failed", request_id, exc_info=error)
            message = f"This is a bug in culm; the daemon's log has it under {request_id}."
            error = AwsError("InternalFailure", message, 500)
        signed = signature(request) if service is None else None
        protocol = spoken(request, service, signed.service if signed else "")
        if service is None:
            response = PROTOCOLS[protocol].failure(error, request_id)
        elif "awsQueryCompatible" in service.metadata and protocol != "query":
            response = query_compatible(PROTOCOLS[protocol].failure(named(service, error), request_id), error)
        else:
            response = PROTOCOLS[protocol].failure(modelled(service, error), request_id)
        return replace(response, body=b"") if request.method == "HEAD" else response

    def _request_id(self) -> str:
        digits = self._new_id()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def _service(self, name: str) -> Service:
        if name not in self._services:
            if self._load is not None:
                self._load(name)
            self._services[name] = model(name, frozenset(op for service, op in OPERATIONS if service == name))
        return self._services[name]

    def _find(self, served: Served, service: Service, protocol: str, name: str) -> Compiled:
        operation = OPERATIONS.get((served.name, name))
        if operation is None:
            raise unserved(served, service, protocol, name)
        key = service, protocol, operation
        if key not in COMPILED:
            COMPILED[key] = compile_operation(service.operations[name], operation, served, protocol)
        return COMPILED[key]

    def _read(self, served: Served, compiled: Compiled, members: Any) -> Any:
        try:
            return compiled.read(members)
        except Invalid as problem:
            code = served.missing if problem.missing and served.missing else served.invalid
            raise AwsError(code, problem.message(quoted=served.quotes_constraints)) from problem


def compile_operation(model: Model, operation: Operation, served: Served, protocol_name: str) -> Compiled:
    """Compile everything about an operation that does not depend on the request."""
    pages = pager(model, operation.input, served.invalid)
    protocol = PROTOCOLS[protocol_name]
    return Compiled(
        operation=operation,
        decode=protocol.decoder(model),
        read=compile_input(model, operation.input, pages.members if pages else frozenset()),
        encode=protocol.encoder(model),
        pages=pages,
    )


def unserved(served: Served, service: Service, protocol: str, name: str) -> AwsError:
    """Return the answer to an operation that is Amazon's only, or nobody's."""
    if name in service.names:
        return AwsError(served.unserved, f"culm does not serve {served.name}:{name}", 501)
    code = "UnknownOperationException" if protocol in ("json", "smithy-rpc-v2-cbor") else "InvalidAction"
    return AwsError(code, f"{served.name} has no operation {name!r}")
