"""Records: frozen, slotted, keyword-only dataclasses, made a tenth as dear as `dataclass` makes them.

A command loads more than a hundred records and makes values of a few. `dataclass` compiles seven methods for each class
as it is loaded, which is most of what loading takes. Here a class gets methods that are compiled once for all, and its
`__init__`, the one that has to be fast, when the first value is made.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Annotated, Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class a record. Change one with `dataclasses.replace`."""
    return _frozen(cls, slots=True)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def members(cls: type[T]) -> type[T]:
    """Make a class a set of fields that records can have beside another base; itself it has no instances.

    A class may have one base with slots, so these have none: the record that takes them in has them.
    """
    return _frozen(cls, slots=False)


def filled(value: T, **changes: Any) -> T:
    """Set fields of a frozen record in place. Only for one just decoded that nothing else refers to."""
    for name, change in changes.items():
        object.__setattr__(value, name, change)
    return value


def _frozen(cls: type[T], *, slots: bool) -> type[T]:
    """Return the class with its fields, and with the methods that it does not have itself."""
    own = set(vars(cls))
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # else `dataclass` works out a signature for it
    made: Any = dataclass(slots=slots, kw_only=True, init=False, repr=False, eq=False)(cls)
    names = tuple(each.name for each in fields(made))
    methods: dict[str, Any] = {
        "__init__": _first_init(made),
        "__signature__": _Signature(made),
        "__repr__": _shown,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__getstate__": _state,
        "__setstate__": _set_state,
    }
    if "__eq__" not in own:
        methods |= _comparison(names)
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    finished: type[T] = made
    return finished


def _comparison(names: tuple[str, ...]) -> dict[str, Any]:
    """Return `__eq__` and `__hash__`, by these fields' values."""
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: Any) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or values(self) == values(other)

    def hashed(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": equal, "__hash__": hashed}


def _first_init(cls: Any) -> Callable[..., None]:
    """Return an `__init__` that puts the class's real one in its place when it is called first."""

    def __init__(self: Any, /, **values: Any) -> None:
        cls.__init__ = init = _compiled_init(cls)
        init(self, **values)

    return __init__


def _compiled_init(cls: Any) -> Callable[..., None]:
    """Return the `__init__` that `dataclass` writes for the fields of a record."""
    copies = {each.name: _copy(each) for each in fields(cls)}
    space: dict[str, Any] = {
        **copies,
        "__annotations__": {each.name: each.type for each in fields(cls)},
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__name__,
    }
    if hasattr(cls, "__post_init__"):
        space["__post_init__"] = cls.__post_init__
    twin: Any = dataclass(frozen=True, kw_only=True, repr=False, eq=False)(type(cls.__name__, (), space))
    init: Callable[..., None] = twin.__init__
    return init


def _copy(given: Field[Any]) -> Any:
    """Return a field as a class declares it, for another class."""
    if given.default_factory is not MISSING:
        return field(default_factory=given.default_factory, init=given.init)
    if given.default is not MISSING:
        return field(default=given.default, init=given.init)
    return field(init=given.init)


class _Signature:
    """What `inspect.signature` says of a record, worked out when somebody asks."""

    def __init__(self, cls: Any) -> None:
        self.cls = cls

    def __get__(self, _: object, owner: type) -> Any:
        import inspect

        signature = inspect.signature(_compiled_init(self.cls))
        return signature.replace(parameters=list(signature.parameters.values())[1:])


def _shown(self: Any) -> str:
    values = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({values})"


def _refuse(self: Any, name: str, _: object = None) -> NoReturn:
    raise FrozenInstanceError(f"cannot change field {name!r} of a record; dataclasses.replace makes another")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    filled(self, **{each.name: value for each, value in zip(fields(self), state, strict=True)})


STORED = "stored"
"""Marks a field that is kept and described back but changes nothing here."""

Stored = Annotated[T, STORED]
"""`tags: Stored[tuple[Tag, ...]]`: doing nothing with this field is harmless, so it is only remembered.

A field without the mark is honoured; a field that a record lacks is refused by name
(see `culm.cluster.wire.operations`).
"""
