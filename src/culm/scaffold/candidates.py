"""Services on their way into culm.yml: what is still open about each is filled in from its folder.

Both `culm init` and `culm import` end here: one knows folders alone, the other has a compose file's word for
much of it.
"""

import json
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from itertools import chain, count
from os.path import relpath
from pathlib import Path

from culm.project import dockerfile, engines, host_mentions
from culm.scaffold import database_variables, guess, health_pages
from culm.scaffold.draft import Block, Commented, Draft
from culm.scaffold.guess import Guess, ImageSource, Migration
from culm.scaffold.sources import Sources

FRONT = re.compile(
    r"^(www|web|website|site|front|frontend|front-end|ui|webui|web-ui|client|app|webapp|web-app|web-client|spa|portal|gateway|api-gateway|"
    r"storefront|home|proxy|nginx|dashboard)$"
)
FRONT_PART = re.compile(r"(^|-)(frontend|front|ui|web|webapp|gateway|client|spa|www)(-|$)")
ANY_ANSWER = {"path": "/", "codes": "200-499"}
NO_PORT = "it listens nowhere that can be seen; a server has `port:` and `path:` instead"
MIGRATE_FILE = "Dockerfile.migrate"


@dataclass
class Outline:
    """One service, as far as it is known."""

    given: str
    """What it is called where it was guessed."""
    block: Block
    image: ImageSource | None = None
    """None: a ready image."""
    command: tuple[str, ...] = ()
    """Instead of the image's."""
    published: bool = False
    """Whether people reach it from outside."""
    listens: bool | None = None
    """None: not known yet."""
    sources: Sources | None = None

    @property
    def name(self) -> str:
        return self.block.name


@dataclass
class Written:
    """Files beside culm.yml that make it whole, by path."""

    files: dict[Path, str] = field(default_factory=dict)


def complete(
    draft: Draft, candidates: Sequence[Outline], written: Written, ask: Callable[[str], int | None] | None = None
) -> None:
    """Fill in what is open: ports, paths, health pages, databases, migrations.

    `ask` puts a question whose answer is a port, or none; it is put where nothing in the folder tells.
    """
    for candidate in candidates:
        fill_port(candidate, ask)
    balanced = [each for each in candidates if each.listens and "path" not in each.block.keys]
    front = front_of(candidates, balanced)
    others = beside_the_first(candidates)
    for candidate in candidates:
        tell_absent(candidate)
        fill_memory(candidate)
        if candidate in balanced:
            route(candidate, front is candidate, alone=len(balanced) == 1)
        fill_health(candidate, runs_another_program=candidate in others)
        fill_database(draft, candidate)
    for candidate in first_of_each_folder(candidates):
        migrate(candidate, written)
    fixed = fixed_ports(candidates)
    avoid_balancer_port(draft, fixed)
    tell_port_clashes(fixed)


STAYS = (".go", ".rb")
"""Languages whose port in the code no file of the task's moves; Python and Node.js load one."""
USUAL_PORT = 8080
"""The local load balancer's, when culm.yml names none."""


def fixed_ports(candidates: Sequence[Outline]) -> list[tuple[Outline, Guess]]:
    """Return the services whose code names the port that they listen on, with that port.

    As a host process such a service has no port of its own.
    """
    listening = [
        (each, guess.fixed_port(each.sources)) for each in candidates if each.listens and each.sources is not None
    ]
    return [(candidate, fixed) for candidate, fixed in listening if fixed is not None]


def avoid_balancer_port(draft: Draft, fixed_ports: Sequence[tuple[Outline, Guess]]) -> None:
    """Give the local load balancer another port where a service always listens on its usual one."""
    for candidate, fixed in fixed_ports:
        if fixed.value == str(USUAL_PORT):
            draft.port = Commented(value=9080, comment=f"{candidate.name} listens on {USUAL_PORT}, by {fixed.why}")


def tell_port_clashes(fixed_ports: Sequence[tuple[Outline, Guess]]) -> None:
    """Say of two services with the same port in their code that the second cannot start as a host process."""
    first: dict[str, str] = {}
    for candidate, fixed in fixed_ports:
        other = first.setdefault(fixed.value, candidate.name)
        if other != candidate.name and fixed.why.endswith(STAYS):
            candidate.block.comments.append(
                f"{fixed.why} listens on {fixed.value} whatever it is told, as {other} does: without a container "
                "engine let one of them read $PORT"
            )


def fill_port(candidate: Outline, ask: Callable[[str], int | None] | None) -> None:
    """Find out the candidate's port, or that it has none."""
    block = candidate.block
    if block.get("path") == "none":
        candidate.listens = False
        return
    if "port" in block.keys:
        candidate.listens = True
        return
    if candidate.image is None or candidate.sources is None:
        return
    guessed = None
    if candidate.listens is not False:
        worker = guess.is_worker(candidate.given, " ".join(candidate.command or candidate.image.command()))
        guessed = guess.port(candidate.image, candidate.sources, candidate.command)
        if guessed is not None and guessed.why and worker:
            guessed = None
        if guessed is None and not worker and ask is not None:
            port = ask(f"where does {candidate.name} listen?")
            guessed = Guess(value=str(port), why="as you said") if port is not None else None
    if guessed is None:
        candidate.listens = False
        block.put("path", "none", NO_PORT)
        return
    if guess.speaks_grpc(candidate.sources):
        block.put("port", int(guessed.value), guessed.why)
        block.put("path", "none", "it speaks gRPC, which the load balancer does not pass on")
        candidate.listens = False
        return
    candidate.listens = True
    if guessed.why:
        block.put("port", int(guessed.value), guessed.why)


def front_of(candidates: Sequence[Outline], balanced: Sequence[Outline]) -> Outline | None:
    """Return the service that gets what is no other's: the only one, the only published one, or one by its name.

    Else it is the only one that is built here, or of one image's services that which runs it as it is.
    """
    if any(each.block.get("path") in ("/", "/*") for each in candidates):
        return None
    published = [each for each in balanced if each.published]
    for group in (balanced, published):
        if len(group) == 1:
            return group[0]
    group = published or list(balanced)
    for pattern in (FRONT, FRONT_PART):
        if matching := [each for each in group if pattern.search(each.name)]:
            return matching[0]
    own = [each for each in group if each.image is not None]
    if len({each.image.path for each in own if each.image is not None}) == 1:
        plain = own if len(own) == 1 else [each for each in own if not each.command]
        return plain[0] if len(plain) == 1 else None
    return None


BUNDLERS = re.compile(
    r"react-scripts start|ng serve|vue-cli-service serve|webpack(-dev-server| serve)|next dev|nuxt dev"
)
BUNDLER_MEMORY = 768
SPRING_MEMORY = 512


def fill_memory(candidate: Outline) -> None:
    """Give more memory to what the usual slot would end: a server that bundles a front end while it runs, Spring."""
    if "memory" in candidate.block.keys or candidate.sources is None or candidate.image is None:
        return
    command = " ".join(candidate.command or candidate.image.command())
    if match := BUNDLERS.search(f"{command}\n{script_of(candidate.sources, command)}"):
        candidate.block.put("memory", BUNDLER_MEMORY, f"{match[0]} bundles while it runs")
    elif "springframework.boot" in "\n".join(candidate.sources.dependencies.values()):
        candidate.block.put("memory", SPRING_MEMORY, "Spring Boot has its heap and as much beside it")


SCRIPT = re.compile(r"\b(?:npm|yarn|pnpm|bun)\s+(?:run\s+)?(?P<name>[A-Za-z][\w:.-]*)")


def script_of(sources: Sources, command: str) -> str:
    """Return the lines of package.json that a command's `npm start` or `yarn run dev` stands for."""
    try:
        scripts = json.loads(sources.text("package.json")).get("scripts", {})
    except (ValueError, AttributeError):
        return ""
    return "\n".join(str(scripts.get(match["name"], "")) for match in SCRIPT.finditer(command))


def route(candidate: Outline, front: bool, *, alone: bool) -> None:
    """Give the service its paths: all that is left for a front, `/name/*` for others."""
    block = candidate.block
    if has_own_prefix(candidate):
        return
    if front:
        block.put("path", "/", "" if alone else "all that is no other service's")
    else:
        block.put("path", f"/{candidate.name}/*")
        block.put("strip", True, f"its routes do not begin with /{candidate.name}")


def has_own_prefix(candidate: Outline) -> bool:
    """Return whether its routes begin with its name, which is what culm takes for granted."""
    if candidate.sources is None:
        return False
    prefix = re.compile(rf"[\"'`(]/?{re.escape(candidate.name)}/(?:health|[\w{{<:]*)")
    return any(
        prefix.search(text)
        for path, text in candidate.sources.code.items()
        if Path(path).suffix in (".py", ".go", ".js", ".ts", ".rb", ".java", ".kt", ".cs", ".php", ".rs")
        and f"/{candidate.name}/health" in text
    )


def fill_health(candidate: Outline, *, runs_another_program: bool = False) -> None:
    """Write the candidate's health page; where no load balancer asks for one, none.

    What runs another program than its folder's service has other pages than the code that is there for that one.
    """
    written = candidate.block.get("health")
    page = written if isinstance(written, str) else written.get("path") if isinstance(written, dict) else None
    if candidate.block.get("path") == "none":
        if page is not None:
            del candidate.block.keys["health"]
            candidate.block.comments.append(f"its health page, {page}, is asked by no load balancer")
        return
    if "health" in candidate.block.keys or candidate.sources is None or has_own_prefix(candidate):
        return
    guessed = None if runs_another_program else health_pages.of_code(candidate.sources)
    if guessed is None:
        candidate.block.put("health", dict(ANY_ANSWER), "any answer counts; a page that says it is well is better")
    elif guessed.certain:
        candidate.block.put("health", guessed.page, guessed.why)
    else:
        value = {**ANY_ANSWER, "path": guessed.page}
        candidate.block.put("health", value, f"{guessed.why}, under a prefix that may be another; any answer counts")


SQLITE = re.compile(r"^sqlite\d?(\+\w+)?:|[\w/]\.sqlite3?$", re.IGNORECASE)


def fill_database(draft: Draft, candidate: Outline) -> None:
    """Give the candidate its database, by its drivers."""
    if candidate.sources is None:
        return
    if "database" in candidate.block.keys:
        tell_database(draft, candidate)
        return
    guessed = guess.database(candidate.sources)
    if guessed is None:
        return
    for variable, value in as_mapping(candidate.block.get("environment")).items():
        if isinstance(value, str) and SQLITE.search(value):
            candidate.block.comments.append(f"{variable} names a file of SQLite, so no `database:` is taken")
            return
    name = next((name for name in draft.databases if draft.engine(name) == guessed.value), None)
    if name is None:
        name = "main" if "main" not in draft.databases else guessed.value
        draft.databases[name] = Commented(value={"engine": guessed.value})
    candidate.block.put("database", name, guessed.why)
    tell_database(draft, candidate)


def tell_database(draft: Draft, candidate: Outline) -> None:
    """Give its code the variables by which it expects its database, as far as it has none of them yet."""
    name = next((each for each in database_names(candidate) if draft.engine(each) in engines.SQL), None)
    if name is None or candidate.sources is None:
        return
    give_variables(candidate, database_variables.of_code(candidate.sources, name, draft.engine(name)))


def tell_port(draft: Draft, candidate: Outline) -> None:
    """Give a service whose code is told PostgreSQL's host alone the port, by the variable that every client reads.

    https://www.postgresql.org/docs/current/libpq-envars.html; locally a server is seldom at 5432.
    """
    environment = as_mapping(candidate.block.get("environment"))
    texts = " ".join(map(str, [*environment.values(), *as_mapping(candidate.block.get("secrets")).values()]))
    for name in database_names(candidate):
        if draft.engine(name) != "postgres" or "PGPORT" in environment:
            continue
        if f"{{{name}.host}}" in texts and f"{{{name}.port}}" not in texts:
            candidate.block.put("environment", environment | {"PGPORT": f"{{{name}.port}}"})
            return


RQ_WORKER = re.compile(r"\brq\s+worker\b(?!.*\s(?:-u|--url)\b)")
"""It looks on this machine, but for what RQ_REDIS_URL says: https://python-rq.org/docs/workers/"""


def tell_cache(draft: Draft, candidate: Outline) -> None:
    """Give its code a Redis, where it has a client for one and reads its URL from a variable."""
    variables = database_variables.of_cache(candidate.sources) if candidate.sources is not None else []
    if variables and RQ_WORKER.search(" ".join(candidate.command)):
        variables = [*variables, "RQ_REDIS_URL"]
    if not variables:
        return
    name = next((each for each in draft.databases if draft.engine(each) in engines.CACHES), None)
    if name is None:
        name = "redis"
        draft.databases[name] = Commented(value={"engine": "redis"}, comment=f"its code reads {variables[0]}")
    before = database_names(candidate)
    candidate.block.put("database", [*before, name] if before else name)
    secrets = as_mapping(candidate.block.get("secrets"))
    reason = database_variables.REASON
    candidate.block.put(
        "secrets", secrets | {each: {"from": f"{{{name}.url}}", "reason": reason} for each in variables}
    )


def tell_hosts(draft: Draft, candidate: Outline, named: Mapping[str, str]) -> None:
    """Give a service the URL of each server whose host stands in its code, unless it has it already, and say where.

    `named` are the servers of a compose file by their names there, which are the hosts of its network.
    """
    if candidate.sources is None:
        return
    used = database_names(candidate)
    for host, called in named.items():
        if called not in used:
            continue
        give_variables(candidate, set_by_image(candidate, host, called))
        code = candidate.sources.code
        if draft.engine(called) in engines.CACHES:
            give_variables(candidate, database_variables.of_cache_parts(candidate.sources, called))
            variables, code = database_variables.of_celery(candidate.sources, host, called)
            give_variables(candidate, variables)
        place = host_mentions.place_of(code, host, certain=True)
        if place is None:
            continue
        secrets, environment = (as_mapping(candidate.block.get(key)) for key in ("secrets", "environment"))
        known = [name for name, text in {**environment, **secrets}.items() if f"{{{called}." in str(text)]
        if not known:
            known = ["REDIS_URL" if draft.engine(called) in engines.CACHES else "DATABASE_URL"]
            if known[0] in secrets or known[0] in environment:
                continue
            give_variables(candidate, {known[0]: f"{{{called}.url}}"})
            candidate.block.comments.append(
                f"{place.file}:{place.line} names the host {host}, which only compose has: let it read {known[0]}"
            )


def set_by_image(candidate: Outline, host: str, called: str) -> dict[str, str]:
    """Return the variables that the Dockerfile sets to a host of compose's network, with what they are here."""
    instructions = candidate.image.instructions if candidate.image is not None else ()
    return {
        name: f"{{{called}.host}}"
        for instruction in instructions
        if instruction.keyword == "ENV"
        for name, value in dockerfile.assignments(instruction.rest).items()
        if value == host
    }


def give_variables(candidate: Outline, texts: Mapping[str, str]) -> None:
    """Write variables with parts of a server's URL: its host and port in the open, the others as secrets."""
    environment = as_mapping(candidate.block.get("environment"))
    secrets = as_mapping(candidate.block.get("secrets"))
    for variable, text in texts.items():
        if variable in environment or variable in secrets:
            continue
        if (text.endswith((".host}", ".port}")) and "://" not in text) or "{" not in text:
            environment[variable] = text
        else:
            secrets[variable] = {"from": text, "reason": database_variables.REASON}
    if environment:
        candidate.block.put("environment", environment)
    if secrets:
        candidate.block.put("secrets", secrets)


def database_names(candidate: Outline) -> list[str]:
    """Return the names in `database:`, which is a name, a list of names, or not there."""
    used = candidate.block.get("database")
    return [str(each) for each in used] if isinstance(used, list) else [str(used)] if used else []


def as_mapping(value: object) -> dict[str, object]:
    """Return a copy of a block's mapping; empty where there is none."""
    return dict(value) if isinstance(value, Mapping) else {}


def beside_the_first(candidates: Sequence[Outline]) -> list[Outline]:
    """Return the services with a command of their own whose image another one runs as it is, or ran before them."""
    main: dict[Path, Outline] = {}
    for candidate in sorted(candidates, key=lambda each: bool(each.command)):
        if candidate.image is not None:
            main.setdefault(candidate.image.path.resolve(), candidate)
    return [
        each
        for each in candidates
        if each.image is not None and each.command and main[each.image.path.resolve()] is not each
    ]


def first_of_each_folder(candidates: Sequence[Outline]) -> list[Outline]:
    """Return the first service of each folder, which has the migration that they share."""
    result: dict[Path, Outline] = {}
    for candidate in candidates:
        if candidate.image is not None:
            result.setdefault(candidate.image.folder.resolve(), candidate)
    return list(result.values())


def tell_absent(candidate: Outline) -> None:
    """Say what a Dockerfile copies that is not in the folder: somebody has to make it before each build."""
    image = candidate.image
    if image is None or not image.folder.is_dir():
        return
    absent = {
        source: None
        for each in image.instructions
        if each.keyword in ("COPY", "ADD") and each.flag("from") is None and not each.documents
        for source in (each.form or dockerfile.words(each.rest))[:-1]
        if not any(sign in source for sign in "$*?[") and "://" not in source and not source.startswith("git@")
        if not (image.folder / source.lstrip("/")).exists()
    }
    if absent:
        listed = ", ".join([*absent][:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
        candidate.block.comments.append(f"{image.name} copies {listed}, which is not here: make it before `culm up`")


def migrate(candidate: Outline, written: Written) -> None:
    """Write a migration's Dockerfile, where the folder has a tool's files and none of its own."""
    image, block = candidate.image, candidate.block
    if image is None or candidate.sources is None or "migrate" in block.keys or "database" not in block.keys:
        return
    if (image.folder / MIGRATE_FILE).exists():
        return
    guessed = guess.migration(candidate.sources)
    if guessed is None:
        return
    if guessed.command[1:2] == ("eval",) and guessed.command[0] not in " ".join(image.command()):
        guessed = replace(guessed, command=("mix", "ecto.migrate"))  # this image starts no release
    if guessed.base or copied(image, candidate.sources.folder / guessed.why.rstrip("/")):
        add_migration(candidate, guessed, written)
        return
    lines = json.dumps(in_own_image(candidate, guessed)).replace('"', "")
    block.comments.append(
        f"{guessed.why} migrates the database, and {image.name} does not copy it: COPY it, and write `migrate: {lines}`"
    )


def copied(image: ImageSource, path: Path) -> bool:
    """Return whether any stage of an image may copy a file or folder of its build context."""
    parts = Path(relpath(path, image.folder)).parts
    prefixes = {"/".join(parts[:number]) for number in range(len(parts) + 1)}
    copies = [each for each in image.instructions if each.keyword in ("COPY", "ADD") and each.flag("from") is None]
    for each in copies:
        for source in (each.form or dockerfile.words(each.rest))[:-1]:
            plain = posixpath.normpath(source.lstrip("/") or ".").removeprefix(".").strip("/")
            if "$" in source or "://" in source or any(fnmatch(prefix, plain) for prefix in prefixes):
                return True
    mounted = any("--mount" in each.rest or each.flag("mount") is not None for each in image.instructions)
    return mounted or not copies or not image.instructions


def add_migration(candidate: Outline, migration: Migration, written: Written) -> None:
    """Write how a service's migration is run: by a command in its own image, else by a Dockerfile of the tool's.

    A file that is there is left as it is.
    """
    assert candidate.image is not None
    if not migration.base:
        candidate.block.put("migrate", in_own_image(candidate, migration), f"by {migration.why}")
        return
    path = free_name(candidate.image.folder, candidate.name, written)
    written.files[path] = migration_file(migration)
    shown = f"{migration.base} {' '.join(migration.command)}"
    candidate.block.put("migrate", path.name, f"{shown}, by {migration.why}; written by culm")


def in_own_image(candidate: Outline, migration: Migration) -> dict[str, list[str]]:
    """Return `migrate:` with the command; as its entrypoint, where the service's would not run what it is given."""
    assert candidate.image is not None
    words = [*program_path(candidate.image, migration.command[0]), *migration.command[1:]]
    replaced = migration.replaces_entrypoint or "entrypoint" in candidate.block.keys
    if not replaced and takes_a_command(candidate.image):
        return {"command": words}
    if len(words) == 1:
        words.insert(0, "env")  # a program that runs what it is given: `command:` may not be empty
    return {"entrypoint": words[:1], "command": words[1:]}


def takes_a_command(image: ImageSource) -> bool:
    """Return whether the image starts the command that it is given.

    It has no ENTRYPOINT then, or one that runs its arguments.
    """
    last = dockerfile.command_of(image.instructions, "ENTRYPOINT")
    if last is None:
        return True
    words = list(last.form or [last.rest])
    scripts = [place / word.lstrip("./") for word in words for place in (image.folder, image.path.parent)]
    scripts += [image.folder / Path(word).name for word in words]
    contents = [each.read_bytes() for each in scripts if each.is_file()]
    return words[-1:] == ["--"] or any(b"$@" in content or b"$*" in content for content in contents)


def free_name(folder: Path, service: str, written: Written) -> Path:
    """Return a path for the migration's Dockerfile that no file has, and none that is to be written."""
    names = (MIGRATE_FILE, f"{MIGRATE_FILE}.{service}", f"{MIGRATE_FILE}.culm")
    numbered = (f"{MIGRATE_FILE}.{service}.{number}" for number in count(2))
    paths = (folder / name for name in chain(names, numbered))
    return next(path for path in paths if not path.exists() and path not in written.files)


def migration_file(migration: Migration) -> str:
    """Return a Dockerfile on the image of the migration's tool."""
    source, target = migration.copied or (".", "/migrations")
    command = json.dumps(migration.command)
    if "$" not in command:
        return f"FROM {migration.base}\nCOPY {source} {target}\nCMD {command}\n"
    line = "CMD " + " ".join(["migrate", *migration.command])
    return f"FROM {migration.base}\nCOPY {source} {target}\nENTRYPOINT []\n{line}\n"


PYTHON_PROGRAMS = frozenset({"alembic", "flask", "python"})
VENV = re.compile(r"(?:python[\d.]*\s+-m\s+venv|virtualenv|uv\s+venv)\s+(?:-\S+\s+)*(?P<path>[\w./-]+)")


RUNNER = re.compile(r"\b(?P<tool>poetry|uv|pipenv|pdm)\s+run\b")


def program_path(image: ImageSource, program: str) -> list[str]:
    """Return how a Python program is started: by its name where it is on PATH, else by what knows where it is.

    That is the tool by which the image's own command is run, or the path in its virtual environment.
    """
    runs = [each.rest for each in image.instructions if each.keyword == "RUN"]
    venv = next((match["path"].rstrip("/") for run in runs if (match := VENV.search(run))), "")
    on_path = any(each.keyword == "ENV" and re.search(r"\bPATH\b", each.rest) for each in image.instructions)
    if program not in PYTHON_PROGRAMS or on_path:
        return [program]
    if runner := RUNNER.search(" ".join(image.command())):
        return [runner["tool"], "run", program]
    if not venv:
        return [program]
    return [f"{venv if venv.startswith('/') else './' + venv.removeprefix('./')}/bin/{program}"]
