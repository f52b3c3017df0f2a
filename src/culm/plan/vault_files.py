"""Whether the vault has what `files:` of culm.yml names: a task that lacks a file never starts. Pure.

Worked example: `docs: {files: {/etc/nginx/conf.d/site.conf: site.conf}}` on a target with `env: stg` needs the object
`stg/docs/site.conf`; where it is missing, `culm vault put stg/docs/site.conf site.conf --target stg` stores it.
"""

import json
from collections.abc import Iterable, Sequence

from culm.core.model.task_definitions import FILES_LABEL
from culm.errors import Differs
from culm.plan.observed import Described, Observed
from culm.project import engines
from culm.project.project import Project, Service, TargetSettings
from culm.project.targets import LOCAL

LOAD_BALANCER_FILE = "load-balancer.url"
"""The file of each service with the load balancer's URL."""


PARTS = ("user", "password", "host", "port", "name")
"""What a database's URL has that may be a file by itself."""


def missing(project: Project, settings: TargetSettings, names: Iterable[str], observed: Observed) -> list[str]:
    """Return the vault's keys that `files:` of these services and jobs name, and that are not there.

    Files that the deploy itself writes before any task starts are never missing.
    """
    kept = observed.vault or frozenset()
    wanted = {
        f"{settings.env}/{project.everything[name].original}/{file}": None
        for name in names
        for file in project.everything[name].container.files.values()
        if file not in written_by_deploys(project, settings, project.everything[name])
    }
    return [key for key in wanted if key not in kept]


def written_by_deploys(project: Project, settings: TargetSettings, service: Service) -> set[str]:
    """Return the names of the files that a deploy writes for a service.

    They are the URLs of the load balancer and of its databases, parts of the latter, `main.password`, and Amazon's
    certificates for RDS.
    """
    made = [name for name in service.databases if settings.provider == "local" or project.made_on_aws(name)]
    parts = {f"{name}.{part}" for name in made for part in PARTS}
    certificates = [engines.CERTIFICATES] if any(name in project.rds for name in service.databases) else []
    return {LOAD_BALANCER_FILE, *certificates, *(project.url_file(service, name) for name in made), *parts}


def command(key: str, settings: TargetSettings) -> str:
    """Return the command that stores a file under this key."""
    target = "" if settings.name == LOCAL else f" --target {settings.name}"
    return f"culm vault put {key} {key.rpartition('/')[2]}{target}"


def demand(project: Project, settings: TargetSettings, names: Iterable[str], observed: Observed) -> None:
    """Raise Differs where the vault lacks files of these services and jobs, with a command for each."""
    refuse(missing(project, settings, names, observed), settings)


def demand_of_revisions(revisions: Iterable[Described], settings: TargetSettings, observed: Observed) -> None:
    """Raise Differs where the vault lacks files that new tasks of these revisions would start with."""
    kept = observed.vault or frozenset()
    refuse([key for revision in revisions for key in of_revision(revision) if key not in kept], settings)


def of_revision(revision: Described) -> list[str]:
    """Return the vault's keys that tasks of a revision start with, as the container says that fetches them."""
    labels = [container.get("dockerLabels") or {} for container in revision["containerDefinitions"]]
    uris = [uri for label in labels if FILES_LABEL in label for uri in json.loads(label[FILES_LABEL]).values()]
    return [uri.removeprefix("s3://").partition("/")[2] for uri in uris]


def refuse(lacking: Sequence[str], settings: TargetSettings) -> None:
    """Raise Differs if the vault lacks any of these keys."""
    if not lacking:
        return
    verb, pronoun = ("is", "it") if len(lacking) == 1 else ("are", "them")
    raise Differs(
        f"{', '.join(lacking)} {verb} not in the vault, and `files:` of culm.yml needs {pronoun}; nothing was changed",
        "\n     ".join(command(key, settings) for key in lacking),
    )


def notes(project: Project, settings: TargetSettings, names: Iterable[str], observed: Observed) -> list[str]:
    """Return a line for each file that has to be in the vault before a deploy."""
    return [
        f"before `culm up`: {command(key, settings)}, as `files:` of {key.split('/')[1]} needs it"
        for key in missing(project, settings, names, observed)
    ]
