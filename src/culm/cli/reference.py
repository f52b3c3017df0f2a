"""docs/reference/cli.md, printed from the commands themselves."""

import inspect

import click

from culm.cli import COMMANDS, culm

HEAD = """# Commands

<!-- Printed from src/culm/cli by `python -m culm.cli.reference`; a test keeps it fresh. -->

Data goes to stdout, everything else to stderr. Exit status: 0 done, 1 failed, 2 wrong command or culm.yml, 3 the answer
is no (it differs, it does not run), 4 timed out. `CULM_HOME` (default `~/.culm`) is where the local cluster lives.

`culm --trace FILE COMMAND` (or `CULM_TRACE=FILE`) appends every call of the AWS API that the command makes to FILE, a
JSON object a line: service, operation, parameters, seconds, retries and error. Files and secrets are left out.
"""


def reference() -> str:
    """Return the page as markdown."""
    context = click.Context(culm, info_name="culm")
    parts = [HEAD]
    for name in COMMANDS:
        command = culm.get_command(context, name)
        assert command is not None
        parts += _section(command, click.Context(command, info_name=name, parent=context))
    return "\n".join(parts)


def _section(command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"## {context.command_path}\n", f"    {usage}\n", _text(command.help or "") + "\n"]
    rows = [record for p in command.get_params(context) if (record := p.get_help_record(context))]
    rows = [row for row in rows if row[0] not in ("--help", "-h, --help")]
    if rows:
        parts += ["| option | meaning |", "|---|---|"]
        parts += [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in rows]
        parts.append("")
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            parts += _section(each, click.Context(each, info_name=name, parent=context))
    return parts


def _text(help: str) -> str:
    """Return a help text as Markdown; paragraphs that click does not wrap (after a backspace) are examples."""
    paragraphs = inspect.cleandoc(help).split("\n\n")
    return "\n\n".join(
        "```sh\n" + paragraph.removeprefix("\b\n") + "\n```" if paragraph.startswith("\b") else paragraph
        for paragraph in paragraphs
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
