"""Names of images as people and docker write them. Pure.

https://github.com/distribution/reference
"""

DOCKER_HUB = "docker.io"
"""The registry of names that have none."""


def split_tag(image: str) -> tuple[str, str]:
    """Split `host:5000/name:tag` into name and tag, `latest` when it has none; a digest stays with the name."""
    name, colon, tag = image.rpartition(":")
    if "@" in image or not colon or "/" in tag:
        return image, "" if "@" in image else "latest"
    return name, tag


def split_registry(name: str) -> tuple[str, str]:
    """Return a name's registry and what it is called there: `nginx` is `docker.io`'s `library/nginx`.

    The first part of a name is a host when it has a dot or a port, or is `localhost`.
    """
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        registry, repository = first, rest
    else:
        registry, repository = DOCKER_HUB, name
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository
