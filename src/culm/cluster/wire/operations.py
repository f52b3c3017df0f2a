"""The registry of AWS operations that this cluster serves."""

import sqlite3
import typing
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from culm.cluster.wire.http import Large
from culm.cluster.wire.keyring import Keyring
from culm.core.model.principals import OPERATOR, Principal
from culm.core.model.record import record


class Incoming(Protocol):
    """A large body on its way into the store. Until an operation has named it, it is nobody's."""

    def steps(self) -> Iterator[Callable[[sqlite3.Connection], None]]:
        """Yield brief transactions that bring it there, to be run in this order before the operation's own."""
        ...

    def discard(self, db: sqlite3.Connection) -> None:
        """Let go of what is there: the operation will not come."""
        ...


class LayerParts(Protocol):
    """Layers of images on their way into the registry, each a session that takes bytes in order."""

    def begin(self, repository: str) -> str:
        """Open a session; returns its id."""
        ...

    def size(self, repository: str, upload_id: str) -> int | None:
        """Return how many bytes a session has; None where there is no such session."""
        ...

    def append(self, repository: str, upload_id: str, data: bytes) -> int:
        """Write what comes next; returns how many bytes there are then."""
        ...

    def digest(self, repository: str, upload_id: str, algorithm: str) -> str:
        """Return the digest of what has come."""
        ...

    def finish(self, db: sqlite3.Connection, repository: str, upload_id: str, digest: str) -> None:
        """Make it the repository's blob of that digest."""
        ...


@record
class Call:
    """What an operation may use besides its input: one transaction, the time, fresh ids, who and where it is."""

    db: sqlite3.Connection
    """Inside one transaction: committed when the operation returns, rolled back when it raises."""
    now: float
    """Epoch seconds."""
    new_id: Callable[[], str]
    """32 hexadecimal digits, different at each call."""
    region: str
    account: str
    endpoint: str
    """Base URL of this cluster as its clients reach it, without a trailing slash."""
    request_id: str = ""
    principal: Principal = OPERATOR
    """Who calls."""
    keys: Keyring | None = None
    """Makes sessions' keys; None where there are no keys at all."""
    layer_parts: LayerParts | None = None
    """Takes layers of images; None where there is no registry."""
    incoming: Any = None
    """The body that the operation's `receive` brought into the store, where it was too large to be held."""


@record
class Operation:
    service: str
    """The name botocore has for the service: `ecs`, `elbv2`, `logs`."""
    name: str
    """`CreateService`."""
    function: Callable[[Call, Any], Any]
    input: type
    """The input record: the fields it lacks are refused by name."""
    wakes: bool
    """Whether the control loops should look again when it has committed."""
    long: bool = False
    """Whether it may take more than a moment: it is not run on the event loop."""
    receive: Callable[[Any, Large, str], Incoming] | None = None
    """Given the input, a large body and a fresh id: how the body comes into the store. None: it takes none."""


OPERATIONS: dict[tuple[str, str], Operation] = {}

F = typing.TypeVar("F", bound=Callable[..., Any])


def operation(
    service: str,
    name: str,
    *,
    wakes: bool = False,
    long: bool = False,
    receive: Callable[[Any, Large, str], Incoming] | None = None,
) -> Callable[[F], F]:
    """Serve an AWS operation with this function: `(call, input record) -> record, dict or None`.

    Names inside are AWS's in snake_case. List and Describe operations return the whole list; the wire pages it.
    Timestamps are epoch seconds (float) both ways; blobs are bytes. `long`: its time grows with what is stored, by more
    than a page of rows; everything else would wait for it.
    """

    def register(function: F) -> F:
        if (service, name) in OPERATIONS:
            raise ValueError(f"{service}:{name} is served twice, the second time by {function.__module__}")
        parameters = [h for name, h in typing.get_type_hints(function).items() if name != "return"]
        OPERATIONS[service, name] = Operation(
            service=service,
            name=name,
            function=function,
            input=parameters[1],
            wakes=wakes,
            long=long,
            receive=receive,
        )
        return function

    return register
