"""The AWS API without I/O: a request becomes work for the store's thread, and that work gives the response.

    ready = api.prepare(request)
    if it is not a Response (an error) already: transact(db, ready.work), or api.failed(ready, what that raised)

`asgi` does this over HTTP, the tests do it in process; there is no third way in.
"""

import logging
import sqlite3
from collections.abc import Callable
from typing import Any

from culm.errors import AwsError
from culm.model.arn import ACCOUNT
from culm.model.record import record
from culm.wire import form, json, query
from culm.wire.http import Request, Response
from culm.wire.input import Invalid, compile_input
from culm.wire.models import Operation as Model
from culm.wire.models import Service
from culm.wire.operations import OPERATIONS, Call, Operation
from culm.wire.paging import pager
from culm.wire.services import Served, addressed
from culm.wire.sigv4 import signature

log = logging.getLogger(__name__)

Failure = Callable[[Service | None, AwsError, str], Response]


@record
class Compiled:
    """An operation ready to be called over the wire."""

    operation: Operation
    decode: Callable[[Any], Any]
    """From a request (or its form) to the members that it names."""
    read: Callable[[Any], Any]
    """From members to the input record; raises `Invalid`."""
    encode: Callable[[Any, str], Response]
    cut: Any
    """Its `Pager`, or None."""


@record
class Ready:
    """A request that was understood. `work` runs it inside a transaction."""

    work: Callable[[sqlite3.Connection], Response]
    wakes: bool
    service: Service
    request_id: str
    name: str


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
    ) -> None:
        self.region = region
        self.endpoint = endpoint
        self.account = account
        self._now = now
        self._new_id = new_id
        self._services: dict[str, Service] = {}
        self._compiled: dict[tuple[str, str], Compiled] = {}

    def prepare(self, request: Request) -> Ready | Response:
        """Find the operation and read its input: what to run, or the error to send."""
        request_id = self._request_id()
        service: Service | None = None
        try:
            signed = signature(request)
            target = request.headers.get("x-amz-target")
            fields = {} if target else form.fields(request)
            served = addressed(request, signed, fields)
            service = self._service(served.name)
            name = target.partition(".")[2] if target else fields.get("Action", "")
            compiled = self._find(served, service, name)
            members = compiled.decode(request if target else fields)
            pages = compiled.cut
            window = pages.window(members) if pages else None
            value = self._read(served, compiled, members)
            region = signed.region if signed else self.region
        except AwsError as error:
            return failure_of(service, request)(service, error, request_id)
        except Exception:
            log.exception("request %s could not be read", request_id)
            return failure_of(service, request)(service, bug(request_id), request_id)

        def work(db: sqlite3.Connection) -> Response:
            call = Call(
                db=db,
                now=self._now(),
                new_id=self._new_id,
                region=region,
                account=self.account,
                endpoint=self.endpoint,
                request_id=request_id,
            )
            result = compiled.operation.function(call, value)
            if pages:
                result = pages.cut(result, window)
            return compiled.encode(result, request_id)

        return Ready(work=work, wakes=compiled.operation.wakes, service=service, request_id=request_id, name=name)

    def failed(self, ready: Ready, error: Exception) -> Response:
        """The response to a request whose work raised."""
        if not isinstance(error, AwsError):
            log.error("%s: request %s failed", ready.name, ready.request_id, exc_info=error)
            error = bug(ready.request_id)
        return FAILURES[ready.service.protocol](ready.service, error, ready.request_id)

    def _request_id(self) -> str:
        digits = self._new_id()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"

    def _service(self, name: str) -> Service:
        if name not in self._services:
            self._services[name] = Service(name, [operation for service, operation in OPERATIONS if service == name])
        return self._services[name]

    def _find(self, served: Served, service: Service, name: str) -> Compiled:
        key = served.name, name
        if key not in self._compiled:
            if key not in OPERATIONS:
                raise unserved(served, service, name)
            self._compiled[key] = compile_operation(service.operations[name], OPERATIONS[key], served)
        return self._compiled[key]

    def _read(self, served: Served, compiled: Compiled, members: Any) -> Any:
        try:
            return compiled.read(members)
        except Invalid as problem:
            code = served.missing if problem.missing and served.missing else served.invalid
            raise AwsError(code, problem.message) from problem


def compile_operation(model: Model, operation: Operation, served: Served) -> Compiled:
    """Everything about an operation that does not depend on the request."""
    pages = pager(model, operation.input, served.invalid)
    decoder, encoder = CODECS[model.service.protocol]
    return Compiled(
        operation=operation,
        decode=decoder(model),
        read=compile_input(model, operation.input, pages.members if pages else frozenset()),
        encode=encoder(model),
        cut=pages,
    )


def unserved(served: Served, service: Service, name: str) -> AwsError:
    """The answer to an operation that is Amazon's only, or nobody's."""
    if name in service.names:
        return AwsError("NotImplementedException", f"culm does not serve {served.name}:{name}", 501)
    code = "UnknownOperationException" if service.protocol == "json" else "InvalidAction"
    return AwsError(code, f"{served.name} has no operation {name!r}")


def bug(request_id: str) -> AwsError:
    return AwsError("InternalFailure", f"This is a bug in culm; the daemon's log has it under {request_id}.", 500)


def failure_of(service: Service | None, request: Request) -> Failure:
    """How an error looks to whoever sent this request, which may not have come as far as a service."""
    if service is not None:
        return FAILURES[service.protocol]
    return FAILURES["json" if "x-amz-target" in request.headers else "query"]


CODECS: dict[str, tuple[Callable[[Model], Callable[[Any], Any]], Callable[[Model], Callable[[Any, str], Response]]]] = {
    "json": (json.decoder, json.encoder),
    "query": (form.decoder, query.encoder),
    "ec2": (form.decoder, query.encoder),
}

FAILURES: dict[str, Failure] = {"json": json.failure, "query": query.failure, "ec2": query.ec2_failure}
