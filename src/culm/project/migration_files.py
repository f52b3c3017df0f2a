"""The files that a service's migration carries out, and their fingerprint.

A migration's image has the service's code as well, so that every commit makes another image. Whether there is a new
migration in it is told by fewer files: those that `migrations:` of culm.yml names, else those where the tool that
the migration runs keeps its own, else what Dockerfile.migrate copies and the service's Dockerfile does not.
Dockerfile.migrate itself always counts, and so does the command of a migration in the service's own image. Where none
of this names a file nothing is known, and every new image may bring a new migration.

A line `culm: expand` or `culm: contract`, in a comment of a migration's file, says whether the version before works
with the newer schema. So the fingerprint has three parts, `all.unmarked.contract`: of all files, of those without a
mark, of those marked `contract`. Two fingerprints tell by that what has come between them (`culm.plan.way_back`).
"""

import configparser
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from culm.project import dockerfile, texts
from culm.project.project import Service

MARK = re.compile(r"(?m)^[^\w\n]*culm:[ \t]*(expand|contract)\b")
"""Behind whatever begins a comment: `#`, `--`, `//`, `*`."""
DIGITS = 12
PASSED_OVER = frozenset({"__pycache__", ".git", "node_modules", ".venv", "venv", ".mypy_cache", ".pytest_cache"})


def fingerprint(service: Service) -> str | None:
    """Return `all.unmarked.contract` of the files that the service's migration carries out; None: they are not known.

    Files that cannot be read are left out.
    """
    if not service.migrates:
        return None
    chosen = sorted(set(files(service)))
    if not chosen:
        return None
    every, unmarked, contract = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    if service.migration_command is not None:
        every.update(running(service).encode(errors="surrogateescape"))
    for path in [*chosen, *([service.migration] if service.migration else [])]:
        try:
            data = path.read_bytes()
        except OSError:
            continue
        name = path.relative_to(service.folder) if path.is_relative_to(service.folder) else Path(path.name)
        entry = f"{name.as_posix()}\0{len(data)}\0".encode(errors="surrogateescape") + data
        marks = MARK.findall(texts.decoded(data))
        every.update(entry)
        if "contract" in marks:
            contract.update(entry)
        elif not marks:
            unmarked.update(entry)
    return ".".join(each.hexdigest()[:DIGITS] for each in (every, unmarked, contract))


def files(service: Service) -> Iterator[Path]:
    """Give the files that decide what the migration does, as far as they can be told."""
    if service.migrations:
        yield from below(service.folder, service.migrations)
        return
    yield from of_tool(service) or added(service)


def below(folder: Path, paths: Iterable[str]) -> list[Path]:
    """Return the files at these paths of the folder, and in those that are folders; paths may have `*`."""
    result: list[Path] = []
    for text in paths:
        clean = text.strip().removeprefix("./").strip("/")
        if not clean or clean == "." or ".." in Path(clean).parts:
            continue  # all of the code, or what is not in the image
        for path in sorted(folder.glob(clean)) if any(sign in clean for sign in "*?[") else [folder / clean]:
            if path.is_file():
                result.append(path)
            elif path.is_dir():
                result += [each for each in path.rglob("*") if each.is_file() and is_source(each.relative_to(folder))]
    return result


def is_source(path: Path) -> bool:
    return PASSED_OVER.isdisjoint(path.parts) and path.suffix != ".pyc"


def of_tool(service: Service) -> list[Path]:
    """Return the migrations of the tool that the migration runs; empty where no tool is recognised."""
    text = running(service)
    for path in scripts(service.folder, text):  # an entrypoint that the tool is run by
        text += "\n" + texts.read(path)
    for pattern, places in TOOLS:
        if pattern.search(text) and (there := below(service.folder, places(service.folder, text))):
            return there
    return []


def running(service: Service) -> str:
    """Return what tells which tool the migration runs: its command, or the instructions of its Dockerfile."""
    if service.migration_command is not None:
        given = service.migration_command
        return " ".join((*(given.entrypoint or ()), *given.command))
    assert service.migration is not None
    instructions = read(service.migration)
    return "\n".join(" ".join(each.form or [each.rest]) for each in instructions if each.keyword in RUNNING)


def scripts(folder: Path, text: str) -> list[Path]:
    """Return the shell scripts of the folder that a command names."""
    named = re.findall(r"[\w./-]+\.sh\b", text)
    return [path for word in named for path in sorted(folder.rglob(Path(word).name)) if path.is_file()]


RUNNING = ("FROM", "CMD", "ENTRYPOINT", "RUN", "ENV", "COPY")


def alembic(folder: Path, text: str) -> Sequence[str]:
    """Return alembic.ini's script_location and version_locations.

    https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file
    """
    inis = [path for path in (folder / "alembic.ini", folder / "migrations/alembic.ini") if path.is_file()]
    if not inis:
        return ("migrations",)
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(texts.read(inis[0]))
    except (configparser.Error, OSError):
        return ("alembic.ini", "alembic", "migrations")
    values = [parser.get("alembic", key, fallback="") for key in ("script_location", "version_locations")]
    here = inis[0].parent.relative_to(folder).as_posix()
    words = [word for value in values for word in re.split(r"[\s,;]+|(?<!\w):", value) if word]
    places = [word.replace("%(here)s", here).replace(":", "/") for word in words]
    return (inis[0].relative_to(folder).as_posix(), *(places or ["alembic", "migrations"]))


def option(*names: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(map(re.escape, names))})[=\s]+[\"']?(?:file://)?([\w./-]+)")


def by_option(pattern: re.Pattern[str], *usual: str) -> Callable[[Path, str], Sequence[str]]:
    """Return where the tool is told to look, by the end of that path which the folder has.

    Else where it looks by itself.
    """

    def places(folder: Path, text: str) -> Sequence[str]:
        named: list[str] = []
        for place in pattern.findall(text):
            parts = Path(place.strip("/")).parts
            ends = ("/".join(parts[begin:]) for begin in range(len(parts)))
            named += [next((end for end in ends if end not in ("", ".") and (folder / end).exists()), "")]
        return [place for place in named if place] or usual

    return places


TOOLS: tuple[tuple[re.Pattern[str], Callable[[Path, str], Sequence[str]]], ...] = (
    (re.compile(r"\balembic\b|\bflask\b.*\bdb\b|\bflask-migrate\b"), alembic),
    (re.compile(r"manage\.py\W.*\bmigrate\b|django-admin\W.*\bmigrate\b"), lambda *_: ("**/migrations/*.py",)),
    (re.compile(r"\bprisma\b"), lambda *_: ("prisma",)),
    (re.compile(r"\bknex\b"), by_option(option("--migrations-directory"), "migrations", "db/migrations", "knexfile.*")),
    (re.compile(r"\b(rails|rake)\b.*\bdb:"), lambda *_: ("db",)),
    (
        re.compile(r"\bdbmate\b"),
        by_option(option("-d", "--migrations-dir", "DBMATE_MIGRATIONS_DIR"), "db/migrations"),
    ),
    (
        re.compile(r"\bflyway\b"),
        by_option(
            option("-locations=filesystem:", "FLYWAY_LOCATIONS=filesystem:"),
            "sql",
            "migrations",
            "db/migration",
            "src/main/resources/db/migration",
            "flyway.conf",
            "flyway.toml",
        ),
    ),
    (
        re.compile(r"\bmigrate/migrate\b|\bgolang-migrate\b|\bmigrate\b.*-(path|source)\b"),
        by_option(option("-path", "-source"), "migrations", "db/migrations", "migration", "db/migration"),
    ),
)
"""How each tool is recognised in what Dockerfile.migrate runs, and where it keeps its migrations."""


def added(service: Service) -> list[Path]:
    """Return what Dockerfile.migrate copies and the service's Dockerfile does not; a command alone copies nothing."""
    if service.migration is None:
        return []
    own = set(copied(read(service.dockerfile))) if service.dockerfile is not None else set()
    if "" in own:
        return []  # the service has everything
    return below(service.folder, [path for path in copied(read(service.migration)) if path not in own])


def copied(instructions: Iterable[dockerfile.Instruction]) -> Iterator[str]:
    """Give what is copied from the build context, relative to it; empty: all of it."""
    for each in instructions:
        if each.keyword not in ("COPY", "ADD") or each.flag("from") is not None or each.documents:
            continue
        for word in (each.form or dockerfile.words(each.rest))[:-1]:
            if "$" not in word and "://" not in word:
                yield word.removeprefix("./").strip("/").removesuffix(".") if word != "." else ""


def read(path: Path) -> list[dockerfile.Instruction]:
    try:
        return dockerfile.read(path)
    except (dockerfile.DockerfileError, OSError):
        return []
