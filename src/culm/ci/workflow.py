"""The GitHub workflow that tests, plans and deploys a project. Pure but for reading the package's own file."""

from importlib import resources
from pathlib import Path

from culm.project.project import Project, TargetSettings
from culm.project.repository import repository
from culm.render import github_roles

PATH = ".github/workflows/culm.yml"


def placed(project: Project) -> tuple[Path, str]:
    """Return where the workflow lies, and the project's folder as seen from there; empty: it is the repository itself.

    GitHub reads workflows at a repository's root alone.
    """
    root = project.root.absolute()
    top = repository(root) or root
    if top == root:
        return root / PATH, ""
    return top / PATH.replace("culm.yml", f"culm-{project.name}.yml"), root.relative_to(top).as_posix()


def within(text: str, folder: str) -> str:
    """Return the workflow with its commands in a folder of the repository."""
    if not folder:
        return text
    text = text.replace("hashFiles('results.xml')", f"hashFiles('{folder}/results.xml')")
    return text.replace("\njobs:\n", f'\ndefaults:\n  run:\n    working-directory: "{folder}"\n\njobs:\n', 1)


APPROVED = """\
    # Its reviewers approve each deploy; its rules should let only @branch@ in.
    environment: "@name@"
"""


def workflow(project: Project, settings: TargetSettings, region: str, account: str, branch: str, install: str) -> str:
    """Return its text; `install` is what pip installs."""
    target, environment = settings.name, settings.environment
    template = resources.files("culm.ci") / "templates" / "culm.yml.tmpl"
    text = template.read_text(encoding="utf-8")
    for name, value in {
        "project": project.name,
        "target": target,
        "region": region,
        "account": account,
        "environment": APPROVED.replace("@name@", environment) if environment else "",
        "agreed": " --yes" if settings.protect or settings.ci_changes_stack else "",
        "deploys": f"jobs of environment {environment}" if environment else f"pushes to {branch}",
        "branch": branch,
        "install": install,
        "plan_role": github_roles.plan_role(project),
        "deploy_role": github_roles.deploy_role(project),
    }.items():
        text = text.replace(f"@{name}@", value)
    return text
