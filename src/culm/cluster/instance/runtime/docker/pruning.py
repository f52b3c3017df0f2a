"""Which of an engine's images can go; pure, from what `GET /images/json` and the containers say.

An image of the cluster's registry has the names under which it was pushed and pulled; the builder's own name for it,
`culm-built:<fingerprint>`, may be on it, too. One with any other name is somebody else's as well: it
loses its names in the cluster's registry, and stays.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageList
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from culm.core.model.record import record

BUILT = "culm-built:"
"""How the builder's names of images begin (`culm.deploy.build.docker`)."""
NEWEST_BUILDS = 16
"""Builds that were not pushed, by `culm test` for example, and that stay."""

Image = Mapping[str, Any]


@record
class DepartingImage:
    """An image that goes, or one that others have as well and that loses a registry's names."""

    image: Image
    names: tuple[str, ...]


def going(
    images: Sequence[Image], used: Collection[str], registry: str, repositories: Collection[str], newest: int
) -> list[DepartingImage]:
    """Return the images to remove: without a container, not the repository's `newest`, nor the last unpushed builds.

    Clusters of one engine may have built the same image: each takes its own names away, and the last one the image.
    """
    groups: defaultdict[str, list[Image]] = defaultdict(list)
    for image in images:
        own, builds, others = kinds(image, registry)
        if own or (builds and not others):
            groups[repository_of(own[0], registry) if own else ""].append(image)
    gone: list[DepartingImage] = []
    for repository, group in groups.items():
        kept = NEWEST_BUILDS if not repository else newest if repository in repositories else 0
        group.sort(key=lambda image: int(image.get("Created", 0)), reverse=True)
        for image in group[kept:]:
            own, builds, others = kinds(image, registry)
            if others or image["Id"] not in used:
                gone.append(DepartingImage(image=image, names=tuple(own if others else [*own, *builds])))
    return gone


def kinds(image: Image, registry: str) -> tuple[list[str], list[str], list[str]]:
    """Return an image's names in a registry, those that builds gave it, and those that others did."""
    every = names(image)
    own = [name for name in every if name.startswith(f"{registry}/")]
    builds = [name for name in every if name.startswith(BUILT)]
    return own, builds, [name for name in every if name not in own and name not in builds]


def names(image: Image) -> list[str]:
    """Return its tags and digests; an engine writes `<none>` where there is none."""
    listed = (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ()))
    return [name for name in listed if "<none>" not in name]


def repository_of(name: str, registry: str) -> str:
    """Return the repository, `team/web`, of `127.0.0.1:4566/team/web:tag`, or of the same by a digest."""
    rest = name.removeprefix(f"{registry}/").partition("@")[0]
    return rest.partition(":")[0]
