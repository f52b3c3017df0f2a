"""Somebody who types what a page says, and compares the answer if the page has one."""

import time
from collections.abc import Iterator, Mapping

from tests.docs import table
from tests.docs.markdown import Command
from tests.docs.shell import Shell, missing
from tests.traffic import free_port


class Reader:
    """`here` are texts of the pages and of `table`, and what they are on this machine."""

    def __init__(self, shell: Shell, here: Mapping[str, str]) -> None:
        self.shell = shell
        self._here = here

    def types(self, command: Command) -> Iterator[str]:
        """Type what comes before a command, and the command; what went wrong."""
        where = f"{command.page}:{command.line}"
        for lines in table.of(table.BEFORE, command):
            done = self.shell.type(self._said_here(lines))
            if done.returncode:
                yield f"{where}: before it: {lines}\n{done.stdout}"
        began = time.monotonic()
        [*_, text] = [command.text, *table.of(table.INSTEAD, command)]
        text = self._said_here(text)
        if table.GOES_ON.match(text):
            screen, status = self.shell.follow(text), 0
        else:
            done = self.shell.type(text)
            screen, status = done.stdout, done.returncode
        print(f"{time.monotonic() - began:5.1f} s  {where}  {text}")
        if status not in (0, *table.of(table.STATUS, command)):
            yield f"{where}: {text} ended with {status}:\n{screen}"
        elif command.answer and (wrong := missing(command.answer, screen)):
            yield f"{where}: {text} does not answer {wrong}:\n{screen}"

    def _said_here(self, text: str) -> str:
        for said, here in self._here.items():
            text = text.replace(said, here)
        return text.replace("@port@", str(free_port()))
