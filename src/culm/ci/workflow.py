"""The GitHub workflow that tests, plans and deploys a project. Pure but for reading the package's own file."""

from importlib import resources

from culm import __version__
from culm.project.project import Project
from culm.render import github_roles

PATH = ".github/workflows/culm.yml"


def workflow(project: Project, target: str, region: str, account: str, branch: str, install: str | None = None) -> str:
    """Its text; `install` is what pip installs, this version of culm if None."""
    template = resources.files("culm.ci") / "templates" / "culm.yml.tmpl"
    text = template.read_text(encoding="utf-8")
    for name, value in {
        "project": project.name,
        "target": target,
        "region": region,
        "account": account,
        "branch": branch,
        "install": install or f"culm=={__version__}",
        "plan_role": github_roles.plan_role(project),
        "deploy_role": github_roles.deploy_role(project),
    }.items():
        text = text.replace(f"@{name}@", value)
    return text
