"""Which image a container's tag means: tags in the local registry are resolved to digests, once per deployment.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability
"""

import re
from sqlite3 import Connection

from culm.cluster.store.ecr import repositories, tags

OURS = re.compile(
    r"(?:localhost|127\.[0-9.]+|169\.254\.170\.2)(?::[0-9]+)?|[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com"
)
"""Hosts of images that can only be in the registry of this cluster, whichever port it had when they were named."""


def repository_of(db: Connection, image: str) -> str | None:
    """Return the local registry's repository that an image is in; None for everybody else's images."""
    host, slash, rest = image.partition("/")
    if not slash or not OURS.fullmatch(host):
        return None
    name = rest.partition("@")[0].rpartition(":")[0] or rest.partition("@")[0]
    return name if repositories.find(db, name) else None


def digest_of(db: Connection, image: str) -> str | None:
    """Return the digest behind its tag now; None when it is not in the local registry, or there is no such tag."""
    repository = repository_of(db, image)
    if repository is None:
        return None
    rest = image.partition("/")[2]
    if "@" in rest:
        return rest.partition("@")[2]
    return tags.find(db, repository, rest.removeprefix(repository).removeprefix(":") or "latest")


def to_pull(db: Connection, image: str, digest: str | None, registry: str) -> str:
    """Return what a runtime on this machine pulls; `registry` is where it listens now, `127.0.0.1:4566`."""
    repository = repository_of(db, image)
    if repository is None:
        return image
    if digest is not None:
        return f"{registry}/{repository}@{digest}"
    return f"{registry}/{image.partition('/')[2]}"
