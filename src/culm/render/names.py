"""Names of everything on the target, from the names in culm.yml. Pure."""

from culm.project.previews import GROUP_SEPARATOR, SEPARATOR
from culm.project.project import Project, Service


def family(project: Project, service: Service, *, migrate: bool = False) -> str:
    """Return the name of the service's task definitions, or of its migration's."""
    return f"{project.name}-{service.name}" + ("-migrate" if migrate else "")


def group_name(project: Project, service: Service) -> str:
    """Return the name of a service's target group: its family's, but ELB takes no two hyphens in a row."""
    return family(project, service).replace(SEPARATOR, GROUP_SEPARATOR)


def repository(project: Project, service: Service, *, migrate: bool = False) -> str:
    """Return the repository of a service's image, or its migration's; services that are built alike share one."""
    if migrate:
        return f"{project.name}/{service.original}-migrate"
    return f"{project.name}/{service.built_by or service.original}"


def repositories(project: Project) -> list[str]:
    """Return the repositories of all images that are built: two a service, or one where there is no migration."""
    names: dict[str, None] = {}
    for service in project.everything.values():
        if service.dockerfile is not None:
            names[repository(project, service)] = None
        if service.migration:
            names[repository(project, service, migrate=True)] = None
    return list(names)


def execution_role_name(project: Project) -> str:
    """Return the name of the role by which ECS starts tasks. No service's role has a dot in its name."""
    return ".".join([project.name, *([project.preview.name] if project.preview else []), "execution"])


def log_group(project: Project, service: Service) -> str:
    return f"/culm/{project.name}/{service.name}"


def secret_parameter(project: Project, service: Service, variable: str, env: str) -> str:
    """Return the parameter with a variable that the deploy fills: from a database's URL, or a file of the vault."""
    return f"/culm/{project.name}/{env}/{service.name}/{variable}"


def bucket(project: Project, name: str, account: str, region: str) -> str:
    """Return the full name of one of culm.yml's buckets: their names are the whole world's."""
    return f"{project.name}-{name}-{account}-{region}"


def instances_log_group(project: str) -> str:
    """Return the log group of the instances' own agents; no service's has a dot there."""
    return f"/culm/{project}.instances"


def vault_bucket(project: str, account: str, region: str) -> str:
    """Return the vault's bucket: one for each project, as two projects may have a service of the same name."""
    return f"culm-{project}-{account}-{region}"
