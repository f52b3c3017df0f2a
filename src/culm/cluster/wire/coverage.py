"""What is served, field by field, read off the registry: honoured, stored, or refused by name."""

import typing
from collections.abc import Iterator
from typing import Any, Literal

import botocore

from culm.cluster.wire.input import shown, values_taken
from culm.cluster.wire.kinds import element_of, fields_of, unwrap, value_of
from culm.cluster.wire.models import Service, Shape, snake
from culm.cluster.wire.operations import OPERATIONS, Operation
from culm.cluster.wire.paging import pager
from culm.cluster.wire.services import SERVICES
from culm.core.model.record import STORED

Fate = Literal["honoured", "stored", "refused"]

PREFACE = f"""\
# What the local cluster serves

Printed by `python -m culm.cluster.operations`; a test fails when it is stale.
Members are those of botocore {botocore.__version__}.

- **honoured**: it does what AWS documents; where only some of AWS's values are taken, these are named.
- **stored**: it is kept and described back, and changes nothing here.
- **refused**: a request that sets it fails with the service's own validation error, which names the member. An empty
  list or map says nothing and is not refused.

An operation that is not listed answers 501 and its name.
"""


def document() -> str:
    """Return the text of `docs/coverage.md`."""
    names = sorted({service for service, _ in OPERATIONS})
    return "\n".join([PREFACE, *(section(name) for name in names)])


def section(name: str) -> str:
    served = sorted(operation for service, operation in OPERATIONS if service == name)
    model = Service(name, served)
    parts = [f"## {name}\n\n{len(served)} of {len(model.names)} operations.\n"]
    parts += [entry(model, OPERATIONS[name, operation]) for operation in served]
    return "\n".join(parts)


def entry(model: Service, operation: Operation) -> str:
    lines = [f"### {operation.name}\n"]
    fates = list(fields(model, operation))
    for fate in typing.get_args(Fate):
        paths = [f"`{path}`{note}" for path, given, note in fates if given == fate]
        if paths:
            lines.append(f"- {fate}: {', '.join(paths)}")
    if len(lines) == 1:
        lines.append("It has no input.")
    return "\n".join(lines) + "\n"


Field = tuple[str, Fate, str]
"""Where a member is, what becomes of it, and a note."""


def fields(model: Service, operation: Operation) -> Iterator[Field]:
    """Yield every member of an operation's input, at any depth."""
    modelled = model.operations[operation.name]
    if modelled.input is None:
        return
    pages = pager(modelled, operation.input, SERVICES[operation.service].invalid)
    paged = pages.members if pages else frozenset()
    for path, fate, note in below(modelled.input, operation.input, ""):
        yield path, "honoured" if path in paged else fate, note


def below(shape: Shape, kind: Any, prefix: str) -> Iterator[Field]:
    """Yield the members of a structure that a record takes."""
    known = fields_of(kind) or {}
    for name, member in shape.members.items():
        own = snake(name)
        path = f"{prefix}{name}"
        if own not in known:
            yield path, "refused", ""
            continue
        taken = " or ".join(map(shown, values_taken(member, unwrap(known[own]))))
        note = f" ({taken})" if taken else ""
        if STORED in getattr(known[own], "__metadata__", ()):
            yield path, "stored", note
        else:
            yield path, "honoured", note
            yield from inside(member, unwrap(known[own]), path)


def inside(shape: Shape, kind: Any, path: str) -> Iterator[Field]:
    """Yield what is in a member that is honoured; a type that takes anything ends the search."""
    if shape.type == "list":
        yield from inside(shape.member, unwrap(element_of(kind)), f"{path}[]")
    elif shape.type == "map":
        yield from inside(shape.value, unwrap(value_of(kind)), f"{path}{{}}")
    elif shape.type == "structure" and fields_of(kind) is not None:
        yield from below(shape, kind, f"{path}.")
