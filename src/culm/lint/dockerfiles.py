"""Dockerfiles: ENV, ARG and LABEL by name, other lines by known formats. All of it stays in the history. Pure."""

from collections.abc import Iterator

from culm.lint import commands, rules
from culm.lint.findings import Finding, Setting, allowances, excused
from culm.project.dockerfile import DockerfileError, Instruction, assignments, parse, words

ARG_WHY = "a build argument stays in the image's history; use RUN --mount=type=secret"


def check(file: str, text: str) -> list[Finding]:
    try:
        instructions = parse(text)
    except DockerfileError:
        return []  # the build says what is wrong with it
    found = []
    for one in instructions:
        found += [Finding(file=file, line=place(text, one, name), name=name, why=why) for name, why in judged(one)]
    for number, keyword, line in here_documents(instructions):
        if (why := commands.leak(line, building=True)) is not None:
            found.append(Finding(file=file, line=number, name=keyword, why=f"{why}; it stays in the image's history"))
    return excused(file, text, found)


def here_documents(instructions: list[Instruction]) -> Iterator[tuple[int, str, str]]:
    """The lines of `RUN <<EOF`: number, the instruction's keyword, text."""
    for one in instructions:
        for document in one.documents:
            for number, line in enumerate(document.content.splitlines(), document.line):
                yield number, one.keyword, line


def allowed_names(text: str) -> set[str]:
    """The settings that the Dockerfile has an allowance for: the image made of it is excused, too."""
    allowed = allowances(text)
    return {name for one in parse(text) for name, _ in judged(one) if place(text, one, name) in allowed}


def judged(one: Instruction) -> Iterator[tuple[str, str]]:
    """The names of an instruction that are secrets, and why."""
    match one.keyword:
        case "ENV" | "LABEL":
            for name, value in assignments(one.rest).items():
                why = rules.judge(Setting(line=one.line, name=name, value=value), references_are_values=True)
                if why is not None:
                    yield name, f"{why}; everybody who has the image can read it"
        case "ARG":
            for word in words(one.rest):
                name, _, value = word.partition("=")
                filled = value or "$given"  # at build time
                if rules.judge(Setting(line=one.line, name=name, value=filled), references_are_values=True) is not None:
                    yield name, ARG_WHY
        case "RUN" | "CMD" | "ENTRYPOINT" | "ADD" | "COPY" | "HEALTHCHECK" | "ONBUILD":
            building = one.keyword == "RUN"
            why = (
                commands.leak_of_words(one.form, building=building)
                if one.form
                else commands.leak(one.rest, building=building)
            )
            if why is not None:
                yield one.keyword, f"{why}; it stays in the image's history"


def place(text: str, one: Instruction, name: str) -> int:
    """The line of an instruction that holds the name: instructions go on over several."""
    lines = text.split("\n")
    for number in range(one.line, min(one.end, len(lines)) + 1):
        if name in lines[number - 1]:
            return number
    return one.line
