"""Secrets that code reads from its environment, and that are no database's: `secrets: {NAME: {vault: FILE}}`.

Code says by how it reads a variable whether it can do without: `os.environ["API_KEY"]` fails, `getenv("API_KEY")` gives
nothing. What signs sessions and tokens is needed either way, since programs fail with the first request otherwise.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from culm.core.model.record import record
from culm.lint import rules
from culm.project.engines import SQL
from culm.scaffold.candidates import Outline, as_mapping, database_names
from culm.scaffold.draft import Draft
from culm.scaffold.guess import ImageSource
from culm.scaffold.sources import Sources

NAME = r"[\"'](?P<name>[A-Z][A-Z0-9_]+)[\"']"
STRICT = (
    rf"environ\[\s*{NAME}\s*\]",
    rf"(?<![\w.])(?:config|env(?:\.(?:str|bytes))?)\(\s*{NAME}\s*(?:,\s*cast\s*=\s*\w+\s*)?\)",
    rf"ENV\.fetch\(\s*{NAME}\s*\)",
    rf"System\.fetch_env!\(\s*{NAME}\s*\)",
    r"(?m)^\s*(?P<name>[A-Z][A-Z0-9_]+)\s*:\s*(?:str|num|url|email|host|port|json)\(\s*(?:\)|\{(?![^}]*\bdefault\s*:)[^}]*\})",
    r"(?<![\w.])config\(\s*[\"'](?P<name>secret|\w*(?:secret|password|token|api_?key)\w*)[\"']\s*\)",
)
"""Readings that fail where the variable is missing: os.environ, python-decouple, environs and django-environ, Ruby,
Elixir, envalid of Node.js."""
CLAP = re.compile(
    r"#\[(?:clap|arg)\((?:[^\]]*,\s*)?env\s*(?:,(?![^\]]*default)[^\]]*)?\)\]\s*"
    r"(?:pub\s+)?(?P<name>\w+)\s*:\s*(?!Option)"
)
"""Fields without a default of Rust's clap: https://docs.rs/clap/latest/clap/_derive/"""
LENIENT = (
    rf"(?:environ\.get|(?<!\w)getenv|\.Getenv)\(\s*{NAME}\s*\)",
    rf"(?:process\.env|(?<!\w)ENV)\[\s*{NAME}\s*\]",
    r"process\.env\.(?P<name>[A-Z][A-Z0-9_]+)",
)
"""Readings that give nothing then."""
ANY = rf"(?:environ(?:\.get)?|[gG]etenv|LookupEnv|config|env(?:\.\w+)?|ENV(?:\.fetch)?|process\.env)\s*[\[(]\s*{NAME}"
DEFAULTED = re.compile(r"\s*(?:or\b|\|\||\?\?|=(?!=))")
"""What follows a reading that has something to fall back on, or that is none."""
TOOL = re.compile(r"(^|/)(?:knexfile|[\w-]+\.config)\.[cm]?[jt]s$")
"""What a tool alone runs: a variable that is set there is not set where the program runs."""
COMPARED = re.compile(r"\s*[!=]==?")
"""What follows a reading that only looks whether it is there."""
SETTINGS = re.compile(r"^class \w+\((?:\w+\.)?BaseSettings\b.*:\n(?P<body>(?:[ \t]+.*\n|\n)+)", re.MULTILINE)
FIELD = re.compile(r"^[ \t]+(?P<name>\w+)[ \t]*:[ \t]*(?:str|bytes|SecretStr)[ \t]*(?:#.*)?$", re.MULTILINE)
"""A field without a default of pydantic's settings: https://docs.pydantic.dev/latest/concepts/pydantic_settings/"""
NOT_OURS = re.compile(
    r"^(AWS|DB|DATABASE|POSTGRES(QL)?|PG|SQL|MYSQL|MARIADB|REDIS|VALKEY|MONGO(DB)?|GITHUB_TOKEN|NPM|CI)(_|$)|GITHUB_TOKEN"
)
"""Of a database, or of the machine that builds; a task signs AWS's requests with its role."""
OF_AWS = re.compile(r"^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)$")
LANGUAGES = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".go", ".rb", ".ex", ".exs", ".rs"})


@record
class Secrets:
    """Variables that code reads and that hold secrets."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    """The program starts without."""


def file_of(variable: str) -> str:
    """Return the vault's file for a variable: `SECRET_KEY` -> `secret-key`."""
    return re.sub(r"[^a-z0-9.]+", "-", variable.lower()).strip("-")


@record
class Readings:
    """Variables that code reads, by what it does without them."""

    strict: frozenset[str]
    """It fails."""
    lenient: frozenset[str]
    """It gets nothing."""


def readings(sources: Sources) -> Readings:
    """Return the variables that a service's code reads without anything to fall back on."""
    strict: set[str] = set()
    lenient: set[str] = set()
    defaulted: set[str] = set()
    for path, text in sources.code.items():
        if Path(path).suffix not in LANGUAGES:
            continue
        plain: set[str] = set()
        for patterns, names in ((STRICT, strict), (LENIENT, lenient)):
            for match in (match for pattern in patterns for match in re.finditer(pattern, text)):
                plain.add(str(match.start("name")))
                of_tool = TOOL.search(path) is not None and text[match.end() :].lstrip().startswith("=")
                if not COMPARED.match(text, match.end()) and not of_tool:
                    (defaulted if DEFAULTED.match(text, match.end()) else names).add(match["name"])
        defaulted |= {match["name"] for match in re.finditer(ANY, text) if str(match.start("name")) not in plain}
        if path.endswith(".rs"):
            strict |= {match["name"].upper() for match in CLAP.finditer(text)}
        if "env_prefix" not in text:
            strict |= {
                field["name"].upper() for body in SETTINGS.finditer(text) for field in FIELD.finditer(body["body"])
            }
    return Readings(strict=frozenset(strict - defaulted), lenient=frozenset(lenient - defaulted))


def of_code(sources: Sources) -> Secrets:
    """Return the secrets that a service's code reads without anything to fall back on."""
    read = readings(sources)
    secret = {
        name
        for name in read.strict | read.lenient
        if (rules.is_secret_name(name) or rules.takes_any_text(name)) and not NOT_OURS.search(name)
    }
    needed = {name for name in secret if name in read.strict or rules.takes_any_text(name)}
    return Secrets(needed=tuple(sorted(needed)), optional=tuple(sorted(secret - needed)))


MONGO = re.compile(
    r"(?:mongoose\.connect|new MongoClient|MongoClient|AsyncIOMotorClient)\(\s*"
    r"(?:process\.env\.(?P<plain>[A-Z][A-Z0-9_]*)|(?:os\.)?(?:environ(?:\.get)?\s*[\[(]|getenv\()\s*[\"'](?P<quoted>[A-Z][A-Z0-9_]*)[\"'])"
    r"|process\.env\.(?P<named>MONGO(?:DB)?_UR[IL])\b"
)


def of_mongo(sources: Sources) -> list[str]:
    """Return the variables by which code expects the URL of a MongoDB."""
    matches = [
        match
        for path, text in sources.code.items()
        if Path(path).suffix in LANGUAGES
        for match in MONGO.finditer(text)
        if not DEFAULTED.match(text, match.end())
    ]
    return sorted({match["plain"] or match["quoted"] or match["named"] for match in matches})


RAILS_PRODUCTION = re.compile(r"\bRAILS_ENV(?:\s+|=)[\"']?production\b")


def of_framework(sources: Sources, image: ImageSource) -> list[str]:
    """Return the secrets without which a framework starts nothing, and which it reads itself: Laravel's, Rails'."""
    if sources.has("artisan"):
        return ["APP_KEY"]
    production = any(each.keyword == "ENV" and RAILS_PRODUCTION.search(each.rest) for each in image.instructions)
    return ["SECRET_KEY_BASE"] if production and sources.has("config/application.rb") else []


def give(candidate: Outline, files: Mapping[str, str]) -> None:
    """Write variables with the files of the vault that their values come from, and how these get there."""
    if not files:
        return
    block = candidate.block
    block.put("secrets", as_mapping(block.get("secrets")) | {name: {"vault": file} for name, file in files.items()})
    own = sorted({file for file in files.values() if "/" not in file})
    if own:
        listed = ", ".join(f"local/{block.name}/{file}" for file in own)
        block.comments.append(f"secrets, for the vault (`culm vault put` before `culm up`): {listed}")


def tell(candidates: Iterable[Outline]) -> None:
    """Give each service the secrets that its code reads; services of one folder share them."""
    shared: dict[tuple[Path, str], str] = {}
    for candidate in candidates:
        if candidate.sources is None or candidate.image is None:
            continue
        secrets, block = of_code(candidate.sources), candidate.block
        set_by_image = " ".join(each.rest for each in candidate.image.instructions if each.keyword == "ENV")
        taken = {*as_mapping(block.get("environment")), *as_mapping(block.get("secrets"))}
        taken |= set(re.findall(r"[A-Z][A-Z0-9_]+", set_by_image))
        mongo = of_mongo(candidate.sources)
        needed = dict.fromkeys([*secrets.needed, *of_framework(candidate.sources, candidate.image), *mongo])
        if set(mongo) - taken:
            block.comments.append(f"MongoDB is none of `databases:`; {', '.join(mongo)} has the URL of one elsewhere")
        files = {}
        for name in needed:
            if name in taken:
                continue
            owner = shared.setdefault((candidate.sources.folder, name), block.name)
            files[name] = file_of(name) if owner == block.name else f"{owner}/{file_of(name)}"
        give(candidate, files)
        if optional := [name for name in secrets.optional if name not in taken | {*needed}]:
            example = f"`secrets: {{{optional[0]}: {{vault: {file_of(optional[0])}}}}}`"
            block.comments.append(f"its code reads {', '.join(optional)}, too, and starts without: {example}")


MOUNTED = re.compile(r"/run/secrets/(?P<name>[\w.-]*\w)")
"""Where Docker and compose put files with secrets: https://docs.docker.com/compose/how-tos/use-secrets/"""
OF_DATABASE = re.compile(r"(^|[_-])(db|database|postgres(ql)?|pg|mysql|mariadb|sql)([_-]|$)", re.IGNORECASE)
PARTS = ((r"pass(word|wd)?$|pwd$", "password"), (r"user(name)?$", "user"), (r"(name|db|database)$", "name"))


def tell_files(draft: Draft, candidates: Iterable[Outline]) -> None:
    """Give each service the files of /run/secrets that its code reads: a database's login, and others of the vault."""
    for candidate in candidates:
        if candidate.sources is None or candidate.image is None:
            continue
        files = as_mapping(candidate.block.get("files"))
        texts = [text for path, text in candidate.sources.code.items() if Path(path).suffix in LANGUAGES | {".sh"}]
        names = dict.fromkeys(match["name"] for text in texts for match in MOUNTED.finditer(text))
        new = {name: vault_file(draft, candidate, name) for name in names if f"/run/secrets/{name}" not in files}
        if not new:
            continue
        candidate.block.put("files", files | {f"/run/secrets/{name}": file for name, file in new.items()})
        if own := [f"local/{candidate.name}/{file}" for file in new.values() if "." not in file]:
            listed = ", ".join(own)
            candidate.block.comments.append(f"files, for the vault (`culm vault put` before `culm up`): {listed}")


def vault_file(draft: Draft, candidate: Outline, name: str) -> str:
    """Return the vault's file for one of /run/secrets: `db_password` -> `main.password`, `api_key` -> `api-key`."""
    server = next((each for each in database_names(candidate) if draft.engine(each) in SQL), "")
    part = next((part for pattern, part in PARTS if re.search(pattern, name, re.IGNORECASE)), "")
    return f"{server}.{part}" if server and part and OF_DATABASE.search(name) else file_of(name).replace(".", "-")
