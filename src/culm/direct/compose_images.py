"""The images of a service folder's compose file: those that it builds, and those that it takes from elsewhere."""

import re
from collections.abc import Mapping
from pathlib import Path

from culm.core.model.record import record
from culm.deploy.build.port import Recipe
from culm.project.compose.load import Compose, arguments_of, load, usual_files
from culm.project.compose.tree import Scalar

NAMED = re.compile(r"\$\{(\w+):?-[^}]*\}")
"""All of an `image:` that the environment may replace: `${IMAGE:-accounts}`."""


@record
class Built:
    """A service that is built from a folder."""

    recipe: Recipe
    variable: str | None
    """The one that names its image; None: the image cannot be had from elsewhere."""


def model(folder: Path, environment: Mapping[str, str]) -> Compose | None:
    """Return what the compose files in a folder describe; None where there are none."""
    paths = usual_files(folder)
    return load(paths, environment) if paths else None


def built(folder: Path, environment: Mapping[str, str]) -> list[Built]:
    """Return what the compose files in `folder` build, with `args:` as compose fills them in."""
    compose = model(folder, environment)
    result = []
    for service in compose.started().values() if compose is not None else ():
        build = service.build
        if compose is None or build is None or build.folder is None:
            continue
        image = service.at("image")
        named = NAMED.fullmatch(image.raw) if isinstance(image, Scalar) else None
        place = build.folder.resolve()
        recipe = Recipe(folder=place, dockerfile=place / build.dockerfile, args=arguments_of(compose, service))
        result.append(Built(recipe=recipe, variable=named[1] if named else None))
    return result


def foreign(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the images of services that are not built."""
    compose = model(folder, environment)
    services = compose.started().values() if compose is not None else ()
    return list(dict.fromkeys(each.image for each in services if each.build is None and each.image))
