"""Which base image a build stands on: the same answer on every machine."""

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.serving import served

from culm.deploy.build.bases import Bases, content_of
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.port import Recipe
from culm.deploy.images import Images
from culm.engine.client import Engine
from culm.engine.endpoint import parse as endpoint_of
from culm.project.project import TargetSettings
from culm.target.connection import StaticCredentials, Target

AMD, ARM = "linux/amd64", "linux/arm64"
SETTINGS = TargetSettings(
    name="local", provider="local", instances=(), env="local", region=None, profile=None, endpoint_url=None, port=None
)
CONFIG = {"Env": ["PATH=/usr/local/bin", "LANG=C.UTF-8"], "Cmd": ["python3"], "Hostname": "", "Image": "sha256:0"}


class Served:
    """A Docker engine's API with the images that a test gives it; or nothing, once it is gone."""

    def __init__(self, folder: Path) -> None:
        self.images: dict[str, dict[str, Any]] = {}
        served_images = self.images

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/images/").removesuffix("/json")
                facts = served_images.get(name)
                body = json.dumps(facts or {"message": "no such image"}).encode()
                self.send_response(200 if facts else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        self.engine = Engine(endpoint_of(f"tcp://127.0.0.1:{self.server.server_port}", None, "a test"))

    def has(self, image: str, layers: list[str], *, pulled: bool, architecture: str = "amd64") -> None:
        self.images[image] = {
            "Id": f"sha256:{len(self.images):064}",
            "Os": "linux",
            "Architecture": architecture,
            "RootFS": {"Type": "layers", "Layers": layers},
            "Config": {**CONFIG, "Hostname": "of this engine", "Tty": False},
            "RepoDigests": [f"{image}@sha256:0"] if pulled else [],
        }

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Registry:
    """Base images in the cluster's own registry, pushed as a team would."""

    def __init__(self, endpoint: str) -> None:
        target = Target(SETTINGS, endpoint, StaticCredentials(access_key="a", secret_key="b"))
        made = target.client("ecr").create_repository(repositoryName="base")["repository"]
        user, password = Images(target, DockerBuilder(Engine())).login()
        self.auth = (user, password)
        self.name = str(made["repositoryUri"])
        self.host = self.name.partition("/")[0]
        self.http = httpx2.Client(base_url=f"http://{self.host}", auth=self.auth, trust_env=False)

    def push(self, tag: str, layers: dict[str, list[str]]) -> str:
        """An index with a manifest for each platform; its digest. `layers`: by platform, the diff ids."""
        entries = [self.manifest(platform, ids) for platform, ids in layers.items()]
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": entries,
        }
        return self.put(tag, index)["digest"]

    def manifest(self, platform: str, ids: list[str]) -> dict[str, Any]:
        system, _, architecture = platform.partition("/")
        configuration = {
            "os": system,
            "architecture": architecture,
            "config": CONFIG,
            "rootfs": {"type": "layers", "diff_ids": ids},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.blob(json.dumps(configuration).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [self.blob(i.encode(), "application/vnd.oci.image.layer.v1.tar") for i in ids],
        }
        digest = f"sha256:{hashlib.sha256(json.dumps(manifest).encode()).hexdigest()}"
        put = self.put(digest, manifest)
        return {**put, "platform": {"os": system, "architecture": architecture}}

    def put(self, version: str, value: dict[str, Any]) -> dict[str, Any]:
        raw = json.dumps(value).encode()
        headers = {"Content-Type": value["mediaType"]}
        answer = self.http.put(f"/v2/base/manifests/{version}", content=raw, headers=headers)
        assert answer.status_code == 201, answer.text
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        return {"mediaType": value["mediaType"], "digest": digest, "size": len(raw)}

    def blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        begun = self.http.post("/v2/base/blobs/uploads/")
        self.http.put(begun.headers["Location"], params={"digest": digest}, content=data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    (tmp_path / "served").mkdir()
    with served(tmp_path / "served") as endpoint:
        made = Registry(endpoint)
        docker = tmp_path / "docker"
        docker.mkdir()
        auth = base64.b64encode(":".join(made.auth).encode()).decode()
        (docker / "config.json").write_text(json.dumps({"auths": {made.host: {"auth": auth}}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(docker))
        with contextlib.closing(made.http):
            yield made


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.close()


@pytest.fixture
def nobody(tmp_path: Path) -> Engine:
    return Engine(endpoint_of(f"unix://{tmp_path}/none.sock", None, "a test"))


def content(layers: list[str], platform: str = AMD) -> str:
    return content_of(layers, CONFIG, platform).identity


def test_the_registry_says_it_whatever_the_engine_has(
    registry: Registry, machine: Served, nobody: Engine, tmp_path: Path
) -> None:
    registry.push("3.12", {AMD: ["sha256:a"], ARM: ["sha256:b"]})
    image = f"{registry.name}:3.12"
    machine.has(image, ["sha256:older"], pulled=True)
    for number, engine in enumerate((machine.engine, nobody)):
        bases = Bases(engine, tmp_path / f"{number}.json")
        assert bases.identity(image, AMD) == content(["sha256:a"])
        assert bases.identity(image, ARM) == content(["sha256:b"])
    assert Bases(machine.engine, tmp_path / "0.json").differs(image, AMD)


def test_an_image_that_only_the_engine_has_is_known_by_its_content(machine: Served, tmp_path: Path) -> None:
    machine.has("team-base:1", ["sha256:x"], pulled=False)
    bases = Bases(machine.engine, tmp_path / "bases.json")
    assert bases.identity("team-base:1", AMD) == content(["sha256:x"])
    assert not bases.differs("team-base:1", AMD)


def test_a_digest_says_it_all(nobody: Engine, tmp_path: Path) -> None:
    assert Bases(nobody, tmp_path / "bases.json").identity("python@sha256:abc", AMD) == "sha256:abc"


def test_a_moved_name_is_another_base_after_an_hour_and_the_last_answer_serves_when_the_registry_is_gone(
    registry: Registry, nobody: Engine, tmp_path: Path
) -> None:
    now = [1000.0]
    image = f"{registry.name}:3.12"

    def asked() -> str:
        return Bases(nobody, tmp_path / "bases.json", lambda: now[0]).identity(image, AMD)

    registry.push("3.12", {AMD: ["sha256:a"]})
    assert asked() == content(["sha256:a"])
    registry.push("3.12", {AMD: ["sha256:b"]})
    now[0] += 3000
    assert asked() == content(["sha256:a"])
    now[0] += 1000
    assert asked() == content(["sha256:b"])
    registry.http.delete("/v2/base/manifests/3.12")
    now[0] += 5000
    assert asked() == content(["sha256:b"])


def test_without_a_login_the_engine_is_asked_and_the_registry_left_alone_for_a_while(
    registry: Registry, machine: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "empty"))
    registry.push("3.12", {AMD: ["sha256:a"]})
    image = f"{registry.name}:3.12"
    machine.has(image, ["sha256:mine"], pulled=True)
    assert Bases(machine.engine, tmp_path / "bases.json", lambda: 5.0).identity(image, AMD) == content(["sha256:mine"])
    assert list(json.loads((tmp_path / "bases.json").read_text())["silent"]) == [image]


def test_a_damaged_memory_is_begun_anew(registry: Registry, nobody: Engine, tmp_path: Path) -> None:
    registry.push("3.12", {AMD: ["sha256:a"]})
    (tmp_path / "bases.json").write_text("[1]")
    assert Bases(nobody, tmp_path / "bases.json").identity(f"{registry.name}:3.12", AMD) == content(["sha256:a"])


def test_two_machines_give_the_same_commit_the_same_tag(
    registry: Registry, machine: Served, nobody: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.push("3.12", {AMD: ["sha256:a"], ARM: ["sha256:b"]})
    image = f"{registry.name}:3.12"
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {image}\nCOPY . /srv\n")
    machine.has(image, ["sha256:of-last-week"], pulled=True, architecture="arm64")
    tags = set()
    for number, engine in enumerate((machine.engine, nobody)):
        monkeypatch.setenv("CULM_HOME", str(tmp_path / f"home{number}"))
        for architecture in (AMD, ARM):
            recipe = Recipe(folder=folder, dockerfile=folder / "Dockerfile", args={}, platform=architecture)
            tags.add((architecture, DockerBuilder(engine).fingerprint(recipe)))
    assert len(tags) == 2


def tokens(realm: str) -> str:
    return f'Bearer realm="{realm}",service="registry"'


def test_a_registry_with_a_token_server_is_asked_with_its_token(
    tmp_path: Path, nobody: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = json.dumps({"config": CONFIG, "rootfs": {"diff_ids": ["sha256:t"]}}).encode()
    digest = f"sha256:{hashlib.sha256(configuration).hexdigest()}"
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": digest}, "layers": []}).encode()
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            host = self.headers["Host"]
            if self.path.startswith("/token"):
                return self.reply(200, json.dumps({"token": "open"}).encode())
            if self.headers.get("Authorization") != "Bearer open":
                return self.reply(401, b"", tokens(f"http://{host}/token"))
            return self.reply(200, manifest if "/manifests/" in self.path else configuration)

        def reply(self, status: int, body: bytes, challenge: str = "") -> None:
            self.send_response(status)
            if challenge:
                self.send_header("WWW-Authenticate", challenge)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "empty"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        image = f"127.0.0.1:{server.server_port}/team/base:1"
        assert Bases(nobody, tmp_path / "bases.json").identity(image, AMD) == content(["sha256:t"])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert asked[1] == "/token?service=registry&scope=repository%3Ateam%2Fbase%3Apull"
