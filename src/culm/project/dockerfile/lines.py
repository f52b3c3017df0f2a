"""From a Dockerfile's bytes to its instructions.

Order matters here as it does in BuildKit: the byte order mark goes first; parser directives count until the first line
that is none; a comment is dropped before continuations are looked for, so that one may stand inside a long instruction;
a here-document begins only at a word of its own (`<<EOF`, `3<<EOF`, `<<-"EOF"`) of RUN, COPY, ADD or one of these
behind ONBUILD: `$((1<<3))` and `<<<word` begin none.
https://docs.docker.com/reference/dockerfile/#parser-directives
https://docs.docker.com/reference/dockerfile/#here-documents
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from culm.core.model.record import record
from culm.project.dockerfile.words import Dialect, Lexer, WordError, raw_words


class DockerfileError(Exception):
    """Says which line of the Dockerfile cannot be read, and why."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@record
class HereDocument:
    """Lines that follow an instruction as a file or a script of its own."""

    name: str
    """The word that ends it."""
    content: str
    expand: bool
    """Whether variables in it count: its word is not quoted."""
    line: int
    """Where its content begins."""


@record
class Instruction:
    line: int
    """Where it begins, from 1."""
    end: int = 0
    """Its last line, here-documents included."""
    keyword: str
    """Upper case: `COPY`."""
    flags: tuple[tuple[str, str], ...] = ()
    """`--from=build` is `("from", "build")`; `--mount` may come more than once."""
    rest: str
    """What follows the flags, continuation lines joined."""
    documents: tuple[HereDocument, ...] = ()
    escape: str = "\\"

    @property
    def heredoc(self) -> bool:
        return bool(self.documents)

    def flag(self, name: str) -> str | None:
        """Return the value of `--name=value`; None if the instruction has no such flag."""
        return next((value for key, value in self.flags if key == name), None)

    @property
    def form(self) -> list[str] | None:
        """The words of the exec form, `["python", "app.py"]`; None when it is the shell form."""
        if not self.rest.startswith("["):
            return None
        try:
            listed, _ = json.JSONDecoder().raw_decode(self.rest)  # what follows the list is passed over, as in BuildKit
        except ValueError:
            return None
        return listed if isinstance(listed, list) and all(isinstance(word, str) for word in listed) else None


KEYWORDS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"}
    | {"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
FLAGGED = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})
HERE_DOCUMENTS = frozenset({"ADD", "COPY", "RUN"})
BLANKS = " \t\v\f\r"
DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
DIRECTIVES = frozenset({"syntax", "escape", "check"})
HERE_DOCUMENT = re.compile(r"\d*<<(-?)([^<]+)")


def read(path: Path) -> list[Instruction]:
    """Return the instructions of the Dockerfile at `path`.

    Raises:
        OSError: it cannot be read.
        DockerfileError: it is no Dockerfile.
    """
    return parse(path.read_bytes())


def parse(source: str | bytes) -> list[Instruction]:
    """Return every instruction, in order.

    Raises:
        DockerfileError: an instruction is not known, a here-document does not end, a directive is wrong, or there is
            no FROM.
    """
    text = source.decode("utf-8", "surrogateescape") if isinstance(source, bytes) else source
    lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").removesuffix("\n").split("\n")]
    escape = escape_of(lines)
    instructions = list(joined(lines, escape))
    begun = next((number for number, each in enumerate(instructions) if each.keyword == "FROM"), None)
    if begun is None:
        raise DockerfileError(1, "there is no FROM")
    for early in instructions[:begun]:
        if early.keyword != "ARG":
            raise DockerfileError(early.line, f"{early.keyword} stands before the first FROM")
    return instructions


def directives(lines: list[str]) -> dict[str, str]:
    """Return the directives at the very top: `# syntax=...`, `# escape=...` and `# check=...`."""
    result: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        match = DIRECTIVE.match(line.lstrip(BLANKS))
        if match is None or (name := match[1].lower()) not in DIRECTIVES:
            break
        if name in result:
            raise DockerfileError(number, f"the directive {name} stands here a second time")
        result[name] = match[2]
    return result


def escape_of(lines: list[str]) -> str:
    """Return the escape character that the `# escape` directive sets, usually a backslash. Raises DockerfileError."""
    escape = directives(lines).get("escape", "\\")
    if escape not in ("\\", "`"):
        raise DockerfileError(1, f"the escape character is \\ or `, and not {escape}")
    return escape


def joined(lines: list[str], escape: str) -> Iterator[Instruction]:
    """Yield instructions with their continuation lines in one."""
    continued = re.compile(rf"(?:(?<=[^{re.escape(escape)}])|^){re.escape(escape)}[ \t]*$")
    at = 0
    while at < len(lines):
        begun, line = at, lines[at].lstrip(BLANKS)
        at += 1
        if not line or line.startswith("#"):
            continue
        more = continued.search(line) is not None
        line = continued.sub("", line)
        while more and at < len(lines):
            following = lines[at]
            at += 1
            if not following.strip(BLANKS) or following.lstrip(BLANKS).startswith("#"):
                continue
            more = continued.search(following) is not None
            line += continued.sub("", following)
        if not line.strip(BLANKS):
            continue
        instruction, at = whole(line.strip(BLANKS), lines, begun, at, escape)
        yield instruction


def whole(line: str, lines: list[str], begun: int, at: int, escape: str) -> tuple[Instruction, int]:
    """Return the instruction of a joined line, with its here-documents, which begin at `at`.

    And where the next one begins.
    """
    keyword, rest = split_keyword(line)
    if keyword not in KEYWORDS:
        raise DockerfileError(begun + 1, f"{line.split(None, 1)[0]!r} is not an instruction")
    documents = []
    governing = split_keyword(rest)[0] if keyword == "ONBUILD" else keyword
    for dash, word in here_documents(rest) if governing in HERE_DOCUMENTS else ():
        document, at = here_document(dash, word, lines, at, begun)
        documents.append(document)
    flags, rest = split_flags(rest, escape) if keyword in FLAGGED else ((), rest)
    instruction = Instruction(
        line=begun + 1,
        end=at,
        keyword=keyword,
        flags=flags,
        rest=rest,
        documents=tuple(documents),
        escape=escape,
    )
    return instruction, at


def split_keyword(line: str) -> tuple[str, str]:
    """Split an instruction's line: `copy  a b` gives `("COPY", "a b")`."""
    keyword, *rest = re.split(r"[\s]+", line.strip(), maxsplit=1)
    return keyword.upper(), rest[0] if rest else ""


def here_documents(rest: str) -> list[tuple[str, str]]:
    """Return the `-` and the word of each here-document that the instruction announces."""
    matches = (HERE_DOCUMENT.fullmatch(word) for word in raw_words(rest)) if "<<" in rest else ()
    return [(match[1], match[2]) for match in matches if match is not None]


def here_document(dash: str, word: str, lines: list[str], at: int, begun: int) -> tuple[HereDocument, int]:
    """Return the document that `<<word` begins, and the line behind its end. Raises DockerfileError."""
    try:
        name = Lexer(word, None, Dialect(strict=False)).run()
    except WordError as error:
        raise DockerfileError(begun + 1, str(error)) from None
    for number in range(at, len(lines)):
        if (lines[number].lstrip("\t") if dash else lines[number]) == name:
            content = [line.lstrip("\t") if dash else line for line in lines[at:number]]
            quoted = re.search(r"[\"']", word) is not None
            text = "".join(f"{line}\n" for line in content)
            return HereDocument(name=name, content=text, expand=not quoted, line=at + 1), number + 1
    raise DockerfileError(begun + 1, f"the here-document {name} does not end")


def split_flags(rest: str, escape: str = "\\") -> tuple[tuple[tuple[str, str], ...], str]:
    """Split off an instruction's flags: `--from=build a b` gives `((("from", "build"),), "a b")`."""
    flags = []
    word = re.compile(rf"--(?:[^\s\"'{re.escape(escape)}]|\"[^\"]*\"|'[^']*'|{re.escape(escape)}.)*")
    while rest.startswith("--"):
        match = word.match(rest)
        if match is None:
            break
        rest = rest[match.end() :].lstrip()
        if match[0] == "--":
            break
        try:
            text = Lexer(match[0], None, Dialect(escape=escape, strict=False)).run()
        except WordError:
            text = match[0]
        name, _, value = text[2:].partition("=")
        flags.append((name, value))
    return tuple(flags), rest
