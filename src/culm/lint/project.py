"""Everything of a project that lint looks at, read from disk."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from culm.lint import composes, dockerfiles, rules, tasks
from culm.lint.findings import Finding, Setting, excused
from culm.project.load import FILE, shown
from culm.project.project import Project, Service
from culm.render import Surroundings, task_definition

TASK_DEFINITION_NAME = re.compile(r".*task[-_.]?def.*\.json")
PLACEHOLDER = Surroundings(
    env="stg", region="us-east-1", account="000000000000", vault="vault", vpc="", subnets=(), port=80, instances=""
)
"""A task definition's environment does not depend on what differs between targets but by MYENV and VAULT."""


def check(project: Project, names: Iterable[str] | None = None) -> list[Finding]:
    """All findings, by file and line; of the named services, or of all."""
    found = manifest(project)
    for service in (project.everything[name] for name in (names or project.everything)):
        found += files(service)
        found += tasks.check(
            f"task definition of {service.name}", task_definition(project, service, "image", None, PLACEHOLDER)
        )
    return sorted(set(found), key=lambda finding: (finding.file, finding.line, finding.name))


def files(service: Service) -> Iterator[Finding]:
    for dockerfile in {service.dockerfile, service.migration} - {None}:
        assert dockerfile is not None
        yield from dockerfiles.check(shown(dockerfile), read(dockerfile))
    if service.dockerfile is None:
        return  # a ready image has no folder of its own
    for path in sorted(service.folder.iterdir()):
        if not path.is_file():
            continue
        if TASK_DEFINITION_NAME.fullmatch(path.name.lower()):
            yield from tasks.check_file(shown(path), read(path))
        elif composes.COMPOSE_NAME.fullmatch(path.name):
            yield from compose_file(path)


def compose_file(path: Path) -> Iterator[Finding]:
    text = read(path)
    if not composes.is_for_staging(path.name, text):
        return
    yield from composes.check(shown(path), text)
    for name in composes.env_files(text):
        if (named := path.parent / name).is_file():
            yield from composes.check_env_file(shown(named), read(named))


def manifest(project: Project) -> list[Finding]:
    """culm.yml's build arguments."""
    path = project.root / FILE
    text = read(path)
    found = []
    for service in project.everything.values():
        for name, value in service.args.items():
            if rules.judge(Setting(line=0, name=name, value=value), references_are_values=True) is not None:
                line = next((n for n, each in enumerate(text.splitlines(), 1) if re.search(rf"\b{name}\b", each)), 0)
                found.append(Finding(file=shown(path), line=line, name=name, why=dockerfiles.ARG_WHY))
    return excused(shown(path), text, found)


def read(path: Path) -> str:
    return path.read_text(errors="replace")
