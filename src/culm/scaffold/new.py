"""Writes a new service folder, and its line in culm.yml."""

import keyword
import re
import sys
from pathlib import Path

from culm.errors import UsageError
from culm.project import installed, sizes
from culm.project.load import FILE
from culm.project.repository import repository
from culm.project.targets import LONGEST_TARGET_GROUP
from culm.scaffold import names
from culm.scaffold.template import TemplateFile, rendered

FIRST_PORT = 8001
FIRST_DATABASE_PORT = 5401
DATABASES = "databases:\n  main: {engine: postgres}\n"
MANIFEST = """\
name: {project}
targets:
  local: {{instances: 2 x t2.micro}}
databases:
  main: {{engine: postgres}}
services:
"""
WORKFLOW = ".github/workflows/test.yml"
FOLDERS = frozenset({"conf", "docker", "migrations", "tests", "test"})
"""Of a service folder: a package of that name would be one of them."""
GO_ENDINGS = frozenset({"internal", "vendor", "testdata", "main"})
"""Go gives them a meaning of their own."""


ENTRIES = {
    "flask": 'database: main, secrets: {DATABASE_URL: {from: "{main.url}", reason: app.py connects to it}}',
    "python": "database: main",
    "go": "database: main",
    "node": "",
}
"""What culm.yml says of a new service, by its template."""


def new(root: Path, name: str, template: str) -> list[str]:
    """Make `root/name` and name it in `root/culm.yml`, which is made if it is not there: the files written.

    In a git repository the workflow is written at its root, where GitHub looks for it.
    """
    package = checked(name, template)
    folder = root / name
    if folder.exists():
        raise UsageError(f"{folder} is there already", "another name, or remove it")
    manifest = root / FILE
    project = project_of(root, name)
    number = siblings(root)
    top = repository(root.absolute())
    inside = folder.absolute().relative_to(top).as_posix() if top is not None else ""
    values = {
        "service": name,
        "Service": name.replace("-", " ").capitalize(),
        "package": package,
        "project": project,
        "culm": installed.requirement(),
        "port": str(FIRST_PORT + number),
        "database_port": str(FIRST_DATABASE_PORT + number),
        "within": f"\ndefaults: {{run: {{working-directory: {inside}}}}}" if inside else "",
        "prefix": f"{inside}/" if inside else "",
    }
    files = {folder / path: file for path, file in rendered(template, values).items()}
    if top is not None and folder / WORKFLOW in files:
        files[workflow_at(top, name)] = files.pop(folder / WORKFLOW)
    before = manifest.read_text() if manifest.exists() else MANIFEST.format(project=project)
    after = with_service(before, name, ENTRIES[template])
    write(files)
    manifest.write_text(after)
    return [*(path.name for path in files), FILE]


def write(files: dict[Path, TemplateFile]) -> None:
    for path, file in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
        if file.executable:
            path.chmod(0o755)


def checked(name: str, template: str) -> str:
    """Return the name of the service's package. Raises UsageError for a name that no service or no package can have."""
    if "/" in name.rstrip("/"):
        folder, _, last = name.rstrip("/").rpartition("/")
        hint = f"culm new {last}, in the folder that holds culm.yml; or cd {folder} first, for a project of its own"
        raise UsageError(f"{name!r} is a path, and a service has a name", hint)
    try:
        sizes.name(name)
    except ValueError as error:
        raise UsageError(f"{name!r} cannot be a service's name: {str(error).partition(': ')[2] or error}") from None
    package = name.replace("-", "_")
    why = ""
    if template == "python":
        if keyword.iskeyword(package):
            why = "is a keyword of Python"
        elif package in sys.stdlib_module_names:
            why = "is a module of Python's standard library"
        elif package in dependencies():
            why = "is a package that the service stands on"
    elif template == "go" and package in GO_ENDINGS:
        why = "means something else to Go"
    if package in FOLDERS:
        why = "is a folder that every service has"
    if why:
        raise UsageError(f"{name!r} cannot be a service's name: it {why}", f"another name: {name}-service")
    return package


def dependencies() -> set[str]:
    """Return the packages that the template's requirements name."""
    text = rendered("python", {})["requirements.txt"].text
    return {
        match.replace("-", "_").lower()
        for match in re.findall(r"^([A-Za-z0-9_-]+)(?:\[[^]]*\])?==", text, re.MULTILINE)
    }


def project_of(root: Path, name: str) -> str:
    """Return the project's name: culm.yml's, else the folder's, short enough for the service's."""
    manifest = root / FILE
    stated = re.search(r"^name:\s*[\"']?([\w-]+)", manifest.read_text(), re.MULTILINE) if manifest.exists() else None
    if stated is None:
        return names.project_for([name], names.project_name(root.absolute().name))
    most = LONGEST_TARGET_GROUP - 1 - len(stated[1])
    if (length := len(stated[1]) + 1 + len(name)) > LONGEST_TARGET_GROUP:
        raise UsageError(
            f"{name!r} is too long beside the project's name: {stated[1]}-{name} has {length} characters",
            f"AWS takes {LONGEST_TARGET_GROUP} for a target group: a service may have {most}",
        )
    return stated[1]


def workflow_at(top: Path, name: str) -> Path:
    """Return where the workflow goes. Raises UsageError if there is one."""
    path = top / ".github" / "workflows" / f"{name}.yml"
    if path.exists():
        raise UsageError(f"there is {path} already", "another name, or remove it")
    return path


def siblings(root: Path) -> int:
    """Return how many service folders there are: each has ports of its own on a laptop."""
    return sum((path / "Dockerfile").is_file() for path in root.iterdir() if path.is_dir())


def bare(root: Path, name: str) -> None:
    """Name `root/name`, which has a Dockerfile, in `root/culm.yml`, which is made if it is not there."""
    checked(name, "bare")
    folder, manifest = root / name, root / FILE
    if not (folder / "Dockerfile").is_file():
        raise UsageError(f"{folder / 'Dockerfile'} is not there", f"culm new {name} without --bare writes one")
    project = project_of(root, name)
    before = manifest.read_text() if manifest.exists() else MANIFEST.format(project=project).replace(DATABASES, "")
    if re.search(rf"^\s+{name}:", before, re.MULTILINE):
        raise UsageError(f"{FILE} names {name} already", "culm up")
    manifest.write_text(with_service(before, name, ""))


def with_service(manifest: str, name: str, entry: str = "database: main") -> str:
    """Return the manifest with one more service at the end of its `services:`, all else as it was."""
    lines = manifest.splitlines()
    at = next((i for i, line in enumerate(lines) if re.match(r"services:\s*(#.*)?$", line)), None)
    if at is None:
        raise UsageError(f"{FILE} has no `services:` block to write into", f"add it yourself: {name}: {{{entry}}}")
    end = at + 1
    indent = "  "
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if line.strip() and not line.startswith((" ", "#")):
            break
        if match := re.match(r"( +)[^\s#-]", line):
            indent = match[1] if end == at + 1 else indent
            end = number + 1
    if re.search(r"^  main:", manifest, re.MULTILINE) is None:
        entry = ""
    return "\n".join([*lines[:end], f"{indent}{name}: {{{entry}}}", *lines[end:]]) + "\n"
