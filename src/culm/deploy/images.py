"""An image in its repository, built and pushed only when its inputs changed.

The tag is the fingerprint of the inputs, so the registry itself is the memory of what was built.
"""

import base64
import ipaddress
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from culm import render
from culm.core.model.record import record
from culm.deploy.build import platforms
from culm.deploy.build.port import Builder, PushDestination, Recipe, Say
from culm.plan import wishes
from culm.plan.observed import Survey
from culm.project.project import Project, Service, TargetSettings
from culm.target.connection import Target
from culm.target.observe import or_none

TAG_LENGTH = 16


def recipe(service: Service, settings: TargetSettings, *, migrate: bool = False) -> Recipe | None:
    """Return what a service's image is made from, or its migration's, for a target's instances.

    None: nothing is built.
    """
    dockerfile = service.migration if migrate else service.dockerfile
    if dockerfile is None:
        return None
    stage = None if migrate else service.stage
    platform = service.platform or platforms.of_target(settings)
    return Recipe(folder=service.folder, dockerfile=dockerfile, args=service.args, stage=stage, platform=platform)


@record
class Repository:
    """Where one of a service's images is kept on a target."""

    name: str
    uri: str
    migrate: bool = False
    """Whether it is the migration's."""


class Images:
    """Threads may share it: one login serves all, and an image that several services share is made once."""

    def __init__(self, target: Target, builder: Builder) -> None:
        self.target = target
        self.builder = builder
        self.made_by = builder.name
        self._login: tuple[str, str] | None = None
        self._logging_in = threading.Lock()
        self._making: dict[tuple[str, str], threading.Lock] = {}
        self._mutex = threading.Lock()

    def provide(self, service: Service, repository: Repository, say: Say, progress: Say) -> str:
        """Return `uri@sha256:...` of a service's image, which is in the repository then."""
        wanted = recipe(service, self.target.settings, migrate=repository.migrate)
        assert wanted is not None, "it has a Dockerfile"
        return self.ensure(repository.name, repository.uri, wanted, say, progress)

    def there(self, service: Service, repository: Repository) -> str | None:
        """Return `uri@sha256:...` of a service's image if it is in the repository already; nothing is written."""
        wanted = recipe(service, self.target.settings, migrate=repository.migrate)
        return self.known(repository.name, repository.uri, wanted) if wanted else None

    def ensure(self, repository: str, uri: str, recipe: Recipe, say: Say, progress: Say) -> str:
        """Make sure that the recipe's image is there; return its `uri@sha256:...`."""
        tag = self.builder.fingerprint(recipe)[:TAG_LENGTH]
        with self._mutex:
            making = self._making.setdefault((repository, tag), threading.Lock())
        with making:
            digest = self.digest(repository, tag)
            if digest is None:
                say(f"building {recipe.dockerfile.name}")
                user, password = self.login()
                place = PushDestination(repository=uri, tag=tag, user=user, password=password, insecure=loopback(uri))
                digest = self.builder.publish(recipe, place, say, progress)
        return f"{uri}@{digest}"

    def known(self, repository: str, uri: str, recipe: Recipe) -> str | None:
        """Return `uri@sha256:...` if it is there already; nothing is built."""
        digest = self.digest(repository, self.builder.fingerprint(recipe)[:TAG_LENGTH])
        return f"{uri}@{digest}" if digest else None

    def digest(self, repository: str, tag: str) -> str | None:
        """Return the digest of a tag in the registry, None if there is no such image."""
        details = self.details(repository, {"imageTag": tag})
        return str(details["imageDigest"]) if details else None

    def details(self, repository: str, image: Mapping[str, str]) -> Mapping[str, Any] | None:
        """Return what ECR says of an image by `imageTag` or `imageDigest`; None: it is not there."""
        ecr = self.target.client("ecr")
        answer = or_none(
            lambda: ecr.describe_images(repositoryName=repository, imageIds=[dict(image)])["imageDetails"],
            "ImageNotFoundException",
            "RepositoryNotFoundException",
        )
        return answer[0] if answer else None

    def login(self) -> tuple[str, str]:
        """Return user and password of the registry.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
        """
        with self._logging_in:
            if self._login is None:
                [data] = self.target.client("ecr").get_authorization_token()["authorizationData"]
                user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
                self._login = (user, password)
            return self._login


def images_of(target: Target, made_by: Builder | Images) -> Images:
    """Return a target's images, by who makes those that are missing: a builder, or whoever brings them."""
    return made_by if isinstance(made_by, Images) else Images(target, made_by)


def known_images(project: Project, names: Sequence[str], survey: Survey, images: Images) -> wishes.Images:
    """Return which of these services' and jobs' images are in their repositories already. Nothing is built."""

    def look(service: Service, *, migrate: bool) -> str | None:
        if service.image is not None and not migrate:
            return service.image
        repository = render.repository(project, service, migrate=migrate)
        uri = survey.observed.repositories.get(repository)
        return images.there(service, Repository(name=repository, uri=uri, migrate=migrate)) if uri else None

    keys = [(name, migrate) for name in names for migrate in (False, True)]
    with ThreadPoolExecutor(max_workers=16) as pool:
        there = pool.map(lambda key: look(project.everything[key[0]], migrate=key[1]), keys)
        return {key: image for key, image in zip(keys, there, strict=True) if image is not None}


def loopback(uri: str) -> bool:
    """Return whether a registry is on 127.0.0.0/8, which Docker, too, takes for one that speaks plain HTTP."""
    host = uri.partition("/")[0].rpartition(":")[0]
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
