import pytest

from culm.core.model.instance_types import INSTANCE_TYPES, estimated, parse_fleet, resembling


def test_a_fleet_is_a_list_of_instances():
    assert [t.name for t in parse_fleet("2 x t2.micro")] == ["t2.micro", "t2.micro"]
    assert [t.name for t in parse_fleet("1x t3.small + 2 × t3.micro")] == ["t3.small", "t3.micro", "t3.micro"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not written as COUNT x TYPE"),
        ("two t2.micro", "'two t2.micro' is not written as COUNT x TYPE"),
        ("2 x t2.micro + ", "'' is not written"),
        ("2 x t9.huge", "instance type 't9.huge' is not known; known families are t2, t3"),
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
        "t3a.micro": 112,
        "t4g.micro": 128,
    }


def test_estimates_promise_no_more_than_what_was_seen_of_types_of_that_size():
    measured = [t for t in INSTANCE_TYPES.values() if t.measured]
    assert len(measured) == 10
    assert all(estimated(t.memory) <= t.registered_memory + 4 for t in measured)


def test_current_generations_are_known_and_a_slip_of_the_keys_finds_them():
    assert {"t4g.micro", "m8g.large", "c7i.xlarge", "r8g.medium"} <= set(INSTANCE_TYPES)
    assert resembling("t3.mirco").startswith("did you mean t3.micro")
