"""Dockerfiles as data: instructions with their lines, words with their variables resolved.

https://docs.docker.com/reference/dockerfile/ (the parts that do not need BuildKit).
"""

import json
import re
from collections.abc import Mapping

from culm.core.model.record import record


class DockerfileError(Exception):
    """Says which line of the Dockerfile cannot be read, and why."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@record
class Instruction:
    line: int
    """Where it begins, from 1."""
    keyword: str
    """Upper case: `COPY`."""
    flags: tuple[tuple[str, str], ...]
    """`--from=build` is `("from", "build")`; `--mount` may come more than once."""
    rest: str
    """What follows the flags, continuation lines joined."""
    heredoc: bool = False

    def flag(self, name: str) -> str | None:
        return next((value for key, value in self.flags if key == name), None)

    @property
    def form(self) -> list[str] | None:
        """The words of the exec form, `["python", "app.py"]`; None when it is the shell form."""
        if not self.rest.startswith("["):
            return None
        try:
            words = json.loads(self.rest)
        except ValueError:
            return None
        return words if isinstance(words, list) and all(isinstance(w, str) for w in words) else None


KEYWORDS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"}
    | {"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
FLAGGED = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})
DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*$")


def parse(text: str) -> list[Instruction]:
    """Every instruction, in order."""
    escape = directives(text).get("escape", "\\")
    instructions = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        begun, line = at, lines[at].strip()
        at += 1
        if not line or line.startswith("#"):
            continue
        while line.endswith(escape) and at < len(lines):
            following = lines[at].strip()
            at += 1
            if not following.startswith("#") and following:
                line = line[: -len(escape)].rstrip() + " " + following
        line = line.removesuffix(escape).rstrip()
        keyword, _, rest = line.partition(" ")
        if keyword.upper() not in KEYWORDS:
            raise DockerfileError(begun + 1, f"{keyword!r} is not an instruction")
        flags, rest = split_flags(rest.strip()) if keyword.upper() in FLAGGED else ((), rest.strip())
        heredocs = re.findall(r"<<-?[\"']?(\w+)", rest) if keyword.upper() in {"RUN", "COPY", "ADD"} else []
        for end in heredocs:
            while at < len(lines) and lines[at].strip() != end:
                at += 1
            at += 1
        instructions.append(
            Instruction(line=begun + 1, keyword=keyword.upper(), flags=flags, rest=rest, heredoc=bool(heredocs))
        )
    if not any(i.keyword == "FROM" for i in instructions):
        raise DockerfileError(1, "there is no FROM")
    return instructions


def directives(text: str) -> dict[str, str]:
    """`# syntax=...`, `# escape=...`: comments at the very top."""
    found = {}
    for line in text.splitlines():
        match = DIRECTIVE.match(line.strip())
        if match is None:
            break
        found[match[1].lower()] = match[2]
    return found


def split_flags(rest: str) -> tuple[tuple[tuple[str, str], ...], str]:
    flags = []
    while match := re.match(r"--([a-z-]+)(?:=(\"[^\"]*\"|\S*))?\s*", rest):
        flags.append((match[1], (match[2] or "").strip('"')))
        rest = rest[match.end() :]
    return tuple(flags), rest


VARIABLE = re.compile(r"\\(?P<escaped>\$)|\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?:(?P<op>:?[-+])(?P<word>[^}]*))?\})")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$A`, `${A}`, `${A:-else}`, `${A:+then}`; unknown ones are empty, as in Docker."""

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name = match["bare"] or match["name"]
        known = variables.get(name)
        filled = bool(known) if (match["op"] or "").startswith(":") else known is not None
        match (match["op"] or "")[-1:]:
            case "-":
                return known or "" if filled else expand(match["word"], variables)
            case "+":
                return expand(match["word"], variables) if filled else ""
            case _:
                return known or ""

    return VARIABLE.sub(value, text)


def words(text: str) -> list[str]:
    """Split at blanks outside quotes; quotes go, as Docker's own lexer does."""
    found = re.findall(r"(?:\"(?:\\.|[^\"])*\"|'[^']*'|\\.|[^\s\"'])+", text)
    return [unquote(word) for word in found]


def unquote(word: str) -> str:
    return re.sub(r"\"((?:\\.|[^\"])*)\"|'([^']*)'", lambda m: m[1].replace('\\"', '"') if m[2] is None else m[2], word)


def assignments(rest: str) -> dict[str, str]:
    """`A=1 B="two words"`, and the old `A value to the end`."""
    first = words(rest)[0] if words(rest) else ""
    if "=" not in first:
        name, _, value = rest.partition(" ")
        return {name: value.strip()} if name else {}
    return dict(word.partition("=")[::2] for word in words(rest))


def exposed_ports(instructions: list[Instruction], args: Mapping[str, str]) -> list[int]:
    """The TCP ports that the last stage EXPOSEs."""
    last = max(i for i, instruction in enumerate(instructions) if instruction.keyword == "FROM")
    variables: dict[str, str] = {}
    ports: list[int] = []
    for index, instruction in enumerate(instructions):
        match instruction.keyword:
            case "ARG":
                for word in words(instruction.rest):
                    name, has_default, default = word.partition("=")
                    if name in args or has_default:
                        variables[name] = args.get(name, expand(default, variables))
            case "ENV" if index > last:
                variables |= {k: expand(v, variables) for k, v in assignments(instruction.rest).items()}
            case "EXPOSE" if index > last:
                for word in words(expand(instruction.rest, variables)):
                    port, _, protocol = word.partition("/")
                    if protocol in ("", "tcp") and port.isdecimal() and int(port) not in ports:
                        ports.append(int(port))
    return ports
