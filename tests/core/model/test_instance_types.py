import pytest

from culm.core.model.instance_types import INSTANCE_TYPES, parse_fleet


def test_a_fleet_is_a_list_of_instances():
    assert [t.name for t in parse_fleet("2 x t2.micro")] == ["t2.micro", "t2.micro"]
    assert [t.name for t in parse_fleet("1x t3.small + 2 × t3.micro")] == ["t3.small", "t3.micro", "t3.micro"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not written as COUNT x TYPE"),
        ("two t2.micro", "'two t2.micro' is not written as COUNT x TYPE"),
        ("2 x t2.micro + ", "'' is not written"),
        ("2 x t9.huge", "instance type 't9.huge' is not known; known are t2.micro"),
        ("0 x t2.micro", "the count must be from 1 to 100"),
        ("101 x t2.micro", "the count must be from 1 to 100"),
    ],
)
def test_a_wrong_fleet_says_what_is_wrong(text: str, message: str):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse_fleet(text)


def test_every_type_registers_less_than_it_has():
    assert all(0 < t.registered_memory < t.memory for t in INSTANCE_TYPES.values())


def test_three_tasks_of_256_fit_on_each_one_gib_machine():
    assert all(t.registered_memory // 256 == 3 for t in INSTANCE_TYPES.values() if t.memory == 1024)


def test_what_is_kept_from_tasks_costs_none_of_the_usual_size_its_place():
    for t in INSTANCE_TYPES.values():
        assert 0 <= t.reserved_memory <= 128
        assert (t.registered_memory - t.reserved_memory) // 256 == t.registered_memory // 256
    assert {t.name: t.reserved_memory for t in INSTANCE_TYPES.values() if t.memory == 1024} == {
        "t2.micro": 128,
        "t3.micro": 128,
        "t3a.micro": 128,
        "t4g.micro": 128,
    }
