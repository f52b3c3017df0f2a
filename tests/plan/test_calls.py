"""A call whose values come from earlier steps."""

import pytest

from culm.plan.calls import ResultOf, resolved

ARN = ResultOf(step="web: register", path=("taskDefinition", "taskDefinitionArn"))
RESULTS = {"web: register": {"taskDefinition": {"taskDefinitionArn": "arn:web:2"}}, "web: migrate": "arn:task"}


def test_results_of_earlier_steps_are_filled_in_wherever_they_stand() -> None:
    given = {"service": "web", "one": ARN, "list": [ARN, {"deep": ARN}], "pair": (ResultOf(step="web: migrate"), 3)}
    assert resolved(given, RESULTS) == {
        "service": "web",
        "one": "arn:web:2",
        "list": ["arn:web:2", {"deep": "arn:web:2"}],
        "pair": ["arn:task", 3],
    }


def test_a_step_that_comes_too_late_is_an_error_and_not_an_empty_value() -> None:
    with pytest.raises(KeyError, match="web: register"):
        resolved([ARN], {})


def test_a_value_that_is_not_known_yet_is_shown_by_where_it_comes_from() -> None:
    assert str(ARN) == "<web: register.taskDefinition.taskDefinitionArn>"
    assert str(ResultOf(step="web: migrate")) == "<web: migrate>"
