"""Compose files that staging or production run on: environments, build arguments, commands. Pure.

A compose file for a laptop may have its throw-away passwords: they open nothing but a database on that laptop.
"""

import re
from collections.abc import Iterator

import yaml

from culm.errors import UsageError
from culm.lint import commands, rules
from culm.lint.findings import Finding, Setting, excused
from culm.project.compose import dotenv
from culm.project.compose.load import alone
from culm.project.compose.services import ComposeService
from culm.project.compose.tree import Scalar, scalars
from culm.project.yamls import compose, member, pairs
from culm.project.yamls import scalars as scalars_of

COMPOSE_NAME = re.compile(r"(docker-)?compose[\w.-]*\.ya?ml")
STAGING_NAME = re.compile(r"(^|[._-])(stg|stage|staging|prd|prod|production|live)([._-]|$)")


def is_for_staging(file_name: str, text: str) -> bool:
    """Return whether a compose file is for staging: by its name, or because it sets MYENV."""
    if not COMPOSE_NAME.fullmatch(file_name):
        return False
    return bool(STAGING_NAME.search(file_name) or re.search(r"^[^#]*\bMYENV\b\s*[:=]\s*\S", text, re.MULTILINE))


def check(file: str, text: str) -> list[Finding]:
    """Return the secrets in the environments, build arguments, labels and commands of a compose file's services."""
    try:
        services = alone(text, file)
        return excused(file, text, [each for service in services.values() for each in findings(file, service)])
    except UsageError:
        return []  # compose says what is wrong with it


def findings(file: str, service: ComposeService) -> Iterator[Finding]:
    for path in (("environment",), ("build", "args"), ("labels",), ("build", "labels"), ("deploy", "labels")):
        for name, value in service.settings(*path).items():
            setting = Setting(line=value.place.line, name=name, value=value.raw)
            if (why := rules.judge(setting)) is not None:
                yield Finding(file=file, line=setting.line, name=name, why=why)
    for path in (("command",), ("entrypoint",), ("healthcheck", "test")):
        name, words = path[0], scalars(service.at(*path))
        judged = [(each, commands.leak(unescaped(each))) for each in words]
        shown = [(each, why) for each, why in judged if why is not None]
        if not shown and words and (why := commands.leak_of_words(map(unescaped, words))) is not None:
            shown = [(words[0], why)]
        for each, why in shown:
            yield Finding(file=file, line=each.place.line, name=name, why=why)


def unescaped(scalar: Scalar) -> str:
    """Return the value with `$$` as the dollar that compose leaves to the shell."""
    return scalar.raw.replace("$$", "$")


def env_files(text: str) -> list[str]:
    """Return the files that `env_file:` names."""
    try:
        return [each.path for service in alone(text, "").values() for each in service.environment_files]
    except UsageError:
        return []


def parts(text: str) -> list[str]:
    """Return the compose files that one takes over: by `include:`, or by `extends:` of a service."""
    try:
        node = compose(text, "")
    except UsageError:
        return []
    result = []
    included = member(node, "include")
    for item in included.value if isinstance(included, yaml.SequenceNode) else ():
        result += [
            each.value for each in scalars_of(member(item, "path") if isinstance(item, yaml.MappingNode) else item)
        ]
    for _, service in pairs(member(node, "services")):
        result += [each.value for each in scalars_of(member(member(service, "extends"), "file"))]
    return list(dict.fromkeys(result))


def check_env_file(file: str, text: str) -> list[Finding]:
    """Return the secrets among the variables of an `env_file` or an `.env`."""
    result = []
    try:
        for entry in dotenv.entries(text):
            setting = Setting(line=entry.line, name=entry.name, value=entry.value or "")
            if (why := rules.judge(setting)) is not None:
                result.append(Finding(file=file, line=entry.line, name=entry.name, why=why))
    except dotenv.EnvironmentFileError:
        pass  # compose says what is wrong with it; what stands before it has been looked at
    return excused(file, text, result)
