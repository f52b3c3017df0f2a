"""Users who sign in at the load balancer: a real HAProxy, a real provider over HTTP, a browser's cookies."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from tests.traffic import a_rule, a_web, eventually, forward, free_port, serving

from culm.cluster.balancer import sessions
from culm.cluster.balancer.balancer import Balancer
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.sign_in import Authenticator, PublicKeys
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store
from culm.cluster.store.elbv2 import listeners, load_balancers, rules, target_groups, targets
from culm.cluster.store.sealing import Sealer
from culm.core.model.load_balancers import Action, AuthenticateOidcConfig, Listener, LoadBalancer, TargetGroup

CLIENT, SECRET = "shop", "hush & hush"


class Provider:
    """An OpenID Connect provider whose only user has signed in already."""

    def __init__(self) -> None:
        self.port = 0
        self.codes: dict[str, str] = {}
        self.claims: dict[str, Any] = {"sub": "jo|1 ä", "email": "jo@example.com"}
        self.audience = CLIENT
        self.token_status = 200

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
        body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        status, more, text = self._answer(urlsplit(line.split(" ")[1]), headers, parse_qs(body))
        writer.write(
            f"HTTP/1.1 {status} Said\r\n{more}Content-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode()
        )
        await writer.drain()

    def _answer(self, url: Any, headers: dict[str, str], form: dict[str, list[str]]) -> tuple[int, str, str]:
        if url.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            assert (query["client_id"], query["response_type"], query["prompt"]) == (CLIENT, "code", "login")
            code = secrets.token_hex(4)
            self.codes[code] = query["redirect_uri"]
            back = urlencode({"code": code, "state": query["state"]})
            return 302, f"Location: {query['redirect_uri']}?{back}\r\n", ""
        if url.path == "/token":
            given = [form.get(name, [""])[0] for name in ("client_id", "client_secret", "grant_type", "redirect_uri")]
            if self.codes.pop(form.get("code", [""])[0], None) != given[3] or self.token_status != 200:
                return self.token_status if self.token_status != 200 else 400, "", '{"error": "invalid_grant"}'
            assert given[:3] == [CLIENT, SECRET, "authorization_code"]
            claims = {"iss": self.issuer, "aud": self.audience, "sub": self.claims["sub"]}
            body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
            return 200, "", json.dumps({"access_token": "at~" + "x" * 3000, "id_token": f"e30.{body}.sig"})
        assert headers["authorization"].startswith("Bearer at~")
        return 200, "", json.dumps(self.claims)


class Browser:
    """Keeps cookies, also those that are for HTTPS alone, and follows redirects when it is told to."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    async def get(self, url: str, **headers: str) -> Any:
        own = urlsplit(url).port == self.port
        cookie = {"cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())} if own and self.cookies else {}
        async with httpx2.AsyncClient() as client:
            response = await client.get(url, headers={**cookie, **headers})
        for header in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(header).items():
                assert morsel["httponly"] and morsel["secure"]
                self.cookies[name] = morsel.value
        return response

    async def follow(self, url: str) -> Any:
        response = await self.get(url)
        for _ in range(5):
            if response.status_code != 302:
                break
            response = await self.get(response.headers["location"])
        return response


class World:
    def __init__(self, store: Store, provider: Provider, browser: Browser, base: str) -> None:
        self.store, self.provider, self.browser, self.base = store, provider, browser, base
        self.changed = Signal()

    def rule(self, **settings: Any) -> Any:
        config = AuthenticateOidcConfig(
            issuer=self.provider.issuer,
            authorization_endpoint=f"{self.provider.issuer}/authorize",
            token_endpoint=f"{self.provider.issuer}/token",
            user_info_endpoint=f"{self.provider.issuer}/userinfo",
            client_id=CLIENT,
            client_secret=SECRET,
            authentication_request_extra_params={"prompt": "login"},
        )
        first = Action(type="authenticate-oidc", order=1, authenticate_oidc_config=replace(config, **settings))
        rule = a_rule(None, action=replace(forward("group"), order=2))
        return replace(rule, actions=(first, *rule.actions))

    async def wish(self, **settings: Any) -> None:
        await self.store.run(lambda db: rules.save(db, self.rule(**settings)))
        self.changed.set()


@asynccontextmanager
async def running(world: World, plane: HaproxyPlane, authenticator: Authenticator) -> AsyncIterator[None]:
    balancer = Balancer(
        world.store, plane, address_of=lambda db, id: "127.0.0.1", changed=world.changed, now=lambda: 1000.0
    )
    balancer.authenticator = authenticator
    task = asyncio.create_task(balancer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await authenticator.close()
        await plane.stop()


@pytest.fixture
async def world(tmp_path: Any) -> AsyncIterator[World]:
    store, provider, port = Store(":memory:", Sealer.fresh()), Provider(), free_port()
    made = World(store, provider, Browser(port), f"http://127.0.0.1:{port}")
    plane = HaproxyPlane(tmp_path / "lb")
    import time

    async with serving(provider.answer) as provider.port, a_web() as web:

        def make(db: Any) -> None:
            group = TargetGroup(target_group_arn="group", target_group_name="web", port=80)
            load_balancers.save(db, LoadBalancer(load_balancer_arn="lb", load_balancer_name="lb", created_time=0.0))
            listeners.save(db, Listener(listener_arn="listener", load_balancer_arn="lb", port=port))
            target_groups.save(db, group)
            rules.save(db, made.rule())
            targets.register(db, "group", id="i-1", port=web.target.port, now=1000.0)

        await store.run(make)
        async with running(made, plane, Authenticator(store, plane.folder, time.time)):

            async def healthy() -> bool:
                return [t.state for t in await store.run(lambda db: targets.in_group(db, "group"))] == ["healthy"]

            await eventually(healthy, 10)
            yield made
    store.close()


def told(response: Any) -> dict[str, str]:
    """The headers that the target got, by their names in lower case."""
    return {name.lower(): value for name, value in response.json()["headers"]}


async def test_a_user_signs_in_once_and_the_target_is_told_who_it_is(world: World) -> None:
    response = await world.browser.follow(f"{world.base}/cart?item=7")
    assert response.status_code == 200 and response.json()["line"].startswith("GET /cart?item=7 ")
    headers = told(response)
    assert headers["x-amzn-oidc-identity"].encode("latin-1").decode() == "jo|1 ä"
    assert headers["x-amzn-oidc-accesstoken"] == "at~" + "x" * 3000

    first, body, signature = headers["x-amzn-oidc-data"].split(".")
    header = json.loads(base64.urlsafe_b64decode(first))
    claims = json.loads(base64.urlsafe_b64decode(body))
    assert (header["alg"], header["client"], header["signer"]) == ("ES256", CLIENT, "lb")
    assert (claims["sub"], claims["email"], claims["iss"]) == ("jo|1 ä", "jo@example.com", world.provider.issuer)
    key = serialization.load_pem_public_key(await public_key(world.store, header["kid"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    raw = base64.urlsafe_b64decode(signature)
    both = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(both, f"{first}.{body}".encode(), ec.ECDSA(hashes.SHA256()))

    again = await world.browser.get(f"{world.base}/cart")
    assert again.status_code == 200 and told(again)["x-amzn-oidc-identity"] == headers["x-amzn-oidc-identity"]
    assert "AWSELBAuthSessionCookie-1" in world.browser.cookies, "a long session is in several cookies"


async def public_key(store: Store, kid: str) -> bytes:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    await PublicKeys(store)({"type": "http", "path": f"{sessions.PUBLIC_KEYS}{kid}"}, receive, send)
    assert sent[0]["status"] == 200
    return bytes(sent[1]["body"])


async def test_what_a_client_says_of_itself_is_not_passed_on(world: World) -> None:
    await world.wish(on_unauthenticated_request="allow")

    async def passes() -> bool:
        return bool((await world.browser.get(f"{world.base}/")).status_code == 200)

    await eventually(passes, 10)
    response = await world.browser.get(f"{world.base}/", **{"x-amzn-oidc-identity": "root"})
    assert "x-amzn-oidc-identity" not in told(response)


async def test_a_rule_that_denies_answers_401(world: World) -> None:
    await world.wish(on_unauthenticated_request="deny")

    async def denies() -> bool:
        return bool((await world.browser.get(f"{world.base}/")).status_code == 401)

    await eventually(denies, 10)


async def test_another_browser_cannot_finish_a_sign_in(world: World) -> None:
    sent = await world.browser.get(f"{world.base}/cart")
    back = (await world.browser.get(sent.headers["location"])).headers["location"]
    other = Browser(world.browser.port)
    assert (await other.get(back)).status_code == 401
    assert (await other.get(f"{world.base}/oauth2/idpresponse?code=1&state=x")).status_code == 401
    assert not [name for name in other.cookies if name.startswith("AWSELB")]
    assert (await world.browser.get(back)).status_code == 302


@pytest.mark.parametrize(("wrong", "status"), [("token", 561), ("audience", 561), ("user", 561), ("gone", 500)])
async def test_a_provider_that_fails_is_told_by_the_status(world: World, wrong: str, status: int) -> None:
    sent = await world.browser.get(f"{world.base}/cart")
    back = (await world.browser.get(sent.headers["location"])).headers["location"]
    match wrong:
        case "token":
            world.provider.token_status = 503
        case "audience":
            world.provider.audience = "another"
        case "user":
            world.provider.claims = {"email": "x"}
            world.provider.claims["sub"] = ""
        case "gone":
            await world.wish(token_endpoint=f"http://127.0.0.1:{free_port()}/token")
    response = await world.browser.get(back)
    assert response.status_code == status, response.text


async def test_a_provider_that_refuses_the_user_is_561(world: World) -> None:
    sent = await world.browser.get(f"{world.base}/cart")
    state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
    back = urlencode({"error": "access_denied", "state": state})
    response = await world.browser.get(f"{world.base}/oauth2/idpresponse?{back}")
    assert response.status_code == 561 and "access_denied" in response.text
