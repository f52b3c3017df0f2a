"""Everything of a project that lint looks at, read from disk."""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from culm.lint import composes, copies, dockerfiles, rules, tasks
from culm.lint.findings import Finding, Setting, allowances, excused
from culm.project import texts
from culm.project.dockerfile import DockerfileError
from culm.project.load import FILE, shown
from culm.project.project import Project, Service
from culm.render import Surroundings, task_definition

NOT_WALKED = frozenset(
    {"node_modules", "vendor", "venv", ".venv", ".git", ".terraform", ".tox", "__pycache__", "site-packages", "dist"}
)
DEEPEST = 6
LARGEST = 500_000
"""Bytes of a JSON file that may be a task definition."""
TASK_DEFINITION_NAME = re.compile(r".*task[-_.]?def.*\.json")
PLACEHOLDER = Surroundings(
    env="stg", region="us-east-1", account="000000000000", vault="vault", vpc="", subnets=(), port=80, instances=""
)
"""A task definition's environment does not depend on what differs between targets but by MYENV and VAULT."""


def check(project: Project, names: Iterable[str] | None = None) -> list[Finding]:
    """Return all findings, by file and line; of the named services, or of all."""
    chosen = [project.everything[name] for name in (names or project.everything)]
    built = [service for service in chosen if service.image is None]
    others = {each.folder.resolve() for each in project.everything.values()} - {each.folder.resolve() for each in built}
    findings = manifest(project)
    findings += kept_files([project.root, *(service.folder for service in built)], others)
    for service in chosen:
        findings += files(service)
        findings += tasks.check(
            f"task definition of {service.name}", task_definition(project, service, "image", None, PLACEHOLDER)
        )
    return sorted(set(findings), key=lambda finding: (finding.file, finding.line, finding.name))


def files(service: Service) -> Iterator[Finding]:
    """Yield a service's Dockerfiles, and what they copy into their images."""
    for dockerfile in {service.dockerfile, service.migration} - {None}:
        assert dockerfile is not None
        text = read(dockerfile)
        yield from dockerfiles.check(shown(dockerfile), text)
        target = service.stage if dockerfile == service.dockerfile else None
        try:
            findings = copies.check(shown(dockerfile), dockerfile, service.folder, target)
        except DockerfileError:
            continue  # the build says what is wrong with it
        allowed = allowances(text)
        yield from (each for each in findings if each.line not in allowed)


def kept_files(folders: Iterable[Path], others: Collection[Path]) -> Iterator[Finding]:
    """Compose files for staging and task definitions, in these folders and below them, but for those in `others`."""
    done: set[Path] = set()
    for top in folders:
        for path in walked(top, others):
            if path.resolve() in done:
                continue
            done.add(path.resolve())
            if composes.COMPOSE_NAME.fullmatch(path.name):
                yield from compose_file(path)
            elif path.suffix == ".json" and (TASK_DEFINITION_NAME.fullmatch(path.name.lower()) or holds_tasks(path)):
                yield from tasks.check_file(shown(path), read(path))


def walked(top: Path, others: Collection[Path]) -> Iterator[Path]:
    """Yield the files below a folder that may be of use, but for other people's code and the folders of `others`."""
    for parent, folders, names in os.walk(top):
        depth = len(Path(parent).relative_to(top).parts)
        folders[:] = sorted(
            name
            for name in folders
            if name not in NOT_WALKED and depth < DEEPEST and Path(parent, name).resolve() not in others
        )
        yield from (Path(parent, name) for name in sorted(names) if name.endswith((".json", ".yml", ".yaml")))


def holds_tasks(path: Path) -> bool:
    """Return whether a JSON file has a task definition in it, whatever it is called."""
    try:
        return path.stat().st_size <= LARGEST and '"containerDefinitions"' in read(path)
    except OSError:
        return False


def compose_file(path: Path) -> Iterator[Finding]:
    """Yield a compose file for staging, with the files that it takes over or names."""
    text = read(path)
    if not composes.is_for_staging(path.name, text):
        return
    yield from composes.check(shown(path), text)
    for name in composes.parts(text):
        if (part := path.parent / name).is_file():
            yield from composes.check(shown(part), read(part))
    for name in composes.env_files(text):
        if (part := path.parent / name).is_file():
            yield from composes.check_env_file(shown(part), read(part))


def manifest(project: Project) -> list[Finding]:
    """Return the secrets among culm.yml's build arguments."""
    path = project.root / FILE
    text = read(path)
    findings = []
    for service in project.everything.values():
        for name, value in service.args.items():
            if rules.judge(Setting(line=0, name=name, value=value), references_are_values=True) is not None:
                line = next((n for n, each in enumerate(text.splitlines(), 1) if re.search(rf"\b{name}\b", each)), 0)
                findings.append(Finding(file=shown(path), line=line, name=name, why=dockerfiles.ARG_WHY))
    return excused(shown(path), text, findings)


def read(path: Path) -> str:
    return texts.read(path)
