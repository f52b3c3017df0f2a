"""The GitLab pipeline that tests, plans and deploys a project. Pure but for reading the package's own file."""

from importlib import resources
from pathlib import Path

from culm.ci.workflow import Runs
from culm.project.project import Project, TargetSettings
from culm.project.repository import repository
from culm.render import ci_roles

PATH = ".gitlab-ci.yml"
MANUAL = """\
      # Somebody starts it by hand: with a protected environment, one of those who may approve.
      when: manual
"""


def placed(project: Project) -> tuple[Path, str]:
    """Return the pipeline's path at the repository's root, and the project's folder below that; empty: the root."""
    root = project.root.absolute()
    top = repository(root) or root
    return top / PATH, "" if top == root else root.relative_to(top).as_posix()


def pipeline(project: Project, settings: TargetSettings, runs: Runs, folder: str = "") -> str:
    """Return the pipeline's text; `folder` is the project's in its repository."""
    template = resources.files("culm.ci") / "templates" / "gitlab-ci.yml.tmpl"
    text = template.read_text(encoding="utf-8")
    environment = settings.environment
    for name, value in {
        "project": project.name,
        "target": settings.name,
        "region": runs.region,
        "account": runs.account,
        "branch": runs.branch,
        "install": runs.install,
        "enter": f'    - cd "{folder}"\n' if folder else "",
        "folder": f"{folder}/" if folder else "",
        "manual": MANUAL if environment else "",
        "environment": f'  environment:\n    name: "{environment}"\n' if environment else "",
        "agreed": " --yes" if settings.protect or settings.ci_changes_stack else "",
        "plan_role": ci_roles.plan_role(project),
        "deploy_role": ci_roles.deploy_role(project),
    }.items():
        text = text.replace(f"@{name}@", value)
    return text
