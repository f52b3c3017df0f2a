"""Names of images: `registry/repository@sha256:...` or `registry/repository:tag`.

https://github.com/distribution/reference
"""

import ipaddress

from culm.core.model.record import record
from culm.errors import RuntimeFailure


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
        """Plain HTTP for this machine and its links, as Docker has it; TLS for every other registry."""
        host = self.registry.rpartition(":")[0] or self.registry
        return f"{'http' if _is_near(host) else 'https'}://{self.registry}/v2/{self.repository}"

    def __str__(self) -> str:
        version = f"@{self.digest}" if self.digest else f":{self.version}"
        return f"{self.registry}/{self.repository}{version}"


def parse(image: str) -> Reference:
    name, _, digest = image.partition("@")
    registry, slash, rest = name.partition("/")
    if not slash or not (registry == "localhost" or "." in registry or ":" in registry):
        what = f"{image} names no registry; write it as registry.example/{image}"
        raise RuntimeFailure("CannotPullContainerError", what)
    repository, _, tag = rest.partition(":")
    return Reference(registry=registry, repository=repository, tag=tag or None, digest=digest or None)


def _is_near(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local
