"""The stages of a Dockerfile: which one builds on which, and what it has from it.

A stage inherits environment, arguments and ports from the stage that it builds on, and runs what that one put behind
ONBUILD. An argument from before the first FROM counts in FROM lines, and in a stage only where `ARG NAME` takes it in.
https://docs.docker.com/reference/dockerfile/#scope
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from culm.core.model.record import record
from culm.project.dockerfile.lines import DockerfileError, Instruction, split_keyword
from culm.project.dockerfile.words import WordError, assignments, expand, resolved, words


@record
class Stage:
    """What stands between one FROM and the next."""

    index: int
    name: str | None
    """Lower case."""
    line: int
    base: str
    """The image or stage that FROM names, variables filled in."""
    parent: int | None
    """The stage that it builds on, by index; None: an image."""
    instructions: tuple[Instruction, ...]
    """Without FROM."""


LARGEST_RANGE = 1024
"""Ports of one range that are told apart; https://docs.docker.com/reference/dockerfile/#expose."""


def stages(instructions: Sequence[Instruction], args: Mapping[str, str]) -> list[Stage]:
    """Return the stages, in order, with `args` as build arguments."""
    result: list[Stage] = []
    outer: dict[str, str] = {}
    for instruction in instructions:
        if instruction.keyword == "FROM":
            result.append(begun(instruction, result, outer))
        elif result:
            last = result[-1]
            result[-1] = replace(last, instructions=(*last.instructions, instruction))
        else:
            outer |= declared(instruction, args, outer, {})
    return result


def begun(instruction: Instruction, before: Sequence[Stage], variables: Mapping[str, str]) -> Stage:
    """Return the stage that a FROM begins, with the earlier stage that it builds on, if it names one."""
    parts = words(expand(instruction.rest, variables)) or [""]
    named = len(parts) >= 3 and parts[1].upper() == "AS"
    parent = next((stage.index for stage in reversed(before) if stage.name == parts[0].lower()), None)
    return Stage(
        index=len(before),
        name=parts[2].lower() if named else None,
        line=instruction.line,
        base=parts[0],
        parent=parent,
        instructions=(),
    )


def named(every: Sequence[Stage], target: str | None) -> Stage:
    """Return the stage with that name or number; the last one when none is asked for.

    Raises:
        DockerfileError: there is no such stage.
    """
    if target is None:
        return every[-1]
    for stage in every:
        if stage.name == target.lower():
            return stage
    if target.isdecimal() and int(target) < len(every):
        return every[int(target)]
    raise DockerfileError(every[-1].line, f"there is no stage {target!r}")


def lineage(every: Sequence[Stage], stage: Stage) -> list[Stage]:
    """Return the stage, after those that it builds on."""
    result = [stage]
    while (parent := result[0].parent) is not None:
        result.insert(0, every[parent])
    return result


def carried_out(every: Sequence[Stage], stage: Stage) -> list[Instruction]:
    """Return the instructions that make the stage, in order: its ancestors', what these left ONBUILD, its own."""
    result: list[Instruction] = []
    triggers: list[Instruction] = []
    for each in lineage(every, stage):
        result += triggers
        triggers = []
        for instruction in each.instructions:
            if instruction.keyword == "ONBUILD":
                keyword, rest = split_keyword(instruction.rest)
                triggers.append(replace(instruction, keyword=keyword, rest=rest))
            else:
                result.append(instruction)
    return result


def declared(
    instruction: Instruction, args: Mapping[str, str], known: Mapping[str, str], outer: Mapping[str, str]
) -> dict[str, str]:
    """Return what an ARG sets: the caller's value, else its default, else the one from before the first FROM."""
    result: dict[str, str] = {}
    for word in words(instruction.rest):
        name, has_default, default = word.partition("=")
        if name in args:
            result[name] = args[name]
        elif has_default:
            result[name] = expand(default, {**known, **result})
        elif name in outer:
            result[name] = outer[name]
    return result


def exposed_ports(instructions: Sequence[Instruction], args: Mapping[str, str], target: str | None = None) -> list[int]:
    """Return the TCP ports that a stage (by default the last) EXPOSEs, those of the stages it builds on first.

    Raises:
        DockerfileError: there is no stage `target`.
    """
    every = stages(instructions, args)
    outer: dict[str, str] = {}
    for instruction in instructions:
        if instruction.keyword == "FROM":
            break
        outer |= declared(instruction, args, outer, {})
    arguments: dict[str, str] = {}
    environment: dict[str, str] = {}
    ports: dict[int, None] = {}
    for instruction in carried_out(every, named(every, target)):
        variables = {**arguments, **environment}
        match instruction.keyword:
            case "ARG":
                arguments |= declared(instruction, args, variables, outer)
            case "ENV":
                environment |= assignments(instruction.rest, variables, instruction.escape)
            case "EXPOSE":
                ports |= dict.fromkeys(ports_of(instruction, variables))
    return list(ports)


def ports_of(instruction: Instruction, variables: Mapping[str, str]) -> list[int]:
    """Return the TCP ports of an EXPOSE such as `80`, `80/tcp` or `8000-8010`; UDP and SCTP are left out."""
    try:
        parts = resolved(instruction.rest, variables, instruction.escape)
    except WordError:
        return []
    result: list[int] = []
    for part in parts:
        text, _, protocol = part.partition("/")
        first, _, last = text.rpartition(":")[2].partition("-")
        if protocol.lower() not in ("", "tcp") or not first.isdecimal() or not (last or first).isdecimal():
            continue
        begin, end = int(first), int(last or first)
        result += range(begin, min(end, begin + LARGEST_RANGE) + 1)
    return result


def command_of(instructions: Sequence[Instruction], keyword: str, target: str | None = None) -> Instruction | None:
    """Return the CMD or ENTRYPOINT of a stage that counts: the last one, of its own or of a stage that it builds on."""
    every = stages(instructions, {})
    made = carried_out(every, named(every, target))
    return next((instruction for instruction in reversed(made) if instruction.keyword == keyword), None)


def until_stage(instructions: Sequence[Instruction], target: str) -> list[Instruction]:
    """Return everything up to the end of the stage of that name or number, so that it is the last one.

    Raises:
        DockerfileError: there is no such stage.
    """
    last = named(stages(instructions, {}), target).index
    begins = [index for index, instruction in enumerate(instructions) if instruction.keyword == "FROM"]
    return list(instructions[: begins[last + 1]] if last + 1 < len(begins) else instructions)
