"""What everything on the target is called, from the names in culm.yml. Pure."""

from culm.project.project import Project, Service


def family(project: Project, service: Service, *, migrate: bool = False) -> str:
    return f"{project.name}-{service.name}" + ("-migrate" if migrate else "")


def repository(project: Project, service: Service, *, migrate: bool = False) -> str:
    return f"{project.name}/{service.name}" + ("-migrate" if migrate else "")


def repositories(project: Project) -> list[str]:
    """Two a service, or one where there is nothing to migrate."""
    names = []
    for service in project.services.values():
        names.append(repository(project, service))
        if service.migration:
            names.append(repository(project, service, migrate=True))
    return names


def execution_role_name(project: str) -> str:
    """No service's role has a dot in its name."""
    return f"{project}.execution"


def log_group(project: Project, service: Service) -> str:
    return f"/culm/{project.name}/{service.name}"


def vault_bucket(project: str, account: str, region: str) -> str:
    """Of its own for each project: two may have a service of the same name."""
    return f"culm-{project}-{account}-{region}"
