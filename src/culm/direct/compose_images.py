"""The images of a compose file: those that it builds, and those that it takes from elsewhere."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from culm.core.model.record import record
from culm.deploy.build.port import Recipe
from culm.lint.composes import settings
from culm.project.yamls import compose, member, pairs

VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
NAMED = re.compile(r"\$\{(\w+):?-[^}]*\}")
"""All of an `image:` that the environment may replace: `${IMAGE:-accounts}`."""


@record
class Built:
    """A service that is built from a folder."""

    recipe: Recipe
    variable: str | None
    """The one that names its image; None: the image cannot be had from elsewhere."""


def built(folder: Path, text: str, environment: Mapping[str, str]) -> list[Built]:
    """What the compose file in `folder` builds, with `args:` as compose fills them in."""
    found = []
    for _, service in services(text):
        build = member(service, "build")
        if build is None:
            continue
        short = isinstance(build, yaml.ScalarNode)
        context = scalar(build if short else member(build, "context"), environment) or "."
        dockerfile = scalar(member(build, "dockerfile"), environment) or "Dockerfile"
        args = {each.name: filled(each.value, environment) for each in settings(member(build, "args"))}
        image = NAMED.fullmatch(scalar(member(service, "image"), None))
        place = (folder / context).resolve()
        recipe = Recipe(folder=place, dockerfile=place / dockerfile, args=args)
        found.append(Built(recipe=recipe, variable=image[1] if image else None))
    return found


def foreign(text: str, environment: Mapping[str, str]) -> list[str]:
    """The images of services that are not built."""
    images = (scalar(member(each, "image"), environment) for _, each in services(text) if member(each, "build") is None)
    return list(dict.fromkeys(image for image in images if image))


def services(text: str) -> list[tuple[str, yaml.Node]]:
    return pairs(member(compose(text, "compose file"), "services"))


def scalar(node: yaml.Node | None, environment: Mapping[str, str] | None) -> str:
    """A scalar's text, its variables filled in unless there is no environment."""
    if not isinstance(node, yaml.ScalarNode):
        return ""
    return str(node.value) if environment is None else filled(node.value, environment)


def filled(text: str, environment: Mapping[str, str]) -> str:
    """https://docs.docker.com/reference/compose-file/interpolation/"""
    return VARIABLE.sub(lambda match: environment.get(match[1]) or match[2] or "", text)
