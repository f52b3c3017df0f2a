"""Records behave as frozen dataclasses do, however they are made."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace

import msgspec
import pytest

from culm.core.model.record import filled, members, record


@record
class Port:
    number: int
    names: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)


@record
class Named(Port):
    """A port with a name."""

    name: str
    secret: str = field(default="hush", repr=False)


@record
class Empty:
    pass


@members
class Ages:
    age: int


@record
class Old(Port, Ages):
    def __post_init__(self) -> None:
        if self.age < 0:
            raise ValueError("an age is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    number: int
    names: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)


def test_records_are_equal_by_class_and_values() -> None:
    assert Port(number=1) == Port(number=1) != Port(number=2)
    assert Port(number=1) != Twin(number=1)
    assert Named(number=1, name="a") != Port(number=1)
    assert Empty() == Empty()


def test_equal_records_have_equal_hashes() -> None:
    @record
    class Flat:
        a: int
        b: str = "b"

    assert len({Flat(a=1), Flat(a=1), Flat(a=2)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Port(number=1))  # one of its fields is a dict


def test_records_are_shown_with_their_fields_but_for_those_that_hide() -> None:
    assert repr(Port(number=1)) == "Port(number=1, names=(), more={})"
    assert repr(Named(number=1, name="a")) == "Named(number=1, names=(), more={}, name='a')"


def test_nothing_changes_a_record_but_a_copy_with_another_value() -> None:
    port = Named(number=1, name="a")
    with pytest.raises(FrozenInstanceError, match="'number'"):
        port.number = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="'number'"):
        del port.number
    assert replace(port, number=2) == Named(number=2, name="a")
    assert filled(Port(number=1), number=3).number == 3


def test_defaults_that_can_change_are_made_for_each_record() -> None:
    Port(number=1).more["a"] = 1
    assert Port(number=1).more == {}


@pytest.mark.parametrize("given", [{}, {"number": 1, "colour": 2}])
def test_arguments_are_refused_as_a_dataclass_refuses_them(given: dict[str, int]) -> None:
    with pytest.raises(TypeError) as expected:
        Twin(**given)  # type: ignore[arg-type]
    with pytest.raises(TypeError) as refused:
        Port(**given)  # type: ignore[arg-type]
    assert str(refused.value) == str(expected.value).replace("Twin", "Port")


def test_records_have_slots_copies_pickles_and_a_signature() -> None:
    old = Old(number=1, age=3)
    assert not hasattr(Port(number=1), "__dict__")
    assert copy.deepcopy(old) == pickle.loads(pickle.dumps(old)) == old
    assert asdict(Port(number=1)) == {"number": 1, "names": (), "more": {}}
    assert list(inspect.signature(Old).parameters) == ["age", "number", "names", "more"]
    assert [each.name for each in fields(Named)] == ["number", "names", "more", "name", "secret"]


def test_a_records_own_check_is_made_for_each() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="not negative"):
            Old(number=1, age=-1)


def test_records_pass_through_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Port(number=1, names=("a",))), type=Port) == Port(
        number=1, names=("a",)
    )
