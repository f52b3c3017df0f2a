"""Promote: what runs of a service on one target, brought to another one as it is.

A *release* is a service's image and that of the migration before it, both by digest, as the source's live revision
names them. It is copied where the target lacks it; all else of a deploy (plan, lock, steps, undo) is the usual one, and
so are memory, variables and paths: those are culm.yml's, for the target.

Only a release that its own target holds to be good is promoted: a deployment that completed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from culm import render
from culm.core.model.record import record
from culm.deploy.build import platforms
from culm.deploy.build.port import Say
from culm.deploy.images import TAG_LENGTH, Images, Repository, loopback
from culm.errors import CulmError, Differs, UsageError
from culm.plan.observed import Described
from culm.plan.way_back import files_of
from culm.plan.wishes import is_good, migration_of
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.observe import active_cluster, active_services, live_job

if TYPE_CHECKING:
    from culm.deploy.copy_image import RemoteRepository


@record
class Release:
    """What a live revision runs. Both images are `uri@sha256:...`, or their digest alone where that is all there is."""

    image: str
    migration: str | None
    """The digest; None: it came after none."""
    migration_files: str
    """The fingerprint of the migration's files; empty: the revision names none."""
    good: bool
    """Whether its deployment has completed."""

    @property
    def digest(self) -> str:
        """The digest of the image that runs."""
        return self.image.rpartition("@")[2]


def live(target: Target, project: Project, names: list[str]) -> dict[str, Release]:
    """Return what runs of these services and jobs on a target; those that are not deployed are left out."""
    if active_cluster(target, project.name) is None:
        return {}
    ecs, releases = target.client("ecs"), {}
    services = active_services(target, project.name, [name for name in names if name in project.services])
    for name, service in services.items():
        revision = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        releases[name] = of(revision, good=is_good(service))
    for name in names:
        if name in project.jobs and (runs := live_job(target, project, project.jobs[name]).revision) is not None:
            releases[name] = of(runs, good=True)
    return releases


def of(revision: Described, *, good: bool) -> Release:
    """Return the release that a revision is of."""
    return Release(
        image=str(revision["containerDefinitions"][0]["image"]),
        migration=migration_of(revision),
        migration_files=files_of(revision) or "",
        good=good,
    )


def demand(service: Service, release: Release | None, source: str) -> Release:
    """Return the release if it can be promoted. Raises CulmError, and says what to do on the source, if not."""
    name = service.name
    deploy = f"culm deploy {name} --target {source}"
    if service.dockerfile is None:
        raise UsageError(
            f"{name} runs an image that is not built here ({service.image}): there is nothing to promote",
            f"culm deploy {name} deploys what culm.yml names",
        )
    if release is None:
        raise CulmError(f"{name} is not deployed on {source}: there is nothing to promote", deploy)
    if not release.good:
        raise Differs(
            f"the last deployment of {name} on {source} has not completed: nothing was promoted",
            f"culm status --target {source}; then promote again",
        )
    if "@sha256:" not in release.image:
        raise CulmError(f"{name} runs {release.image} on {source}, which no digest tells", deploy)
    if service.migrates != (release.migration is not None):
        has = "came after no migration" if release.migration is None else "came after a migration"
        what = "has one" if release.migration is None else "has none"
        raise CulmError(
            f"{name} on {source} {has}, and culm.yml {what}: nothing was promoted",
            f"check out the commit that {source} runs, or deploy this one there first: {deploy}",
        )
    return release


class PromotedImages(Images):
    """Images of releases: those that a target lacks are copied, and nothing is built."""

    def __init__(self, target: Target, source: Images, project: Project, releases: Mapping[str, Release]) -> None:
        """`project` is called as on the source, which `source` are the images of."""
        super().__init__(target, source.builder)
        self.made_by = "docker"
        self.source = source
        self.project = project
        self.releases = releases

    def there(self, service: Service, repository: Repository) -> str | None:
        """Return `uri@sha256:...` of the release's image if the target has it."""
        digest = self.digest_of(service, migrate=repository.migrate)
        if digest is None or self.details(repository.name, {"imageDigest": digest}) is None:
            return None
        return f"{repository.uri}@{digest}"

    def provide(self, service: Service, repository: Repository, say: Say, progress: Say) -> str:
        """Copy the release's image if the target lacks it. Returns `uri@sha256:...`. Raises CulmError."""
        from culm.deploy.copy_image import copy

        if (known := self.there(service, repository)) is not None:
            return known
        digest = self.digest_of(service, migrate=repository.migrate)
        assert digest is not None, "it was demanded"
        details = self.source.details(self.source_name(service, repository.migrate), {"imageDigest": digest}) or {}
        own = digest.rpartition(":")[2][:TAG_LENGTH]
        # the tags by which `up` of the same commit finds the image; one that the target has stays where it is
        tags = [tag for tag in details.get("imageTags", ()) if self.digest(repository.name, tag) is None]
        to = place(self, repository.uri)
        sent = copy(self.source_place(service, migrate=repository.migrate), digest, to, [own, *tags], progress)
        what = "migration image" if repository.migrate else "image"
        say(f"copied its {what} from {self.source.target.settings.name} ({sent / 1024:.0f} KiB new)")
        return f"{repository.uri}@{digest}"

    def digest_of(self, service: Service, *, migrate: bool) -> str | None:
        """Return the digest that the other target runs; None for a migration where there was none."""
        release = self.releases[service.name]
        return release.migration if migrate else release.digest

    def source_name(self, service: Service, migrate: bool) -> str:
        """Return the repository's name on the source."""
        return render.repository(self.project, service, migrate=migrate)

    def source_place(self, service: Service, *, migrate: bool) -> "RemoteRepository":
        """Return where the image is read. The migration's repository is beside the image's own."""
        registry = self.releases[service.name].image.partition("/")[0]
        return place(self.source, f"{registry}/{self.source_name(service, migrate)}")

    def demand_platform(self, service: Service) -> None:
        """Raise CulmError for an image that the target's instances could not run."""
        from culm.deploy.copy_image import platforms_of

        settings = self.target.settings
        wanted = service.platform or platforms.of_target(settings) or platforms.of_this_machine()
        for migrate in (False, True):
            digest = self.digest_of(service, migrate=migrate)
            if digest is None or (migrate and service.migration is None):
                continue  # a migration in its own image is that image
            made_for = platforms_of(self.source_place(service, migrate=migrate), digest)
            if wanted not in made_for:
                which = f"the migration of {service.name}" if migrate else service.name
                raise CulmError(
                    f"the image of {which} is for {' and '.join(made_for)}, and the instances of {settings.name} are "
                    f"{wanted}: nothing was promoted",
                    f"instances of one processor on both targets, or: culm deploy {service.name}, which builds it anew",
                )


def place(images: Images, uri: str) -> "RemoteRepository":
    """Return a repository of a target with the login to it."""
    from culm.deploy.copy_image import (
        RemoteRepository,  # httpx2 is slow to import, and nothing changed is the common case
    )

    user, password = images.login()
    return RemoteRepository(uri=uri, user=user, password=password, insecure=loopback(uri))


def with_releases(project: Project, releases: Mapping[str, Release]) -> Project:
    """Return the project with the files of migrations as the releases name them, not as its folders have them."""
    services = {
        name: replace(service, promoted_migration=releases[name].migration_files) if name in releases else service
        for name, service in project.services.items()
    }
    return replace(project, services=services)
