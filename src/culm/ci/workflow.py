"""The GitHub workflows that test, plan and deploy a project, and make previews of pull requests.

Pure but for reading the package's own files.
"""

from importlib import resources
from pathlib import Path

from culm.core.model.record import record
from culm.project.project import Project, TargetSettings
from culm.project.repository import repository
from culm.render import ci_roles, preview_role

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


def beside(path: Path) -> Path:
    """Return where the workflow of previews lies, beside the one that deploys."""
    return path.with_name(f"{path.stem}-previews.yml")


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


@record
class Runs:
    """Where and how the jobs of a workflow, or of a pipeline, run."""

    region: str
    account: str
    branch: str
    """What is deployed."""
    install: str
    """What pip installs."""


def workflow(project: Project, settings: TargetSettings, runs: Runs) -> str:
    """Return the text of the workflow that deploys."""
    return filled("culm.yml.tmpl", project, settings, runs)


def previews(project: Project, settings: TargetSettings, runs: Runs) -> str:
    """Return the text of the workflow that makes previews of pull requests, and removes them."""
    return filled("previews.yml.tmpl", project, settings, runs)


def filled(template: str, project: Project, settings: TargetSettings, runs: Runs) -> str:
    """Return a template of this package with its `@names@` filled in."""
    target, environment, branch = settings.name, settings.environment, runs.branch
    text = (resources.files("culm.ci") / "templates" / template).read_text(encoding="utf-8")
    for name, value in {
        "project": project.name,
        "target": target,
        "region": runs.region,
        "account": runs.account,
        "environment": APPROVED.replace("@name@", environment) if environment else "",
        "agreed": " --yes" if settings.protect or settings.ci_changes_stack else "",
        "deploys": f"jobs of environment {environment}" if environment else f"pushes to {branch}",
        "branch": branch,
        "install": runs.install,
        "plan_role": ci_roles.plan_role(project),
        "deploy_role": ci_roles.deploy_role(project),
        "preview_role": preview_role.name(project),
    }.items():
        text = text.replace(f"@{name}@", value)
    return text
