"""Names of images: `registry/repository@sha256:...` or `registry/repository:tag`; the registry may be left out.

https://github.com/distribution/reference
"""

import ipaddress
import re

from culm.cluster.link_local import is_link_local
from culm.core.model.record import record
from culm.engine.images import DOCKER_HUB, split_registry
from culm.errors import RuntimeFailure

_DIGEST = re.compile(r"[a-z0-9]+:[A-Za-z0-9]+")
DOCKER_HUB_SERVER = "registry-1.docker.io"


@record
class Reference:
    registry: str
    """`host` or `host:port`."""
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def version(self) -> str:
        """What a registry calls it by: the digest if there is one."""
        return self.digest or self.tag or "latest"

    @property
    def url(self) -> str:
        """Plain HTTP for this machine, as Docker has it; TLS for every other registry."""
        server = DOCKER_HUB_SERVER if self.registry == DOCKER_HUB else self.registry
        host = server.rpartition(":")[0] or server
        return f"{'http' if _is_near(host) else 'https'}://{server}/v2/{self.repository}"

    @property
    def is_near(self) -> bool:
        """Whether the registry is on this machine."""
        return _is_near(self.registry.rpartition(":")[0] or self.registry)

    @property
    def familiar(self) -> str:
        """What an engine calls the repository: Docker Hub's lose their host, and its own their `library`."""
        if self.registry != DOCKER_HUB:
            return f"{self.registry}/{self.repository}"
        return self.repository.removeprefix("library/")

    def __str__(self) -> str:
        version = f"@{self.digest}" if self.digest else f":{self.version}"
        return f"{self.registry}/{self.repository}{version}"


def parse(image: str) -> Reference:
    """Read a reference: a name without a registry is Docker Hub's, one of a single word its library's: `nginx:1.25`.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html (image)
    """
    name, _, digest = image.partition("@")
    registry, rest = split_registry(name)
    if is_link_local(registry.rpartition(":")[0] or registry):
        raise RuntimeFailure("CannotPullContainerError", f"{image}: its registry is a link-local address")
    repository, _, tag = rest.partition(":")
    if digest and not _DIGEST.fullmatch(digest):
        raise RuntimeFailure("CannotPullContainerError", f"{image}: {digest[:80]} is no digest")
    return Reference(registry=registry, repository=repository, tag=tag or None, digest=digest or None)


def _is_near(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_loopback
