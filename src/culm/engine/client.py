"""The calls of the Docker Engine API that building needs. Podman answers them too.

https://docs.docker.com/reference/api/engine/version/v1.41/
"""

import http.client
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from culm.engine import endpoint as endpoints
from culm.engine import registries
from culm.engine.answers import NoEngine, Refused, Silent, message, progress, pushing
from culm.engine.endpoint import Endpoint
from culm.engine.images import split_registry, split_tag
from culm.errors import CulmError

PING_SECONDS = 2.0
CALL_SECONDS = 600.0
SILENT_SECONDS = 120.0
"""For which an engine may say nothing while it pushes: it tells of each layer several times a second."""


def unavailable() -> NoEngine | None:
    """Return None where an engine answers, or why not; takes two seconds at most.

    Builder and cluster share this rule.
    """
    try:
        Engine().version()
    except NoEngine as problem:
        return problem
    return None


class Engine:
    """One engine; every call has a connection of its own, so threads may share it.

    Its endpoint is found at the first call: a command that never needs an engine never looks for one.
    """

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        self._given = endpoint

    @cached_property
    def endpoint(self) -> Endpoint:
        """Raises NoEngine when the user's settings name one that cannot be used."""
        return self._given or endpoints.find()

    def version(self) -> str:
        """Return the engine's version for people, `Docker 20.10.24`. Raises NoEngine when no engine answers."""
        try:
            with self._call("GET", "/version", seconds=PING_SECONDS) as answer:
                body = answer.read()
                facts = json.loads(body) if answer.status == 200 else None
        except ValueError as error:
            raise endpoints.unreachable(self.endpoint, error) from None
        if facts is None:
            raise NoEngine(f"{self.endpoint.address} refuses: {message(body)}", endpoints.START_IT)
        names = {part.get("Name", "") for part in facts.get("Components") or ()}
        product = "Podman" if any("Podman" in name for name in names) else "Docker"
        return f"{product} {facts.get('Version', '')}"

    def image_id(self, image: str) -> str | None:
        """Return the image's id; None when the engine does not have it."""
        with self._call("GET", f"{_image(image)}/json") as answer:
            body = answer.read()
            return str(json.loads(body)["Id"]) if answer.status == 200 else None

    def inspect(self, image: str) -> dict[str, Any] | None:
        """Return what the engine knows of an image; None when it does not have it. Raises NoEngine.

        https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageInspect
        """
        with self._call("GET", f"{_image(image)}/json") as answer:
            if answer.status == 404:
                return None
            facts: dict[str, Any] = _content(answer)
            return facts

    def platform(self) -> str:
        """Return what it runs on, `linux/amd64`: what it builds for unless it is told otherwise. Raises NoEngine."""
        with self._call("GET", "/version", seconds=PING_SECONDS) as answer:
            facts = _content(answer)
        return f"{facts.get('Os', 'linux')}/{facts.get('Arch', '')}"

    def prefers_buildkit(self) -> bool:
        """Return whether BuildKit is the engine's own builder, as of Docker 23. Raises NoEngine.

        https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemPing
        """
        with self._call("GET", "/_ping", seconds=PING_SECONDS) as answer:
            answer.read()
            return answer.getheader("Builder-Version") == "2"

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Give it one more name."""
        query = urlencode({"repo": repository, "tag": tag})
        with self._call("POST", f"{_image(image)}/tag?{query}") as answer:
            _content(answer)

    def facts(self, image: str) -> tuple[dict[str, Any], list[str]]:
        """Return its configuration's `config`, and the command of each step of its history."""
        with self._call("GET", f"{_image(image)}/json") as answer:
            config: dict[str, Any] = _content(answer)["Config"] or {}
        with self._call("GET", f"{_image(image)}/history") as answer:
            return config, [str(step.get("CreatedBy", "")) for step in _content(answer)]

    @contextmanager
    def saved(self, image: str) -> Iterator[http.client.HTTPResponse]:
        """Open the image as a tar of its layers. Raises Refused."""
        with self._call("GET", f"{_image(image)}/get") as answer:
            if answer.status >= 400:
                raise Refused(answer.status, message(answer.read()))
            yield answer

    def tags(self, pattern: str) -> list[str]:
        """Return the names of its images that match, `culm-built:*`; the newest image's first."""
        query = urlencode({"filters": json.dumps({"reference": [pattern]})})
        with self._call("GET", f"/images/json?{query}") as answer:
            listed = sorted(_content(answer), key=lambda image: int(image.get("Created", 0)), reverse=True)
        return [str(name) for image in listed for name in image.get("RepoTags") or ()]

    def untag(self, image: str) -> None:
        """Take a name away; the image goes with its last name, unless a container has it."""
        with self._call("DELETE", _image(image)) as answer:
            if answer.status not in (404, 409):
                _content(answer)

    def pull(self, image: str, platform: str | None = None) -> str | None:
        """Return why it cannot be had.

        None when it was pulled. The user's login to its registry goes with the request.
        """
        name, tag = split_tag(image)
        logins, problems = registries.logins_for([image])
        login = logins.get(split_registry(image)[0])
        headers = {"X-Registry-Auth": login.header()} if login else {}
        asked = {"fromImage": name, "tag": tag} | ({"platform": platform} if platform else {})
        try:
            with self._call("POST", f"/images/create?{urlencode(asked)}", headers=headers) as answer:
                for _ in _progress(answer):
                    pass
        except Refused as refused:
            return "; ".join([refused.message, *problems])
        return None

    def build(self, context: Iterator[bytes], options: Mapping[str, str], images: Iterable[str] = ()) -> Iterator[str]:
        """Send the context (a tar), give the output's lines. Raises Refused when a step fails.

        The logins to the registries of `images`, those that the build begins with, go with it.
        https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild
        """
        logins, problems = registries.logins_for(images)
        headers = {"Content-Type": "application/x-tar", "X-Registry-Config": registries.config_header(logins.values())}
        yield from problems
        with self._call("POST", f"/build?{urlencode(options)}", body=context, headers=headers) as answer:
            for each in _progress(answer):
                yield from str(each.get("stream", "")).splitlines()

    def push(
        self, repository: str, tag: str, user: str, password: str, progress: Callable[[str], None] = lambda _: None
    ) -> str:
        """Return the manifest's digest; `progress` hears how far it is.

        Raises Refused, Silent when the engine says nothing for SILENT_SECONDS, or CulmError when it names no digest.
        """
        login = registries.EngineLogin(server=repository.partition("/")[0], user=user, password=password)
        path = f"/images/{quote(repository, safe='/:')}/push?{urlencode({'tag': tag, 'tlsVerify': 'false'})}"
        digest, layers = "", dict[str, tuple[int, int]]()
        headers = {"X-Registry-Auth": login.header()}
        with self._call("POST", path, headers=headers, seconds=SILENT_SECONDS) as answer:
            for each in _progress(answer):
                digest = (each.get("aux") or {}).get("Digest") or digest
                if text := pushing(each, layers):
                    progress(text)
        if not digest:
            raise CulmError(f"the engine pushed {repository}:{tag} and named no digest", "is it Docker or Podman?")
        return digest

    @contextmanager
    def _call(
        self,
        method: str,
        path: str,
        body: Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
    ) -> Iterator[http.client.HTTPResponse]:
        """Raises NoEngine when there is no answer."""
        where = self.endpoint
        with closing(connection(where, seconds)) as link:
            try:
                link.request(method, where.prefix + path, body=body, headers={"Host": "docker", **(headers or {})})
                answer = link.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise endpoints.unreachable(where, error) from None
            with answer:
                yield answer


def connection(endpoint: Endpoint, seconds: float) -> http.client.HTTPConnection:
    """Return a connection, not connected yet; a proxy of the environment has no part in it."""
    if endpoint.socket is not None:
        return SocketConnection(endpoint.socket, seconds)
    if endpoint.tls is not None:
        secure = endpoint.tls.context()
        return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=seconds, context=secure)
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=seconds)


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("docker", timeout=seconds)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self.path)
        except OSError:
            self.close()
            raise


def _image(name: str) -> str:
    return f"/images/{quote(name, safe='/:@')}"


def _progress(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Give the messages of a stream. Raises Refused, or Silent where it ends before its time."""
    if answer.status >= 400:
        raise Refused(answer.status, message(answer.read()))
    try:
        yield from progress(answer)
    except TimeoutError:
        raise Silent("the engine says nothing any more", "is it still there? docker version") from None
    except (OSError, http.client.HTTPException) as error:
        raise Silent(f"the engine hung up: {str(error) or type(error).__name__}", endpoints.START_IT) from None


def _content(answer: http.client.HTTPResponse) -> Any:
    """Return the answer's JSON, None when it has none. Raises Refused."""
    body = answer.read()
    if answer.status >= 400:
        raise Refused(answer.status, message(body))
    return json.loads(body) if body.strip() else None
