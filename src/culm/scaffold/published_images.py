"""Images that a project publishes itself, in its own compose file: they are built from its Dockerfiles.

A compose file for people who only want to run a program takes its image from a registry. In the program's repository
that image is the one of a Dockerfile beside it, and whoever works there wants what is there.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from os.path import relpath

from culm.project.compose.load import Compose
from culm.project.compose.services import ComposeService
from culm.project.compose.tree import Scalar, Table, Tree
from culm.scaffold import compose_roles
from culm.scaffold.guess import ImageSource

REPOSITORY = re.compile(r"(?:[\w.:-]+/)*?(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:[:@].*)?")


def built(model: Compose, images: Sequence[tuple[str, ImageSource]]) -> Compose:
    """Return the compose file, with `build:` where an image is that of a Dockerfile.

    `images` are those that are built here, by the names that their places give them.
    """
    candidates = {name: service for name, service in model.services.items() if is_somebodys(service)}
    services = dict(model.services)
    published = {name_of(service) for service in candidates.values()}
    prefix = shared_prefix(published)
    for name, service in candidates.items():
        image = image_of(service, images, prefix, alone=len(published) == 1)
        if image is not None:
            services[name] = with_build(service, image)
    return replace(model, services=services)


def is_somebodys(service: ComposeService) -> bool:
    """Return whether a service runs a ready image that is no program which everybody knows."""
    image = service.image.lower()
    if service.at("build") is not None or REPOSITORY.fullmatch(image) is None:
        return False
    known = [pattern for _, pattern in compose_roles.ENGINES] + [each[0] for each in compose_roles.IMAGE_PORTS]
    return not compose_roles.PROXY.search(image) and not any(re.search(pattern, image) for pattern in known)


def shared_prefix(names: Collection[str]) -> str:
    """Return the words with which all names begin, as `shop-` of `shop-web` and `shop-api`; empty for one name."""
    same: list[str] = []
    for words in zip(*(name.split("-")[:-1] for name in names), strict=False):
        if len(set(words)) > 1:
            break
        same.append(words[0])
    return "".join(f"{word}-" for word in same) if len(names) > 1 else ""


def name_of(service: ComposeService) -> str:
    """Return the last part of a ready image's name, without its tag."""
    match = REPOSITORY.fullmatch(service.image.lower())
    return match["name"] if match is not None else ""


def image_of(
    service: ComposeService, images: Sequence[tuple[str, ImageSource]], prefix: str, *, alone: bool
) -> ImageSource | None:
    """Return the Dockerfile of a ready image: that whose place has its name, or the only one for the only image.

    `prefix` is what the names of all such images begin with.
    """
    name = name_of(service)
    for given, image in images:
        if given.lower() in (name, name.removeprefix(prefix)):
            return image
    owner = service.image.lower().split("/")[-2]
    if alone and len(images) == 1 and (images[0][0].lower() == owner or owns(service, images[0][1])):
        return images[0][1]
    return None


def owns(service: ComposeService, image: ImageSource) -> bool:
    """Return whether an image listens where the compose file says that the ready one does."""
    return bool({port.target for port in service.ports} & set(image.ports()))


def with_build(service: ComposeService, image: ImageSource) -> ComposeService:
    """Return the service, built from a Dockerfile."""
    place = service.place_of("image")
    texts = {"context": str(image.folder), "dockerfile": relpath(image.path, image.folder)}
    keys: dict[str, Tree] = {key: Scalar(place=place, text=text, raw=text) for key, text in texts.items()}
    entries = {key: value for key, value in service.table.entries.items() if key != "image"}
    return replace(
        service, table=replace(service.table, entries={**entries, "build": Table(place=place, entries=keys)})
    )
