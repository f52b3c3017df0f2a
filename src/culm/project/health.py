"""How a service's health is found out, from what culm.yml says and what its image says."""

import re
from dataclasses import replace

from culm.core.model.record import record
from culm.project.dockerfile import Instruction, command_of
from culm.project.nodes import Source
from culm.project.project import BAD_COMMANDS, BAD_PROBES, GOOD_PROBES, HEALTH_SECONDS, PROBE_TIMEOUT_SECONDS, Check
from culm.project.schema import DefaultsBlock
from culm.project.service_schema import HealthBlock

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
RANGES = {"interval": (5, 300), "timeout": (2, 120), "healthy": (2, 10), "unhealthy": (2, 10)}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"""
COMMAND_RANGES = {"interval": (5, 300), "timeout": (2, 60), "unhealthy": (1, 10)}
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"""


@record
class Known:
    """What is known of a service before its `health` is read."""

    page: str | None
    """That the load balancer asks when nothing else is written; None: there is no load balancer before it."""
    image: Check | None
    """The image's HEALTHCHECK."""


def of(name: str, defaults: DefaultsBlock, stage: list[Instruction] | None, paths: tuple[str, ...]) -> Known:
    """Return what is known of the service's health without its saying so: the default page, the image's own check."""
    page = defaults.health.replace("{service}", name) if paths else None
    return Known(page=page, image=of_image(stage) if stage else None)


def check(source: Source, key: tuple[str, ...], written: str | HealthBlock | None, known: Known) -> Check:
    """Return the health check.

    Raises UsageError for a page that nobody would ask, and for numbers that AWS does not take.
    """
    if written is None:
        if known.page is None:
            return known.image or Check()
        written = HealthBlock(path=known.page)
    block = HealthBlock(path=written) if isinstance(written, str) else written
    if known.page is None:
        if block.path is not None:
            hint = "health: {command: ...}, which is run in the container"
            source.refuse(key, "is a page, and no load balancer asks for it: it has `path: none`", hint)
        return command_only(source, key, block) or known.image or Check()
    path = block.path or known.page
    if not path.startswith("/"):
        source.refuse(key, f"{path!r} is not a path: it begins with /")
    in_range(source, key, block, RANGES)
    check = Check(
        path=path,
        command=block.command,
        interval=block.interval or HEALTH_SECONDS,
        timeout=block.timeout or PROBE_TIMEOUT_SECONDS,
        healthy=block.healthy or GOOD_PROBES,
        unhealthy=block.unhealthy or BAD_PROBES,
        retries=block.unhealthy or BAD_COMMANDS,
        codes=codes(source, (*key, "codes"), block.codes) if block.codes else Check().codes,
    )
    if check.timeout >= check.interval:
        source.refuse((*key, "timeout"), f"{check.timeout} s is not shorter than the interval, {check.interval} s")
    return check


def command_only(source: Source, key: tuple[str, ...], block: HealthBlock | None) -> Check | None:
    """Return a check that is run in the container; None where there is no command."""
    if block is None:
        return None
    for word in ("path", "healthy", "codes"):
        if getattr(block, word) is not None:
            source.refuse(
                (*key, word), "does nothing where a command is run", "it is for pages that the load balancer asks"
            )
    if block.command is None:
        source.refuse(key, "has no command", "command: what is run in the container; exit status 0 is healthy")
    in_range(source, key, block, COMMAND_RANGES)
    return Check(
        command=as_ecs_takes_it(block.command),
        interval=block.interval or HEALTH_SECONDS,
        timeout=block.timeout or PROBE_TIMEOUT_SECONDS,
        retries=block.unhealthy or BAD_COMMANDS,
    )


def as_ecs_takes_it(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a health check's command for ECS: words get CMD before them, unless CMD or CMD-SHELL is there already."""
    return command if command[:1] in (("CMD",), ("CMD-SHELL",)) else ("CMD", *command)


def in_range(source: Source, key: tuple[str, ...], block: HealthBlock, ranges: dict[str, tuple[int, int]]) -> None:
    """Refuse values of `block` that are outside of what ELB takes. Raises UsageError."""
    for word, (least, most) in ranges.items():
        value = getattr(block, word)
        if value is not None and not least <= value <= most:
            source.refuse((*key, word), f"{value} is not from {least} to {most}")


def codes(source: Source, key: tuple[str, ...], text: str) -> str:
    """Return `text` if it names HTTP status codes as ELB's matcher takes them. Raises UsageError."""
    if not re.fullmatch(r"[2-4]\d\d(?:[-,][2-4]\d\d)*", text):
        source.refuse(key, f"{text!r} names no status codes: write 200, 200-299 or 200,204")
    return text


def of_image(stage: list[Instruction]) -> Check | None:
    """Return the HEALTHCHECK that counts in the last of these stages, or in one that it builds on.

    https://docs.docker.com/reference/dockerfile/#healthcheck
    """
    last = command_of(stage, "HEALTHCHECK")
    if last is None or last.rest.strip().upper() == "NONE":
        return None
    keyword, _, rest = last.rest.partition(" ")
    if keyword.upper() != "CMD":
        return None
    form = replace(last, rest=rest.strip()).form
    command = ("CMD", *form) if form else ("CMD-SHELL", rest.strip())

    def seconds(name: str, least: int, otherwise: int) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", last.flag(name) or "")
        return max(least, round(float(match[1]) * SECONDS[match[2]])) if match else otherwise

    retries = last.flag("retries") or ""
    return Check(
        command=command,
        interval=min(300, seconds("interval", 5, 30)),
        timeout=min(60, seconds("timeout", 2, 30)),
        retries=int(retries) if retries.isdecimal() and 1 <= int(retries) <= 10 else BAD_COMMANDS,
    )
