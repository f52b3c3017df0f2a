"""A Dockerfile to be written, and what all languages' ones have in common."""

from culm.core.model.record import record
from culm.scaffold import guess
from culm.scaffold.sources import Sources


@record
class Starter:
    """A Dockerfile to be written."""

    text: str
    why: str
    """What it was made from."""
    command: str = ""
    """The shell line of its CMD, with `$PORT`; empty for a program that it builds itself."""
    port: str = ""

    @property
    def standalone(self) -> str:
        """The command for an image of others, which sets no PORT."""
        return self.command.replace("$PORT", f"${{PORT:-{self.port}}}")


def port(sources: Sources, command: str) -> str:
    """Return the port that the command or the source names, else 8080."""
    match = guess.NAMED_PORTS.search(command)
    guessed = guess.of_code(sources) or guess.of_framework(sources, command)
    return match[1] if match else guessed.value if guessed else "8080"


def file(lines: str, listens: str, command: str) -> str:
    return f"{lines}ENV PORT={listens}\nEXPOSE {listens}\nCMD {command}\n"
