"""Commands that name a server or a service of the compose file, `celery -b redis://redis:6379/0`. Pure.

A name of compose's network means nothing here, and a URL has another login. ECS puts no variable into a command by
itself, so such a command becomes a shell's line that reads its addresses from variables, which the service is given:

    celery --broker=redis://redis:6379/0 flower  ->  sh -c 'exec celery --broker="${REDIS_URL}" flower'
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from culm.core.model.record import record
from culm.project import engines
from culm.scaffold import database_variables
from culm.scaffold.candidates import Outline, as_mapping, give_variables, takes_a_command
from culm.scaffold.compose_waits import SHELL

WEB_URL = re.compile(r"https?://(?P<host>[A-Za-z0-9_.-]+)(?::\d+)?(?![\w.:-])")
HOST = re.compile(r"(?<![\w.@/-])(?P<host>[A-Za-z0-9_-]+)(?::(?P<port>\d+))?(?![\w.@/:-])")
TOLD_HOST = re.compile(r"(?:^|\s)(?:-h|-H|--?\w*(?:host|hostname|server|addr|address)\w*)[= ]$", re.IGNORECASE)
"""What is before a host without a port: `-h redis`, `--host=db`; elsewhere the word may be a database's name."""


@record
class Names:
    """What a compose file's names are in culm.yml."""

    servers: Mapping[str, str]
    """By service of the compose file: one of `databases:`."""
    engine: Mapping[str, str]
    """By their names in `databases:`."""
    services: Mapping[str, str]
    """Those that the load balancer reaches."""


@record
class Mention:
    """A part of a command that names a host of compose's network."""

    start: int
    end: int
    references: tuple[tuple[str, str], ...]
    """The variable that is proposed and the reference that it holds, of the parts between colons."""


def refer(candidate: Outline, names: Names) -> bool:
    """Let a service's command read its servers' addresses from variables. Returns whether it names any.

    What cannot be a shell's line, since its ENTRYPOINT takes no command, stays as it is.
    """
    block = candidate.block
    whole = [*as_words(block.get("entrypoint")), *as_words(block.get("command"))]
    if not any(True for word, before in with_before(whole) for _ in mentions(word, before, names)):
        return False
    for key in ("entrypoint", "command"):
        words = as_words(block.get(key))
        if len(words) >= 3 and SHELL.fullmatch(words[0]) and words[1] in ("-c", "-ec", "-lc"):
            line = rewritten(candidate, words[2], "", names, in_shell=True)
            block.put(key, [*words[:2], line, *words[3:]])
            whole = []
    if not whole:
        return True
    if "entrypoint" in block.keys:
        if SHELL.fullmatch(whole[0]):
            return False  # a script with arguments, or a shell that reads its line from `command:`
        block.put("entrypoint", ["sh", "-c"])
    elif candidate.image is not None and not takes_a_command(candidate.image):
        return False
    line = " ".join(rewritten(candidate, word, before, names, in_shell=False) for word, before in with_before(whole))
    block.put("command", [f"exec {line}"] if "entrypoint" in block.keys else ["sh", "-c", f"exec {line}"])
    return True


def as_words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, (list, tuple)) else []


def with_before(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return each word with the one before it, which gets a space at its end."""
    return [(word, f"{before} ") for before, word in zip(["", *words], words, strict=False)]


def mentions(text: str, before: str, names: Names) -> Iterator[Mention]:
    """Yield the parts of a word, or of a shell's line, that name a server or a service; `before` is the word before."""
    taken: list[tuple[int, int]] = []
    for pattern in (database_variables.URL, WEB_URL, HOST):
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            references = references_of(match, before + text[: match.start()], names)
            if references:
                taken.append(match.span())
                yield Mention(start=match.start(), end=match.end(), references=references)


def references_of(match: re.Match[str], before: str, names: Names) -> tuple[tuple[str, str], ...]:
    """Return the variables that stand for what one of the patterns has matched, and what they hold; empty: nothing."""
    host, stem = match["host"], re.sub(r"\W", "_", match["host"]).upper()
    called = names.servers.get(host)
    if match.re is database_variables.URL and called is not None:
        text = database_variables.of_url(match[0], names.servers, names.engine)
        usual = "REDIS_URL" if names.engine[called] in engines.CACHES else "DATABASE_URL"
        return ((usual, text),) if text is not None else ()
    if match.re is WEB_URL:
        other = names.services.get(host)
        return ((f"{stem}_URL", f"{{{other}.url}}"),) if other is not None else ()
    if match.re is not HOST or called is None:
        return ()
    if match["port"]:
        return (f"{stem}_HOST", f"{{{called}.host}}"), (f"{stem}_PORT", f"{{{called}.port}}")
    return ((f"{stem}_HOST", f"{{{called}.host}}"),) if TOLD_HOST.search(before) else ()


def rewritten(candidate: Outline, text: str, before: str, names: Names, *, in_shell: bool) -> str:
    """Return a word, or with `in_shell` a whole line, of a shell's command that reads its addresses from variables."""
    parts = sorted(mentions(text, before, names), key=lambda each: each.start)
    if not parts and not in_shell:
        return shlex.quote(text)
    result, at = "", 0
    for mention in parts:
        if in_shell and text.count("'", 0, mention.start) % 2:
            continue  # a shell reads no variables there
        variables = [f"${{{variable(candidate, *each)}}}" for each in mention.references]
        result += (text[at : mention.start] if in_shell else quoted(text[at : mention.start])) + ":".join(variables)
        at = mention.end
    return result + text[at:] if in_shell else f'"{result}{quoted(text[at:])}"'


def quoted(text: str) -> str:
    """Return a text as it stands between double quotes of a shell."""
    return re.sub(r'([\\"$`])', r"\\\1", text)


def variable(candidate: Outline, usual: str, reference: str) -> str:
    """Return the service's variable that holds a reference; it is given one where it has none."""
    environment, secrets = (as_mapping(candidate.block.get(key)) for key in ("environment", "secrets"))
    given = {name: each.get("from") if isinstance(each, Mapping) else each for name, each in secrets.items()}
    known = {**environment, **given}
    for name, text in known.items():
        if text == reference:
            return name
    name = usual
    while name in known:
        name = f"CULM_{name}"
    if usual in ("REDIS_URL", "DATABASE_URL"):
        give_variables(candidate, {name: reference})
    else:  # the address of a server or a service alone is no secret
        candidate.block.put("environment", {**environment, name: reference})
    return name
