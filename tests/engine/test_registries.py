"""Logins to registries are docker's own: of its config.json, or of a credential helper."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.engine.servers import on_socket

from culm.engine.client import Engine
from culm.engine.endpoint import parse
from culm.engine.images import split_registry
from culm.engine.registries import EngineLogin, login_to
from culm.errors import CulmError

HELPER = """#!{python}
import json, sys
known = {known!r}
server = sys.stdin.read().strip()
if sys.argv[1] != "get":
    sys.exit(9)
if server not in known:
    print("credentials not found in native keychain")
    sys.exit(1)
user, secret = known[server]
print(json.dumps({{"ServerURL": server, "Username": user, "Secret": secret}}))
"""


def configure(home: Path, **settings: Any) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps(settings))


def install_helper(home: Path, monkeypatch: pytest.MonkeyPatch, name: str, known: dict[str, tuple[str, str]]) -> None:
    """A program `docker-credential-<name>` on the PATH that knows these logins."""
    (home / "bin").mkdir(exist_ok=True)
    program = home / "bin" / f"docker-credential-{name}"
    program.write_text(HELPER.format(python=sys.executable, known=known))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(home / "bin"))


def basic(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("key", ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/"])
def test_a_login_of_the_file_is_found_by_host_or_url(home: Path, key: str):
    configure(home, auths={key: basic("me", "p:w")})
    assert login_to("ghcr.io") == EngineLogin(server="ghcr.io", user="me", password="p:w")
    assert login_to("quay.io") is None


def test_docker_hub_goes_by_its_old_address(home: Path):
    configure(home, auths={"https://index.docker.io/v1/": basic("me", "pw")})
    assert login_to("docker.io") == EngineLogin(server="https://index.docker.io/v1/", user="me", password="pw")


def test_an_identity_token_stands_for_user_and_password(home: Path):
    configure(home, auths={"r.example": {"identitytoken": "t"}})
    login = login_to("r.example")
    assert login is not None and login.fields() == {"identitytoken": "t", "serveraddress": "r.example"}


def test_the_helper_of_a_registry_comes_before_the_store(home: Path, monkeypatch: pytest.MonkeyPatch):
    install_helper(home, monkeypatch, "ecr-login", {"1.dkr.ecr.eu-west-1.amazonaws.com": ("AWS", "token")})
    install_helper(
        home, monkeypatch, "desktop", {"https://index.docker.io/v1/": ("hub", "pw"), "q.io": ("<token>", "t")}
    )
    configure(
        home, credsStore="desktop", credHelpers={"1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"}, auths={"q.io": {}}
    )
    assert login_to("1.dkr.ecr.eu-west-1.amazonaws.com") == EngineLogin(
        server="1.dkr.ecr.eu-west-1.amazonaws.com", user="AWS", password="token"
    )
    assert login_to("docker.io") == EngineLogin(server="https://index.docker.io/v1/", user="hub", password="pw")
    assert login_to("q.io") == EngineLogin(server="q.io", identity_token="t")
    assert login_to("unknown.example") is None


def test_a_helper_that_is_not_installed_is_named(home: Path, monkeypatch: pytest.MonkeyPatch):
    configure(home, credsStore="desktop")
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(CulmError, match="docker-credential-desktop, which is not on the PATH"):
        login_to("docker.io")


@pytest.mark.parametrize("broken", ['{"auths": 7}', "not json", '{"auths": {"r.example": {"auth": "%%%"}}}', "[]"])
def test_a_broken_file_is_no_login(home: Path, broken: str):
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(broken)
    assert login_to("r.example") is None


def test_a_pull_carries_the_login_of_its_registry_alone(home: Path):
    configure(home, auths={"r.example": basic("me", "pw"), "other.example": basic("not", "this")})
    with on_socket(home / "e.sock") as server:
        server.answers["/images/create"] = (200, {"status": "done"})
        engine = Engine(parse(f"unix://{home}/e.sock", None, "a test"))
        assert engine.pull("r.example/team/app:1") is None
        assert engine.pull("nginx") is None
        sent = [headers.get("x-registry-auth") for _, headers in server.requests]
    assert json.loads(base64.urlsafe_b64decode(sent[0] or "")) == {
        "username": "me",
        "password": "pw",
        "serveraddress": "r.example",
    }
    assert sent[1] is None


def test_a_pull_that_fails_says_which_helper_could_not_be_asked(home: Path, monkeypatch: pytest.MonkeyPatch):
    configure(home, credsStore="desktop")
    monkeypatch.setenv("PATH", str(home))
    with on_socket(home / "e.sock") as server:
        server.answers["/images/create"] = (404, {"message": "pull access denied"})
        problem = Engine(parse(f"unix://{home}/e.sock", None, "a test")).pull("team/private")
    assert problem is not None and problem.startswith(
        "pull access denied; docker's config.json names docker-credential"
    )


def test_a_build_carries_the_logins_of_the_images_that_it_begins_with(home: Path):
    configure(home, auths={"r.example:5000": basic("me", "pw"), "other.example": basic("not", "this")})
    with on_socket(home / "e.sock") as server:
        server.answers["/build"] = (200, {"stream": "Step 1/1 : FROM x\n"})
        engine = Engine(parse(f"unix://{home}/e.sock", None, "a test"))
        assert list(engine.build(iter([b"tar"]), {"t": "x"}, ["r.example:5000/base:1", "python:3.12"])) == [
            "Step 1/1 : FROM x"
        ]
        header = server.headers_of("/build")["x-registry-config"]
    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "r.example:5000": {"username": "me", "password": "pw", "serveraddress": "r.example:5000"}
    }


@pytest.mark.parametrize(
    ("name", "registry", "repository"),
    [
        ("nginx", "docker.io", "library/nginx"),
        ("nginx:1.25", "docker.io", "library/nginx:1.25"),
        ("team/app", "docker.io", "team/app"),
        ("docker.io/nginx", "docker.io", "library/nginx"),
        ("index.docker.io/team/app", "docker.io", "team/app"),
        ("localhost/app", "localhost", "app"),
        ("localhost:5000/app", "localhost:5000", "app"),
        ("ghcr.io/a/b/c", "ghcr.io", "a/b/c"),
    ],
)
def test_a_name_without_a_host_is_docker_hubs(name: str, registry: str, repository: str):
    assert split_registry(name) == (registry, repository)
