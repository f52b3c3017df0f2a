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
    findings = []
    for step in instructions:
        findings += [Finding(file=file, line=place(text, step, name), name=name, why=why) for name, why in judged(step)]
    for number, keyword, line in here_documents(instructions):
        if (why := commands.leak(line, building=True)) is not None:
            findings.append(
                Finding(file=file, line=number, name=keyword, why=f"{why}; it stays in the image's history")
            )
    return excused(file, text, findings)


def here_documents(instructions: list[Instruction]) -> Iterator[tuple[int, str, str]]:
    """Yield the lines of `RUN <<EOF`: number, the instruction's keyword, text."""
    for instruction in instructions:
        for document in instruction.documents:
            for number, line in enumerate(document.content.splitlines(), document.line):
                yield number, instruction.keyword, line


def allowed_names(text: str) -> set[str]:
    """Return the settings that the Dockerfile has an allowance for: the image made of it is excused, too."""
    allowed = allowances(text)
    return {name for step in parse(text) for name, _ in judged(step) if place(text, step, name) in allowed}


def judged(step: Instruction) -> Iterator[tuple[str, str]]:
    """Yield the names of an instruction that are secrets, and why."""
    match step.keyword:
        case "ENV" | "LABEL":
            for name, value in assignments(step.rest).items():
                why = rules.judge(Setting(line=step.line, name=name, value=value), references_are_values=True)
                if why is not None:
                    yield name, f"{why}; everybody who has the image can read it"
        case "ARG":
            for word in words(step.rest):
                name, _, value = word.partition("=")
                filled = value or "$given"  # at build time
                setting = Setting(line=step.line, name=name, value=filled)
                if rules.judge(setting, references_are_values=True) is not None:
                    yield name, ARG_WHY
        case "RUN" | "CMD" | "ENTRYPOINT" | "ADD" | "COPY" | "HEALTHCHECK" | "ONBUILD":
            building = step.keyword == "RUN"
            why = (
                commands.leak_of_words(step.form, building=building)
                if step.form
                else commands.leak(step.rest, building=building)
            )
            if why is not None:
                yield step.keyword, f"{why}; it stays in the image's history"


def place(text: str, instruction: Instruction, name: str) -> int:
    """Return the line of an instruction that holds the name: instructions go on over several."""
    lines = text.split("\n")
    for number in range(instruction.line, min(instruction.end, len(lines)) + 1):
        if name in lines[number - 1]:
            return number
    return instruction.line
