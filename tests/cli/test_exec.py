"""`culm exec` and `culm task`: where culm's own options end and the command begins."""

import click
import pytest

from culm.cli.exec import exec as exec_
from culm.cli.task import task

LINES = {
    "accounts": ("accounts", "local", ()),
    "accounts -- env": ("accounts", "local", ("env",)),
    "--target stg accounts -- env": ("accounts", "stg", ("env",)),
    "accounts --target stg -- env": ("accounts", "stg", ("env",)),
    "accounts --target=stg env": ("accounts", "stg", ("env",)),
    "accounts --target stg --task 1a2b -- env": ("accounts", "stg", ("env",)),
    "accounts -- env --target prd": ("accounts", "local", ("env", "--target", "prd")),
    "accounts git log --target": ("accounts", "local", ("git", "log", "--target")),
    "accounts -- -- env": ("accounts", "local", ("--", "env")),
}


@pytest.mark.parametrize("line", LINES)
def test_options_may_stand_before_or_after_the_service_and_the_rest_is_the_commands(line: str) -> None:
    values = exec_.make_context("exec", line.split()).params
    words = values["command"][1:] if values["command"][:1] == ("--",) else values["command"]
    assert (values["service"], values["target_name"], words) == LINES[line]


def test_a_task_takes_them_the_same() -> None:
    line = ["accounts", "-i", "--target", "stg", "--", "python", "manage.py", "check"]
    values = task.make_context("task", line).params
    assert (values["service"], values["target_name"], values["has_input"]) == ("accounts", "stg", True)
    assert values["command"] == ("--", "python", "manage.py", "check")


def test_an_option_without_its_value_is_named() -> None:
    with pytest.raises(click.BadOptionUsage, match="--target"):
        exec_.make_context("exec", ["accounts", "--target"])
