"""Signs users in at rules with an `authenticate-oidc` action, as a client of their OpenID Connect provider.

HAProxy judges every request by itself, and sends here only those of users who have no session:

    browser  --> HAProxy --no session--> here:    302 to the provider, with a sealed `state` and a cookie with its nonce
    provider --> browser --> HAProxy --/oauth2/idpresponse--> here:
                              code --> token endpoint; access token --> user info endpoint
                              302 to where the user wanted to go, with the session in cookies
    browser  --> HAProxy --session--> the target, with x-amzn-oidc-identity, -accesstoken and -data

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
"""

import asyncio
import base64
import json
import logging
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from culm.cluster.balancer import sessions
from culm.cluster.balancer.haproxy.console import short_path
from culm.cluster.balancer.sessions import CALLBACK, COOKIE_BYTES, COOKIES, RULE_HEADER, SOCKET
from culm.cluster.store.db import Store
from culm.cluster.store.elbv2 import listeners, rules, sign_ins
from culm.cluster.wire.asgi import Receive, Scope, Send
from culm.core.model.load_balancers import AuthenticateOidcConfig, Rule
from culm.core.model.record import record
from culm.core.model.sign_ins import SignInKeys

log = logging.getLogger(__name__)

NONCE_COOKIE = "AWSALBAuthNonce"
STATE_SECONDS = 900
"""How long a user may take at the provider."""
HEAD_BYTES = 1 << 17
PROVIDER_SECONDS = 10.0


def claims(scope: Scope) -> bool:
    """Return whether a request is for a public key; anybody may ask."""
    return bool(scope["type"] == "http" and str(scope["path"]).startswith(sessions.PUBLIC_KEYS))


class PublicKeys:
    """The keys by which targets verify `x-amzn-oidc-data`, as PEM under the token's `kid`; an ASGI application."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kid = str(scope["path"]).removeprefix(sessions.PUBLIC_KEYS)
        keys = await self._store.run(lambda db: sign_ins.of_kid(db, kid))
        body = keys.public_key.encode() if keys else b"no such key\n"
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if keys else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class SignInRefused(Exception):
    """A status, and why, in the words of `Troubleshoot your Application Load Balancers`."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@record
class SignInState:
    """What comes back with a user from the provider."""

    nonce: str
    url: str
    until: float


class Authenticator:
    """Answers for users without a session, at a unix socket in the load balancer's `folder`."""

    def __init__(self, store: Store, folder: Path, now: Callable[[], float]) -> None:
        self._store = store
        self._folder = folder
        self._now = now
        self._server: asyncio.Server | None = None

    async def serve(self) -> None:
        """Listen, if it does not yet: when the first rule asks for users."""
        if self._server is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / SOCKET
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        with short_path(path) as short:
            listening.bind(short)
        self._server = await asyncio.start_unix_server(self._take, sock=listening, limit=HEAD_BYTES)

    async def close(self) -> None:
        """Listen no more. The socket's file stays: the next daemon takes its place."""
        if self._server is not None:
            self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close its connection."""
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                head = await reader.readuntil(b"\r\n\r\n")
                try:
                    answer = await self._answer(head)
                except SignInRefused as why:
                    log.warning("sign-in: %s", why)
                    answer = response(why.status, (), f"{why}\n")
                except Exception:
                    log.exception("a sign-in failed")
                    answer = response(500, (), "the sign-in failed; the cluster's log says why\n")
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    async def _answer(self, head: bytes) -> bytes:
        line, *fields = head[:-4].decode("latin-1").split("\r\n")
        target = line.split(" ")[1]
        headers = {name.strip().lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
        origin = f"{headers.get('x-forwarded-proto', 'https')}://{headers.get('host', '')}"
        if urlsplit(target).path == CALLBACK:
            return await self._signed_in(origin, parse_qs(urlsplit(target).query), headers)
        return await self._sent_away(headers.get(RULE_HEADER, ""), origin, target)

    async def _sent_away(self, rule_arn: str, origin: str, target: str) -> bytes:
        """Send a browser to the provider."""
        rule, keys = await self._known(lambda db: sign_ins.find(db, rule_arn))
        config = sessions.oidc(rule)
        assert config is not None
        state = SignInState(nonce=secrets.token_urlsafe(24), url=f"{origin}{target}", until=self._now() + STATE_SECONDS)
        sealed_state = sessions.sealed(msgspec.json.encode(state).decode(), keys.secrets.session_key)
        query = {
            **config.authentication_request_extra_params,
            "client_id": config.client_id,
            "redirect_uri": f"{origin}{CALLBACK}",
            "response_type": "code",
            "scope": config.scope,
            "state": f"{keys.kid}.{sealed_state}",
        }
        joint = "&" if urlsplit(config.authorization_endpoint).query else "?"
        cookie = f"{NONCE_COOKIE}={state.nonce}; Max-Age={STATE_SECONDS}; Path=/; Secure; HttpOnly"
        return response(302, (("Location", f"{config.authorization_endpoint}{joint}{urlencode(query)}"),
                              ("Set-Cookie", cookie)))  # fmt: skip

    async def _signed_in(self, origin: str, query: Mapping[str, list[str]], headers: Mapping[str, str]) -> bytes:
        """Take a browser that comes back: begin its session, and send it where its user wanted to go."""
        kid, _, sealed_state = query.get("state", [""])[0].partition(".")
        rule, keys = await self._known(lambda db: sign_ins.of_kid(db, kid))
        config, text = sessions.oidc(rule), sessions.opened(sealed_state, keys.secrets.session_key)
        if config is None or text is None:
            raise SignInRefused(401, "the state is not one of this load balancer's")
        state = msgspec.json.decode(text, type=SignInState)
        cookies = dict(pair.strip().partition("=")[::2] for pair in headers.get("cookie", "").split(";"))
        if not secrets.compare_digest(cookies.get(NONCE_COOKIE, "").encode(), state.nonce.encode()):
            raise SignInRefused(401, "the state is of another browser; cookies must be allowed")
        if state.until < self._now():
            raise SignInRefused(401, "the sign-in took longer than 15 minutes; go to the page again")
        if "error" in query or "code" not in query:
            raise SignInRefused(561, f"the identity provider answered with {query.get('error', ['no code'])[0]!r}")
        claims, access_token = await exchanged(config, keys.secrets.client_secret, query["code"][0], origin)
        judged = sessions.sign_in(rule, keys)
        assert judged is not None
        ends = self._now() + config.session_timeout
        signer = await self._store.run(lambda db: _load_balancer(db, rule))
        value = sessions.session(judged, ends, claims, access_token, sessions.token(keys, config, signer, ends, claims))
        pieces = [value[at : at + COOKIE_BYTES] for at in range(0, len(value), COOKIE_BYTES)]
        if len(pieces) > COOKIES:
            raise SignInRefused(500, f"the user's claims and access token do not fit into {COOKIES} cookies")
        kept = (
            ("Set-Cookie", f"{judged.cookie}-{number}={piece}; Max-Age={config.session_timeout}; {FLAGS}")
            for number, piece in enumerate(pieces)
        )
        gone = ("Set-Cookie", f"{NONCE_COOKIE}=; Max-Age=0; {FLAGS}")
        return response(302, (("Location", state.url), *kept, gone))

    async def _known(self, find: Callable[[Any], SignInKeys | None]) -> tuple[Rule, SignInKeys]:
        def look(db: Any) -> tuple[Rule | None, SignInKeys | None]:
            keys = find(db)
            return rules.find(db, keys.rule_arn) if keys else None, keys

        rule, keys = await self._store.run(look)
        if rule is None or keys is None:
            raise SignInRefused(401, "no rule of this load balancer asked for this sign-in")
        return rule, keys


FLAGS = "Path=/; Secure; HttpOnly"
REASONS = {302: "Found", 401: "Unauthorized", 500: "Internal Server Error", 561: "Unauthorized"}


def _load_balancer(db: Any, rule: Rule) -> str:
    listener = listeners.find(db, rule.listener_arn)
    return listener.load_balancer_arn if listener else ""


async def exchanged(
    config: AuthenticateOidcConfig, client_secret: str, code: str, origin: str
) -> tuple[dict[str, Any], str]:
    """Return the user's claims and an access token for a code. Raises `SignInRefused`.

    The issuer that an ID token names must be the configured one, and its audience the client; its signature needs no
    look, as it came from the token endpoint itself:
    https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
    """
    import httpx2

    from culm.cluster.outgoing import refuse_link_local

    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": config.client_id,
        "client_secret": client_secret,
        "redirect_uri": f"{origin}{CALLBACK}",
    }
    try:
        async with httpx2.AsyncClient(
            timeout=PROVIDER_SECONDS, trust_env=False, event_hooks={"request": [refuse_link_local]}
        ) as client:
            answer = await client.post(config.token_endpoint, data=form, headers={"Accept": "application/json"})
            tokens = _object(answer, "token endpoint")
            access_token = tokens.get("access_token")
            if not isinstance(access_token, str) or not access_token or "|" in access_token:
                raise SignInRefused(561, "the token endpoint gave no access token")
            _check_id_token(config, tokens.get("id_token"))
            bearer = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
            claims = _object(await client.get(config.user_info_endpoint, headers=bearer), "user info endpoint")
    except httpx2.HTTPError as error:
        raise SignInRefused(500, f"the identity provider cannot be reached: {error}") from error
    if not claims.get("sub"):
        raise SignInRefused(561, "the user info endpoint names no user (sub)")
    return claims, access_token


def _check_id_token(config: AuthenticateOidcConfig, id_token: Any) -> None:
    try:
        body = str(id_token).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        issuer = claims["iss"]
    except (IndexError, KeyError, TypeError, ValueError):
        raise SignInRefused(561, "the token endpoint gave no ID token") from None
    if issuer != config.issuer:
        raise SignInRefused(561, f"the ID token is from {issuer}, and the rule's issuer is {config.issuer}")
    if config.client_id not in audience:
        raise SignInRefused(561, "the ID token is for another client")


def _object(answer: Any, whose: str) -> dict[str, Any]:
    if answer.status_code != 200:
        raise SignInRefused(561, f"the {whose} answered with {answer.status_code}")
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise SignInRefused(561, f"the {whose} answered with no JSON object")
    return body


def response(status: int, headers: Any, text: str = "") -> bytes:
    """Return a whole HTTP response, after which the connection closes."""
    body = text.encode()
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Server: awselb/2.0", "Cache-Control: no-store"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += ["Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + body
