"""Every option of a command has its place in the function that the command calls."""

import dataclasses
import inspect
from collections.abc import Iterator

import click

from culm.cli import culm
from culm.cli.up import Options


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from commands(found, f"{name} {inner}")


def test_every_option_and_argument_is_taken_by_its_command():
    strays = []
    options = {field.name for field in dataclasses.fields(Options)}
    for name, command in commands(culm, "culm"):
        if command.callback is None:
            continue
        parameters = inspect.signature(inspect.unwrap(command.callback)).parameters
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            continue
        taken = {*parameters, *(options if "options" in parameters else ())}
        strays += [f"{name}: {p.name}" for p in command.params if p.expose_value and p.name not in taken]
    assert strays == []
