"""A RUN line read as the shell reads it, as far as a host can follow it without running it. Pure.

    text -> tokens (words, operators) -> a tree of lists, pipelines, `if`, `for`, groups -> simple commands, in order

Commands are handed out one by one, and the taker does each before it asks for the next: so `cd`, `[ -f x ]` and `if`
see what those before have done. A command is taken to succeed, so what follows `||` is passed over, unless the taker
sends back that it failed. Where a word or a condition depends on what only running can tell (`$(...)`, a pipe,
`while`), the command is handed out as not `plain`.

Example. `cd /app && if [ "$ENV" = dev ]; then pip install pytest; fi; echo ok > state` with ENV=dev gives
`cd /app`, `pip install pytest`, and `echo ok` with its output to `state`.
"""

import re
from collections.abc import Callable, Mapping

from culm.deploy.build.shell.evaluation import Command, Commands, Evaluation, Exists
from culm.deploy.build.shell.tree import Reader
from culm.deploy.build.shell.words import REDIRECTIONS, Operator, Unfinished, plain_text, tokens

__all__ = ["Command", "Commands", "Exists", "commands", "programs_named"]


def commands(
    text: str,
    variables: Mapping[str, str],
    exists: Exists = lambda letter, path: False,
    matching: Callable[[str], list[str]] = lambda pattern: [pattern],
) -> Commands:
    """Yield the simple commands of a shell line, in order; variables are filled in as the shell would."""
    try:
        reader = Reader(tokens(text))
        listed = reader.sequence(())
        if reader.at < len(reader.tokens):
            raise Unfinished
    except Unfinished:  # the shell's to judge
        yield Command(argv=tuple(text.split()) or (":",), plain=False)
        return
    yield from Evaluation(dict(variables), exists, matching).sequence(listed)


LEADING = frozenset({"if", "then", "elif", "else", "while", "until", "do", "!", "exec", "{", "time", "nohup"})
"""Words behind which a command begins."""


def programs_named(text: str) -> set[str]:
    """Return the programs that a script may run, on whichever way through it."""
    named: set[str] = set()
    begins, target = True, False
    try:
        listed = tokens(_without_here_documents(text))
    except Unfinished:
        return named
    for token in listed:
        if isinstance(token, Operator):
            target = token.text.removeprefix("2") in REDIRECTIONS
            begins = begins if target else True
        elif target:
            target = False
        elif begins and token.bare not in LEADING and not re.match(r"\w+=", plain_text(token)):
            begins = False
            named.add(plain_text(token))
    return named


_HERE_DOCUMENT = re.compile(r"""(?<![<\w])<<-?[ \t]*(["']?)([A-Za-z_]\w*)\1(?!\w)""")


def _without_here_documents(text: str) -> str:
    """Return the script without the lines that it feeds to its commands.

    `$((a<<b))`, whose end never comes, is left alone.
    """
    lines, kept = text.splitlines(), []
    at = 0
    while at < len(lines):
        kept.append(lines[at])
        at += 1
        for _, end in _HERE_DOCUMENT.findall(kept[-1]):
            last = next((n for n in range(at, len(lines)) if lines[n].lstrip("\t") == end), None)
            if last is not None:
                at = last + 1
    return "\n".join(kept)
