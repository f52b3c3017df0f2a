"""The few calls of the Docker Engine API that building needs, over its socket. Podman answers them too.

https://docs.docker.com/reference/api/engine/version/v1.41/
"""

import base64
import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from culm.errors import CulmError

SOCKET = "/var/run/docker.sock"
PING_SECONDS = 2.0
CALL_SECONDS = 600.0


class Engine:
    """One engine; every call has a connection of its own, so threads may share it."""

    def __init__(self, address: str | None = None) -> None:
        self.address = address or os.environ.get("DOCKER_HOST") or f"unix://{SOCKET}"

    def version(self) -> str | None:
        """For people, `Docker 20.10.24`; None when no engine answers."""
        try:
            with self._call("GET", "/version", seconds=PING_SECONDS) as answer:
                facts = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        names = {part.get("Name", "") for part in facts.get("Components", [])}
        product = "Podman" if any("Podman" in name for name in names) else "Docker"
        return f"{product} {facts.get('Version', '')}"

    def image_id(self, image: str) -> str | None:
        """None when the engine does not have it."""
        with self._call("GET", f"/images/{quote(image, safe='/:@')}/json") as answer:
            body = answer.read()
            return str(json.loads(body)["Id"]) if answer.status == 200 else None

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Give it one more name."""
        query = urlencode({"repo": repository, "tag": tag})
        with self._call("POST", f"/images/{quote(image, safe='/:@')}/tag?{query}") as answer:
            if answer.status != 201:
                demanded(answer)

    def facts(self, image: str) -> tuple[dict[str, Any], list[str]]:
        """Its configuration's `config`, and the command of each step of its history."""
        path = f"/images/{quote(image, safe='/:@')}"
        with self._call("GET", f"{path}/json") as answer:
            config: dict[str, Any] = demanded(answer)["Config"] or {}
        with self._call("GET", f"{path}/history") as answer:
            return config, [str(step.get("CreatedBy", "")) for step in demanded(answer)]

    def pull(self, image: str) -> str | None:
        """Why it cannot be had; None when it was pulled."""
        name, tag = split_tag(image)
        with self._call("POST", f"/images/create?{urlencode({'fromImage': name, 'tag': tag})}") as answer:
            try:
                for _ in progress(answer):
                    pass
            except CulmError as error:
                return error.what
        return None

    def build(self, context: Iterator[bytes], options: Mapping[str, str]) -> Iterator[str]:
        """Send the context (a tar), give the output's lines. https://docs.docker.com/reference/api/engine/#ImageBuild"""
        headers = {"Content-Type": "application/x-tar"}
        with self._call("POST", f"/build?{urlencode(options)}", body=context, headers=headers) as answer:
            for message in progress(answer):
                yield from str(message.get("stream", "")).splitlines()

    def push(self, repository: str, tag: str, user: str, password: str) -> str:
        """The manifest's digest."""
        login = {"username": user, "password": password, "serveraddress": repository.partition("/")[0]}
        auth = base64.urlsafe_b64encode(json.dumps(login).encode()).decode()
        path = f"/images/{quote(repository, safe='/:')}/push?{urlencode({'tag': tag, 'tlsVerify': 'false'})}"
        digest = ""
        with self._call("POST", path, headers={"X-Registry-Auth": auth}) as answer:
            for message in progress(answer):
                digest = (message.get("aux") or {}).get("Digest") or digest
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
        with closing(self._connection(seconds)) as connection:
            connection.request(method, path, body=body, headers={"Host": "docker", **(headers or {})})
            with connection.getresponse() as answer:
                yield answer

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        if parts.scheme == "unix":
            return SocketConnection(parts.path, seconds)
        return http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 2375, timeout=seconds)


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


def progress(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The engine's stream of JSON messages; its error becomes ours."""
    if answer.status >= 400:
        body = answer.read()
        try:
            said = json.loads(body)["message"]
        except (ValueError, KeyError):
            said = body.decode(errors="replace")
        raise CulmError(f"the engine refused: {said.strip()}")
    for line in answer:
        message: dict[str, Any] = json.loads(line)
        if "error" in message:
            raise CulmError(str(message["error"]).strip())
        yield message


def demanded(answer: http.client.HTTPResponse) -> Any:
    """The answer's JSON; a refusal becomes ours."""
    body = json.loads(answer.read())
    if answer.status >= 400:
        raise CulmError(f"the engine refused: {body.get('message', '')}")
    return body


def split_tag(image: str) -> tuple[str, str]:
    """`host:5000/name:tag`, tag `latest` when it has none; a digest stays with the name."""
    name, colon, tag = image.rpartition(":")
    if "@" in image or not colon or "/" in tag:
        return image, "" if "@" in image else "latest"
    return name, tag
