"""Which of an engine's images can go; pure, from what `GET /images/json` and the containers say.

An image of the cluster's registry has the names under which it was pushed and pulled; the builder's own name for it,
`culm-built:<fingerprint>`, may be on it, too. One with any other name is somebody else's as well, and stays.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageList
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

BUILT = "culm-built:"
"""How the builder's names of images begin (`culm.deploy.build.docker`)."""
NEWEST_BUILDS = 16
"""Builds that were not pushed, by `culm test` for example, and that stay."""

Image = Mapping[str, Any]


def going(
    images: Sequence[Image], used: Collection[str], registry: str, repositories: Collection[str], newest: int
) -> list[Image]:
    """Those that no container has, less the `newest` of each repository and the last builds that were not pushed."""
    groups: defaultdict[str, list[Image]] = defaultdict(list)
    for image in images:
        own = [name for name in names(image) if name.startswith(f"{registry}/")]
        builds = [name for name in names(image) if name.startswith(BUILT)]
        if (own or builds) and len(own) + len(builds) == len(names(image)):
            groups[repository_of(own[0], registry) if own else ""].append(image)
    gone: list[Image] = []
    for repository, group in groups.items():
        kept = NEWEST_BUILDS if not repository else newest if repository in repositories else 0
        group.sort(key=lambda image: int(image.get("Created", 0)), reverse=True)
        gone += [image for image in group[kept:] if image["Id"] not in used]
    return gone


def names(image: Image) -> list[str]:
    """Return its tags and digests; an engine writes `<none>` where there is none."""
    listed = (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ()))
    return [name for name in listed if "<none>" not in name]


def repository_of(name: str, registry: str) -> str:
    """`team/web` of `127.0.0.1:4566/team/web:tag`, or of the same by a digest."""
    rest = name.removeprefix(f"{registry}/").partition("@")[0]
    return rest.partition(":")[0]
