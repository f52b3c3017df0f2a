"""Compose files that staging or production run on: environments, build arguments, commands. Pure.

A compose file for a laptop may have its throw-away passwords: they open nothing but a database on that laptop.
"""

import re
from collections.abc import Iterator

import yaml

from culm.errors import UsageError
from culm.lint import commands, rules
from culm.lint.findings import Finding, Setting, excused
from culm.project.yamls import compose, member, pairs, scalars

COMPOSE_NAME = re.compile(r"(docker-)?compose[\w.-]*\.ya?ml")
STAGING_NAME = re.compile(r"(^|[._-])(stg|stage|staging|prd|prod|production|live)([._-]|$)")


def is_for_staging(file_name: str, text: str) -> bool:
    """By its name, or because it sets MYENV."""
    if not COMPOSE_NAME.fullmatch(file_name):
        return False
    return bool(STAGING_NAME.search(file_name) or re.search(r"^[^#]*\bMYENV\b\s*[:=]\s*\S", text, re.MULTILINE))


def check(file: str, text: str) -> list[Finding]:
    try:
        top = compose(text, file)
    except UsageError:
        return []  # compose says what is wrong with it
    found = []
    for _, service in pairs(member(top, "services")):
        build = member(service, "build")
        for part in (member(service, "environment"), member(build, "args"), member(service, "labels")):
            for setting in settings(part):
                if (why := rules.judge(setting)) is not None:
                    found.append(Finding(file=file, line=setting.line, name=setting.name, why=why))
        for name, told in (
            *((name, member(service, name)) for name in ("command", "entrypoint")),
            ("healthcheck", member(member(service, "healthcheck"), "test")),
        ):
            words = scalars(told)
            alone = [(node, commands.leak(unescaped(node))) for node in words]
            shown = [(node, why) for node, why in alone if why is not None]
            if not shown and words and (why := commands.leak_of_words(map(unescaped, words))) is not None:
                shown = [(words[0], why)]
            found += [Finding(file=file, line=node.start_mark.line + 1, name=name, why=why) for node, why in shown]
    return excused(file, text, found)


def unescaped(node: yaml.ScalarNode) -> str:
    """`$$` is a dollar that compose leaves to the shell."""
    return str(node.value).replace("$$", "$")


def env_files(text: str) -> list[str]:
    """The files that `env_file:` names."""
    try:
        top = compose(text, "")
    except UsageError:
        return []
    found = []
    for _, service in pairs(member(top, "services")):
        written = member(service, "env_file")
        for node in written.value if isinstance(written, yaml.SequenceNode) else [written]:
            named = member(node, "path") if isinstance(node, yaml.MappingNode) else node
            if isinstance(named, yaml.ScalarNode):
                found.append(named.value)
    return found


def check_env_file(file: str, text: str) -> list[Finding]:
    """`NAME=value` lines."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        setting = Setting(line=number, name=name.strip(), value=value.split(" #")[0].strip().strip("\"'"))
        if (why := rules.judge(setting)) is not None:
            found.append(Finding(file=file, line=number, name=setting.name, why=why))
    return excused(file, text, found)


def settings(node: yaml.Node | None) -> Iterator[Setting]:
    """`NAME: value`, or `- NAME=value`."""
    for name, value in pairs(node):
        if isinstance(value, yaml.ScalarNode):
            yield Setting(line=value.start_mark.line + 1, name=name, value=value.value)
    if isinstance(node, yaml.SequenceNode):
        for item in scalars(node):
            name, _, text = item.value.partition("=")
            yield Setting(line=item.start_mark.line + 1, name=name, value=text)
