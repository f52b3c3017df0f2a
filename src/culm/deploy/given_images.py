"""Images that are named by digest: they are in their repositories, and nothing is built."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from culm import render
from culm.core.model.record import record
from culm.deploy.build.port import Builder, Say
from culm.deploy.images import Images, Repository
from culm.errors import UsageError
from culm.plan.wishes import migration_of
from culm.project.project import Project, Service
from culm.render.task_definitions import migration_image
from culm.target.connection import Target

DIGEST = re.compile(r"(?:(?P<service>[a-z][a-z0-9-]*)=)?(?:\S+@)?(?P<digest>sha256:[0-9a-f]{64})")
MIGRATION = "-migrate"
MOST_REVISIONS = 50
"""Newest ones of a service that are looked through for the migration that goes with an image."""


@record
class Digests:
    """What a service runs. Both are `sha256:...`."""

    image: str
    migration: str | None = None
    """None: it has none, or none with an image of its own."""


def parsed(words: Iterable[str], project: Project) -> dict[str, str]:
    """Read `accounts=sha256:...` words; a word without a name needs a project of one service, or be the only one.

    Returns digests by service, and by `SERVICE-migrate` for migrations. Raises UsageError.
    """
    digests = {}
    for word in words:
        match = DIGEST.fullmatch(word)
        if match is None:
            hint = "accounts=sha256:... (64 hexadecimal digits), or a folder that holds culm.yml"
            raise UsageError(f"--from {word} is no image's digest", hint)
        name = match["service"] or only_service(project, word)
        if name.removesuffix(MIGRATION) not in project.services:
            raise UsageError(f"culm.yml has no service {name!r}", f"there are: {', '.join(project.services)}")
        digests[name] = match["digest"]
    return digests


def only_service(project: Project, word: str) -> str:
    """Return the one service that a repository's URI in `word` names, or that there is."""
    uri, _, _ = word.partition("@")
    named = [name for name in project.services if uri.endswith(f"/{project.name}/{name}")]
    names = named or list(project.services)
    if len(names) != 1:
        raise UsageError(f"--from {word}: of which service?", f"--from {names[0]}={word}")
    return names[0]


class GivenImages(Images):
    """Images of some services are those that were named; other services' are built as usual."""

    def __init__(self, target: Target, builder: Builder, digests: Mapping[str, Digests]) -> None:
        """`digests` are by the services' names in culm.yml."""
        super().__init__(target, builder)
        self.digests = digests

    def there(self, service: Service, repository: Repository) -> str | None:
        """Return `uri@sha256:...` of the image that was named, else of the one that would be built."""
        given = self.digests.get(service.original)
        if given is None:
            return super().there(service, repository)
        digest = given.migration if repository.migrate else given.image
        return f"{repository.uri}@{digest}" if digest is not None else None

    def provide(self, service: Service, repository: Repository, say: Say, progress: Say) -> str:
        """Return what `there` does where the image was named; else build it."""
        return self.there(service, repository) or super().provide(service, repository, say, progress)


def resolved(target: Target, project: Project, builder: Builder, digests: Mapping[str, str]) -> GivenImages:
    """Look the named images up. Raises UsageError for one that is not there, and for a migration that nobody knows."""
    images = Images(target, builder)
    given = {}
    for name in dict.fromkeys(each.removesuffix(MIGRATION) for each in digests):
        service = project.services[name]
        if service.dockerfile is None:
            raise UsageError(f"{name} runs a ready image, {service.image}", f"without --from for {name}")
        image = digests.get(name)
        if image is None:
            raise UsageError(f"the image of {name} itself is not named", f"--from {name}=sha256:...")
        demand(images, render.repository(project, service), image)
        migration = None
        if service.migration is not None:
            migration = digests.get(f"{name}{MIGRATION}") or migration_with(target, project, service, image)
            demand(images, render.repository(project, service, migrate=True), migration)
        given[name] = Digests(image=image, migration=migration)
    return GivenImages(target, builder, given)


def demand(images: Images, repository: str, digest: str) -> None:
    """Raise UsageError for an image that its repository does not have."""
    if images.details(repository, {"imageDigest": digest}) is None:
        raise UsageError(f"repository {repository} has no image {digest}", "push it there first; culm history SERVICE")


def migration_with(target: Target, project: Project, service: Service, image: str) -> str:
    """Return the digest of the migration that went before an image, as a revision with that image names it."""
    ecs, family = target.client("ecs"), render.family(project, service)
    arns = ecs.list_task_definitions(familyPrefix=family, sort="DESC", maxResults=MOST_REVISIONS)["taskDefinitionArns"]
    for arn in arns:
        revision = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        if revision["containerDefinitions"][0]["image"].endswith(f"@{image}") and (label := migration_of(revision)):
            return migration_image(label)
    raise UsageError(
        f"no revision of {service.name} says which migration goes before {image}",
        f"--from {service.name}{MIGRATION}=sha256:..., the image of its migration",
    )


def without_sources(project: Project, names: Iterable[str]) -> Project:
    """Return the project whose services' migrations are not told by the files of its folders: images were named."""
    services = {
        name: replace(service, promoted_migration="") if name in names else service
        for name, service in project.services.items()
    }
    return replace(project, services=services)
