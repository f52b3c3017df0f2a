"""The registry's HTTP side: who may come in, which request is which, and errors as registries' clients read them."""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import BinaryIO

from culm.cluster.registry import blobs, manifests
from culm.cluster.registry.exchange import App, Disconnected, Part, Receive, Reply, Request, Scope, Send, json_reply
from culm.cluster.registry.refusals import Refusal, of_aws, of_disk, unauthorized
from culm.cluster.registry.registry import Registry
from culm.cluster.store.ecr import tokens
from culm.errors import AwsError

Handler = Callable[..., Awaitable[Reply]]

_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_READ_BYTES = 1 << 18

_ROUTES: tuple[tuple[re.Pattern[str], dict[str, Handler]], ...] = (
    (re.compile(r"/v2/_catalog"), {"GET": manifests.list_repositories}),
    (re.compile(r"/v2/(.+)/tags/list"), {"GET": manifests.list_tags}),
    (re.compile(r"/v2/(.+)/referrers/([^/]+)"), {"GET": manifests.list_referrers}),
    (
        re.compile(r"/v2/(.+)/manifests/([^/]+)"),
        {"GET": manifests.fetch, "HEAD": manifests.fetch, "PUT": manifests.put, "DELETE": manifests.delete},
    ),
    (re.compile(r"/v2/(.+)/blobs/uploads/?"), {"POST": blobs.begin}),
    (
        re.compile(r"/v2/(.+)/blobs/uploads/([^/]+)"),
        {"PATCH": blobs.resume, "PUT": blobs.resume, "GET": blobs.resume, "DELETE": blobs.resume},
    ),
    (
        re.compile(r"/v2/(.+)/blobs/([^/]+)"),
        {"GET": blobs.fetch, "HEAD": blobs.fetch, "DELETE": blobs.delete},
    ),
)


def application(registry: Registry) -> App:
    """Serve /v2/ from `registry`."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            reply = await answer(registry, request)
        except Disconnected:
            return
        except Refusal as refusal:
            reply = refusal.reply
        except OSError as failure:
            full = of_disk(failure, str(registry.files.folder))
            if full is None:
                raise
            reply = full.reply
        await respond(send, reply, request.method != "HEAD")

    return serve


async def answer(registry: Registry, request: Request) -> Reply:
    """Return the reply to a request of the registry's API. Raises Refusal."""
    password = given_password(request)
    now = registry.now()
    if not password or not await registry.store.run(lambda db: tokens.good(db, password, now)):
        raise unauthorized(f"{request.scheme}://{request.headers.get('host', '')}")
    if request.path in ("/v2", "/v2/"):
        return json_reply({})
    for pattern, methods in _ROUTES:
        if matched := pattern.fullmatch(request.path):
            if request.method not in methods:
                raise Refusal(405, "UNSUPPORTED", f"{request.method} is not supported here")
            name, *rest = matched.groups() or ("",)
            if name and not _NAME.fullmatch(name):
                raise Refusal(400, "NAME_INVALID", f"{name!r} is no repository name: it must match {_NAME.pattern}")
            try:
                return await methods[request.method](registry, request, *((name, *rest) if name else ()))
            except AwsError as error:
                raise of_aws(error, name) from error
    raise Refusal(404, "UNSUPPORTED", f"{request.path} is no path of the registry's API")


def given_password(request: Request) -> str | None:
    """Return the password of Basic authentication as user AWS, or of a URL of GetDownloadUrlForLayer."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return request.argument("token")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if user == "AWS" else None


async def respond(send: Send, reply: Reply, with_body: bool) -> None:
    length = reply.body.length if isinstance(reply.body, Part) else len(reply.body)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
    headers.append((b"Docker-Distribution-Api-Version", b"registry/2.0"))
    if reply.status != 204:
        headers.append((b"Content-Length", str(length).encode()))
    if with_body and isinstance(reply.body, Part):
        file = await asyncio.to_thread(reply.body.path.open, "rb")
        try:
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await stream(send, file, reply.body)
        finally:
            file.close()
        return
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body if with_body else b""})


async def stream(send: Send, file: BinaryIO, part: Part) -> None:
    """Send a part of a file. Raises OSError if the file is shorter than it was."""
    left = part.length
    file.seek(part.start)
    while left:
        piece = await asyncio.to_thread(file.read, min(left, _READ_BYTES))
        if not piece:
            raise OSError(f"{part.path} is {left} bytes shorter than it was when it was pushed")
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
    if not part.length:
        await send({"type": "http.response.body", "body": b""})
