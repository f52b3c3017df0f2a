"""Log groups, one a service. They go with the stack. Pure."""

from culm import render
from culm.aws.document import Section, logical, resource
from culm.project.project import Project, TargetSettings


def section(project: Project, settings: TargetSettings) -> Section:
    resources = {
        f"LogsOf{logical(service.name)}": resource(
            "Logs::LogGroup",
            {"LogGroupName": render.log_group(project, service), "RetentionInDays": settings.retention},
        )
        for service in project.everything.values()
    }
    return Section(title=f"Logs: kept for {settings.retention} days; they go with this stack.", resources=resources)
