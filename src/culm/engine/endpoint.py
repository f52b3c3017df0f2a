"""Where the container engine listens: one rule for both halves, the docker command's own where it has one.

1. DOCKER_HOST, with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH;
2. the context that DOCKER_CONTEXT names, or else `currentContext` of docker's config.json, with its TLS material;
3. without either, the first of the usual sockets that takes a connection: the engine's own, Docker Desktop's, Colima's,
   Rancher Desktop's, OrbStack's, a rootless engine's, Podman's.

So a user of Colima who never ran `docker context use` is found by the third, and who did by the second.

https://docs.docker.com/reference/cli/docker/#environment-variables
https://docs.docker.com/engine/manage-resources/contexts/
"""

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from culm.core.model.record import record
from culm.engine.answers import NoEngine

if TYPE_CHECKING:
    import ssl

SOCKET = "/var/run/docker.sock"
DEFAULT_CONTEXT = "default"
PLAIN_PORT, TLS_PORT = 2375, 2376
LOOK_SECONDS = 0.5
"""For one of the usual sockets to take a connection."""
START_IT = "start Docker or Podman, or name its socket in DOCKER_HOST; without one: --runtime process"


@record
class Tls:
    """Files of PEM; None: not used."""

    ca: Path | None
    cert: Path | None
    key: Path | None
    verify: bool = True
    """False: whoever answers is believed, as `skip-tls-verify` of a context asks for."""

    def context(self) -> "ssl.SSLContext":
        """Return the TLS context; raise NoEngine when a file is missing or is not what it should be."""
        import ssl  # slow to load, and sockets do without

        made = ssl.create_default_context()
        # Docker takes certificates without an Authority Key Identifier, which Python 3.13 would not
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not self.verify:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        try:
            if self.ca is not None:
                made.load_verify_locations(self.ca)
            if self.cert is not None and self.key is not None:
                made.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(str(path) for path in (self.ca, self.cert, self.key) if path is not None)
            what = f"cannot use the engine's TLS material ({files}): {error.strerror or error}"
            raise NoEngine(what, "see DOCKER_CERT_PATH, or the context's folder under ~/.docker/contexts/tls") from None
        return made


@record
class Endpoint:
    address: str
    """For people, and for DOCKER_HOST: `unix:///var/run/docker.sock`, `tcp://10.0.0.5:2376`."""
    socket: str | None = None
    """Path of a Unix socket; None: it is reached by TCP."""
    host: str = ""
    port: int = 0
    prefix: str = ""
    """What paths begin with, where the engine is behind a proxy: `/engine`."""
    tls: Tls | None = None
    context: str | None = None
    """The docker context that names it."""

    def environment(self) -> Mapping[str, str]:
        """Return what lets the docker command and compose speak to the very same engine."""
        if self.context is not None:
            return {"DOCKER_CONTEXT": self.context}
        return {"DOCKER_HOST": self.address}


def find(environment: Mapping[str, str] = os.environ) -> Endpoint:
    """Return the engine to speak to.

    Whether it answers is another question. Raises NoEngine for an address of no use.
    """
    configured = configuration_folder(environment)
    if host := environment.get("DOCKER_HOST"):
        return parse(host, tls_of_environment(environment, configured), "DOCKER_HOST")
    context = environment.get("DOCKER_CONTEXT") or current_context(configured)
    if context and context != DEFAULT_CONTEXT:
        source = "DOCKER_CONTEXT" if environment.get("DOCKER_CONTEXT") else str(configured / "config.json")
        return of_context(configured, context, source)
    sockets = list(usual_sockets(environment))
    path = next((path for path in sockets if takes_connections(path)), None)
    path = path or next((path for path in sockets if os.path.exists(path)), SOCKET)
    return Endpoint(address=f"unix://{path}", socket=path)


def configuration_folder(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("DOCKER_CONFIG") or home(environment) / ".docker")


def home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or os.path.expanduser("~"))


def configuration(folder: Path) -> Mapping[str, Any]:
    """Return Docker's config.json; empty when there is none, or none that can be read."""
    with suppress(OSError, ValueError):
        content = json.loads((folder / "config.json").read_bytes())
        if isinstance(content, dict):
            return content
    return {}


def current_context(folder: Path) -> str | None:
    """Return the context that `docker context use` chose."""
    name = configuration(folder).get("currentContext")
    return name if isinstance(name, str) else None


def of_context(folder: Path, name: str, source: str) -> Endpoint:
    """Return the engine of a docker context.

    Raises NoEngine when it does not exist or names no engine that can be used.

    A context's files are in `contexts/meta/<SHA-256 of its name>`, its TLS material under `contexts/tls`.
    """
    identity = hashlib.sha256(name.encode()).hexdigest()
    try:
        described = json.loads((folder / "contexts" / "meta" / identity / "meta.json").read_bytes())
        engine = described["Endpoints"]["docker"]
        host = str(engine["Host"])
    except (OSError, ValueError, KeyError, TypeError):
        what = f"{source} names the docker context {name}, which {folder / 'contexts'} does not hold"
        raise NoEngine(what, "docker context ls; docker context use default") from None
    files = folder / "contexts" / "tls" / identity / "docker"
    tls = None
    if files.is_dir() or engine.get("SkipTLSVerify"):
        tls = tls_of(files, verify=not engine.get("SkipTLSVerify"))
    return replace(parse(host, tls, f"the docker context {name}"), context=name)


def tls_of_environment(environment: Mapping[str, str], configured: Path) -> Tls | None:
    """Return the TLS that the environment asks for.

    DOCKER_TLS_VERIFY: TLS, and whoever answers must be known; DOCKER_TLS: TLS with anybody.
    """
    if not (environment.get("DOCKER_TLS_VERIFY") or environment.get("DOCKER_TLS")):
        return None
    folder = Path(environment.get("DOCKER_CERT_PATH") or configured)
    return tls_of(folder, verify=bool(environment.get("DOCKER_TLS_VERIFY")))


def tls_of(folder: Path, *, verify: bool) -> Tls:
    """Return the files with docker's names in a folder; those that are not there are not used."""
    ca, cert, key = (path if (path := folder / name).is_file() else None for name in ("ca.pem", "cert.pem", "key.pem"))
    return Tls(ca=ca, cert=cert, key=key, verify=verify)


def parse(address: str, tls: Tls | None, source: str) -> Endpoint:
    """Read `unix://`, `tcp://`, `http://`, `https://`, or `host:port`.

    Raises NoEngine for anything else, with a remedy.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = ("unix", address) if address.startswith("/") else ("tcp", address)
    if scheme == "unix":
        return Endpoint(address=f"unix://{rest}", socket=rest)
    if scheme == "ssh":
        hint = f"ssh -nNT -L /tmp/engine.sock:{SOCKET} {rest}, and DOCKER_HOST=unix:///tmp/engine.sock"
        raise NoEngine(f"{source} is {address}: culm does not speak to an engine through ssh", hint)
    if scheme in ("npipe", "fd"):
        hint = "run culm where the engine has a Unix socket: on Windows, in WSL 2"
        raise NoEngine(f"{source} is {address}: culm reaches engines by unix:// and tcp:// only", hint)
    if scheme not in ("tcp", "http", "https"):
        raise NoEngine(f"{source} is {address}, which names no engine", "write it as unix:///path or tcp://host:port")
    if scheme == "https" and tls is None:
        tls = Tls(ca=None, cert=None, key=None)
    try:
        parts = urlsplit(f"//{rest}")
        port = parts.port or (TLS_PORT if tls else PLAIN_PORT)
    except ValueError:
        raise NoEngine(f"{source} is {address}, which names no port", "write it as tcp://host:port") from None
    host = parts.hostname or "127.0.0.1"
    return Endpoint(address=f"{scheme}://{rest}", host=host, port=port, prefix=parts.path.rstrip("/"), tls=tls)


def usual_sockets(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield where engines put their sockets, the likeliest first."""
    at_home = home(environment)
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    colima = environment.get("COLIMA_HOME") or at_home / ".colima"
    configuration_home = environment.get("XDG_CONFIG_HOME") or at_home / ".config"
    yield SOCKET
    yield f"{at_home}/.docker/run/docker.sock"  # Docker Desktop
    yield f"{at_home}/.docker/desktop/docker.sock"  # Docker Desktop on Linux
    yield f"{colima}/default/docker.sock"
    yield f"{configuration_home}/colima/default/docker.sock"
    yield f"{at_home}/.rd/docker.sock"  # Rancher Desktop
    yield f"{at_home}/.orbstack/run/docker.sock"
    yield f"{runtime}/docker.sock"  # a rootless engine
    yield f"{runtime}/podman/podman.sock"
    yield "/run/podman/podman.sock"
    yield f"{at_home}/.local/share/containers/podman/machine/podman.sock"


def takes_connections(path: str) -> bool:
    """Return whether a socket takes connections; not one that an engine left behind, or that this user may not use."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(LOOK_SECONDS)
        try:
            trial.connect(path)
        except OSError:
            return False
        return True


def unreachable(endpoint: Endpoint, error: Exception) -> NoEngine:
    """Return why nobody answers there, in words, and what to do."""
    hint = START_IT
    if isinstance(error, PermissionError):
        hint = f"may you use {endpoint.socket}? sudo usermod -aG docker $USER, then log in again"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return NoEngine(f"no container engine answers at {endpoint.address}: {reason}", hint)
