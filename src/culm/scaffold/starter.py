"""A Dockerfile for a folder that has none, from what names its dependencies and how it is started."""

import json
import re

from culm.lint import rules
from culm.lint.findings import Setting
from culm.project.compose import dotenv
from culm.scaffold import language_starters, vault_secrets
from culm.scaffold.sources import Sources
from culm.scaffold.starter_file import Starter, file, port


def processes(sources: Sources) -> dict[str, str]:
    """Return the lines of a Procfile by their process type."""
    lines = (re.match(r"([A-Za-z0-9_-]+):\s*(.+)", line) for line in sources.text("Procfile").splitlines())
    return {match[1]: match[2].strip() for match in lines if match is not None}


RECIPE = re.compile(r"^(?P<name>[\w-]+)[^:\n]*:(?!=)[^\n]*\n(?P<lines>(?:[ \t]+\S.*\n?)+)", re.MULTILINE)
SERVES = re.compile(
    r"[@-]*\s*(?:exec\s+)?(?:(?:poetry|uv|pipenv|pdm)\s+run\s+)?"
    r"(?P<command>(?:python[\d.]*|gunicorn|uvicorn|hypercorn|daphne|granian|waitress-serve|flask|fastapi|streamlit|"
    r"node|npm|yarn|pnpm|bun)\s[^$`]*)"
)
"""A line of a recipe that starts a server, with nothing that make or just would have to fill in."""


def recipe(sources: Sources) -> tuple[str, str]:
    """Return the command by which a Makefile or a justfile starts the program, and the file; empty where none does.

    https://www.gnu.org/software/make/manual/html_node/Rule-Syntax.html and https://just.systems/man/en/
    """
    for file_name in ("Makefile", "makefile", "justfile", "Justfile"):
        recipes = {match["name"]: match["lines"] for match in RECIPE.finditer(sources.text(file_name))}
        for name in ("start", "serve", "server", "run"):
            last = recipes.get(name, "").rstrip().rpartition("\n")[2].strip()
            if match := SERVES.fullmatch(last):
                return re.sub(r"\s--(?:reload|debug)\b", "", match["command"]).strip(), file_name
    return "", ""


def dockerfile(sources: Sources) -> Starter | None:
    """Return a Dockerfile for what is in a folder; None for a language that is not known, or without a way to start."""
    web = processes(sources).get("web", "")
    if any(sources.has(name) for name in ("requirements.txt", "pyproject.toml", "Pipfile")):
        return python(sources, web)
    for made in (language_starters.php, language_starters.ruby, language_starters.elixir):
        if (written := made(sources)) is not None:
            return written
    if sources.has("package.json"):
        return node(sources, web) or language_starters.front_end(sources)
    if sources.has("go.mod"):
        return go(sources)
    for made in (language_starters.rust, language_starters.java, language_starters.dotnet):
        if (written := made(sources)) is not None:
            return written
    return None


def python(sources: Sources, web: str) -> Starter | None:
    """Return a Dockerfile for Python, None if nothing says how it is started."""
    command = web or python_command(sources)
    if not command:
        return None
    install = "COPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\n"
    if names_files(sources.text("requirements.txt")):
        install = "COPY . .\nRUN pip install --no-cache-dir -r requirements.txt\n"
    if not sources.has("requirements.txt"):
        install = "COPY . .\nRUN pip install --no-cache-dir .\n"
    lock = locked(sources)
    install = LOCKS.get(lock, install)
    why = "Procfile" if web else lock or ("requirements.txt" if sources.has("requirements.txt") else "pyproject.toml")
    made = recipe(sources)
    why = made[1] if command == made[0] else why
    listens = port(sources, command)
    base = f"FROM python:{python_version(sources)}-slim\nWORKDIR /app\n{system_packages(sources)}"
    lines = f"{base}{install}{static_files(sources)}"
    return Starter(text=file(lines, listens, command), why=why, command=command, port=listens)


COMPILED = (
    (re.compile(r"^\s*(?:psycopg2(?!-binary|\w)|psycopg\[c\])", re.MULTILINE), ("gcc", "libc6-dev", "libpq-dev")),
    (
        re.compile(r"^\s*mysqlclient\b", re.MULTILINE),
        ("default-libmysqlclient-dev", "gcc", "libc6-dev", "pkg-config"),
    ),
)
"""Requirements that pip compiles, and Debian's packages that it needs for each."""


def system_packages(sources: Sources) -> str:
    """Return the line that installs what requirements.txt is compiled with; empty where nothing is compiled."""
    requirements = sources.text("requirements.txt").lower()
    needed = sorted({name for pattern, names in COMPILED if pattern.search(requirements) for name in names})
    if not needed:
        return ""
    install = f"apt-get install -y --no-install-recommends {' '.join(needed)}"
    return f"RUN apt-get update && {install} && rm -rf /var/lib/apt/lists/*\n"


def static_files(sources: Sources) -> str:
    """Return the line that collects a Django project's static files into its STATIC_ROOT; empty where it has none.

    Its settings are loaded for it, and fail without the variables that they insist on.
    https://docs.djangoproject.com/en/stable/ref/contrib/staticfiles/#collectstatic
    """
    if not sources.has("manage.py") or not any(STATIC_ROOT.search(text) for text in sources.code.values()):
        return ""
    needed = sorted(vault_secrets.readings(sources).strict)
    values = "".join(f"{name}={'sqlite:///build' if name.endswith('_URL') else 'build'} " for name in needed)
    return f"RUN {values}python manage.py collectstatic --noinput\n"


STATIC_ROOT = re.compile(r"^STATIC_ROOT\s*=", re.MULTILINE)
LOCKS = {
    "uv.lock": "COPY pyproject.toml uv.lock ./\nRUN pip install --no-cache-dir uv\n"
    "RUN uv sync --frozen --no-dev --no-install-project\nENV PATH=/app/.venv/bin:$PATH\nCOPY . .\n",
    "poetry.lock": "COPY pyproject.toml poetry.lock ./\nRUN pip install --no-cache-dir poetry\n"
    "RUN poetry config virtualenvs.create false && poetry install --only main --no-root --no-interaction\nCOPY . .\n",
    "Pipfile.lock": "COPY Pipfile Pipfile.lock ./\nRUN pip install --no-cache-dir pipenv\n"
    "RUN pipenv sync --system\nCOPY . .\n",
}
"""How what a lock file names is installed, as it is locked."""
PINNED = re.compile(r"\s*(?:[\w.\[\],-]+\s*===?\s*[^\s,]+.*|--hash=.*|#.*|)")


def locked(sources: Sources) -> str:
    """Return the lock file that says what is installed.

    Empty where there is none, or where requirements.txt pins everything.
    """
    requirements = sources.text("requirements.txt")
    if requirements.strip() and all(PINNED.fullmatch(line) for line in requirements.splitlines()):
        return ""
    beside = {"uv.lock": "pyproject.toml", "poetry.lock": "pyproject.toml", "Pipfile.lock": "Pipfile"}
    return next((lock for lock, file in beside.items() if sources.has(lock) and sources.has(file)), "")


NEWEST_PYTHON = "3.12"
PYTHON_VERSIONS = (
    ("runtime.txt", r"python-(3\.\d+)"),
    (".python-version", r"^\s*(?:python-|cpython-)?(3\.\d+)"),
    ("Pipfile", r"^\s*python_(?:full_)?version\s*=\s*[\"'](3\.\d+)"),
    ("pyproject.toml", r"^\s*(?:requires-python|python)\s*=\s*[\"'](?:==|~=|\^|~)\s*(3\.\d+)"),
    ("pyproject.toml", r"^\s*(?:requires-python|python)\s*=\s*[\"'].*<=\s*(3\.\d+)"),
    ("pyproject.toml", r"^\s*(?:requires-python|python)\s*=\s*[\"']>=\s*(3\.1[3-9])"),
)
"""Where a project says which Python it is for."""


OLD_PINS = (
    (
        re.compile(r"^(?:psycopg2(?:-binary)?==2\.[0-8]\.|django==(?:1|2|3\.[01])\.|flask==[01]\.)", re.MULTILINE),
        "3.9",
    ),
)
"""Versions that neither compile nor start on a later Python."""


def python_version(sources: Sources) -> str:
    """Return the Python that the project's files name; else a usual one."""
    for name, pattern in PYTHON_VERSIONS:
        if match := re.search(pattern, sources.text(name), re.MULTILINE):
            return match[1]
    requirements = sources.text("requirements.txt").lower()
    return next((version for pattern, version in OLD_PINS if pattern.search(requirements)), NEWEST_PYTHON)


def names_files(requirements: str) -> bool:
    """Return whether a requirements file needs other files of its folder.

    These are `-r base.txt`, `-c pins.txt`, `-e .` or `./wheels/x`.

    https://pip.pypa.io/en/stable/reference/requirements-file-format/
    """
    local = r"\s*(?:-[rce]|--(?:requirement|constraint|editable|find-links)\b|\.{0,2}/|\.\s*$|\.\[|\S+\s*@\s*file:)"
    return any(re.match(local, line) for line in requirements.splitlines())


def python_command(sources: Sources) -> str:
    """Return how an application object in the source is served; empty if there is none."""
    for path, text in sources.code.items():
        if not path.endswith(".py"):
            continue
        module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        if match := re.search(r"^(\w+)(?::\s*\w+)?\s*=\s*(?:FastAPI|Starlette|Litestar)\(", text, re.MULTILINE):
            return f"uvicorn {module}:{match[1]} --host 0.0.0.0 --port $PORT"
        if re.search(r"^\w+\s*=\s*(?:Flask|Quart)\(", text, re.MULTILINE):
            return f"flask --app {module} run --host 0.0.0.0 --port $PORT"
    if sources.has("manage.py"):
        return "python manage.py runserver 0.0.0.0:$PORT"
    main = next((name for name in ("main.py", "app.py", "server.py", "run.py", "wsgi.py") if sources.has(name)), None)
    return recipe(sources)[0] or (f"python {main}" if main else "")


NODE_LOCKS = {
    "package-lock.json": "npm ci",
    "yarn.lock": "yarn install --frozen-lockfile",
    "pnpm-lock.yaml": "npm install -g pnpm && pnpm install --frozen-lockfile",
}
"""How what a lock file of Node's names is installed, as it is locked."""


def node(sources: Sources, web: str) -> Starter | None:
    """Return a Dockerfile for Node.js, None if nothing says how it is started."""
    try:
        scripts = json.loads(sources.text("package.json")).get("scripts", {})
    except (ValueError, AttributeError):
        scripts = {}
    main = next(
        (name for name in ("server.js", "index.js", "app.js", "main.js", "src/index.js") if sources.has(name)), None
    )
    made = recipe(sources)
    command = web or ("npm start" if "start" in scripts else made[0] or (f"node {main}" if main else ""))
    if not command:
        return None
    lock = next((name for name in NODE_LOCKS if sources.has(name)), "")
    install = NODE_LOCKS.get(lock, "npm install")
    copied = "package*.json" if lock in ("", "package-lock.json") else f"package.json {lock}"
    lines = f"FROM node:22-slim\nWORKDIR /app\nCOPY {copied} ./\nRUN {install}\nCOPY . .\n"
    lines += "RUN npm run build\n" if "build" in scripts else ""
    listens = port(sources, command)
    why = "Procfile" if web else made[1] if command == made[0] else "package.json"
    return Starter(text=file(lines, listens, command), why=why, command=command, port=listens)


def go(sources: Sources) -> Starter | None:
    """Return a Dockerfile for Go, None if there is no main package."""
    main = (
        "."
        if sources.has("main.go")
        else next(
            (f"./{each.parent.relative_to(sources.folder)}" for each in sorted(sources.folder.glob("cmd/*/main.go"))),
            "",
        )
    )
    if not main:
        return None
    text = (
        "FROM golang:1 AS build\nWORKDIR /src\nCOPY . .\n"
        f"RUN CGO_ENABLED=0 go build -o /app {main}\n\nFROM scratch\nCOPY --from=build /app /app\n"
        f'EXPOSE {port(sources, "")}\nCMD ["/app"]\n'
    )
    return Starter(text=text, why="go.mod")


ENVIRONMENT_FILE = ".env"
IGNORED = (".culm", "culm.yml", ".venv", "venv", "node_modules", "__pycache__", "*.pyc")
BY_COMMIT = re.compile(r"setuptools[-_]scm|hatch-vcs|versioneer|dunamai|dynamic-versioning")
"""They read the version of a package from .git."""


def ignored(sources: Sources) -> str:
    """Return the .dockerignore beside a Dockerfile that copies all: what is made again, and an `.env` with secrets."""
    names = list(IGNORED)
    if not BY_COMMIT.search("\n".join(sources.dependencies.values())):
        names.append(".git")
    if any(rules.judge(Setting(line=0, name=name, value=value)) for name, value in settings(sources).items()):
        names.append(ENVIRONMENT_FILE)
    return "".join(f"{name}\n" for name in names)


def settings(sources: Sources) -> dict[str, str]:
    """Return the variables of the folder's `.env`; none where there is none, or none that can be read."""
    try:
        return dotenv.parse(sources.text(ENVIRONMENT_FILE), {}, {})
    except dotenv.EnvironmentFileError:
        return {}
