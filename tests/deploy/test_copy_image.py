"""Images from one registry to another one: two real ones, each with a login of its own."""

import hashlib
import json
from collections.abc import Iterator

import httpx2
import pytest
from tests.serving import served

from culm.deploy.build.host import HostBuilder
from culm.deploy.copy_image import RemoteRepository, copy, platforms_of
from culm.deploy.images import Images
from culm.errors import CulmError
from culm.project.load import load
from culm.target.connection import StaticCredentials, Target

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def ignore(_: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RemoteRepository, RemoteRepository]]:
    """A repository in each of two clusters."""
    folder = tmp_path_factory.mktemp("registries")
    (folder / "web").mkdir()
    (folder / "web/Dockerfile").write_text("FROM base\nEXPOSE 80\n")
    (folder / "culm.yml").write_text("name: bamboo\nservices: {web: }\n")
    settings = load(folder / "culm.yml").targets["local"]
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    with served(folder / "one") as one, served(folder / "two") as two:
        yield place(Target(settings, one, LOGIN)), place(Target(settings, two, LOGIN))


LOGIN = StaticCredentials(access_key="a", secret_key="b")


def place(target: Target) -> RemoteRepository:
    made = target.client("ecr").create_repository(repositoryName="bamboo/web")["repository"]
    user, password = Images(target, HostBuilder()).login()
    return RemoteRepository(uri=made["repositoryUri"], user=user, password=password, insecure=True)


def put(to: RemoteRepository, *blobs: bytes, architecture: str = "amd64") -> str:
    """Push an image of these layers: its manifest's digest."""
    config = json.dumps({"os": "linux", "architecture": architecture, "config": {}}).encode()
    listed = [{"mediaType": "application/x", "digest": digest(each), "size": len(each)} for each in (config, *blobs)]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": listed[0], "layers": listed[1:]}
    with httpx2.Client(base_url=f"http://{to.uri.partition('/')[0]}", auth=(to.user, to.password)) as client:
        for each in (config, *blobs):
            where = client.post("/v2/bamboo/web/blobs/uploads/").headers["Location"]
            client.put(where, params={"digest": digest(each)}, content=each).raise_for_status()
    return put_manifest(to, json.dumps(manifest).encode(), MANIFEST)


def put_manifest(to: RemoteRepository, body: bytes, media_type: str) -> str:
    with httpx2.Client(base_url=f"http://{to.uri.partition('/')[0]}", auth=(to.user, to.password)) as client:
        answer = client.put(
            f"/v2/bamboo/web/manifests/{digest(body)}", content=body, headers={"Content-Type": media_type}
        )
        answer.raise_for_status()
    return digest(body)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_copy_has_the_same_digest_and_what_is_there_is_not_sent_again(
    places: tuple[RemoteRepository, RemoteRepository],
) -> None:
    source, to = places
    image = put(source, b"layer of both", b"x" * 3_000_000)
    assert copy(source, image, to, ["one"], ignore) > 3_000_000
    assert copy(source, image, to, ["two"], ignore) == 0
    assert platforms_of(to, image) == ["linux/amd64"]
    another = put(source, b"layer of both", b"new")
    assert copy(source, another, to, ["three"], ignore) == len(b"new")


def test_an_index_is_copied_with_its_images(places: tuple[RemoteRepository, RemoteRepository]) -> None:
    source, to = places
    parts = [(name, put(source, name.encode(), architecture=name)) for name in ("amd64", "arm64")]
    listed = [
        {"mediaType": MANIFEST, "digest": part, "size": 1, "platform": {"os": "linux", "architecture": name}}
        for name, part in parts
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
    image = put_manifest(source, index, INDEX)
    copy(source, image, to, ["index"], ignore)
    assert platforms_of(to, image) == ["linux/amd64", "linux/arm64"]
    assert [platforms_of(to, part) for _, part in parts] == [["linux/amd64"], ["linux/arm64"]]


def test_an_image_that_is_gone_and_a_login_that_is_refused_are_named(
    places: tuple[RemoteRepository, RemoteRepository],
) -> None:
    source, to = places
    with pytest.raises(CulmError, match="is not in its repository any more"):
        copy(source, digest(b"nobody has pushed this"), to, ["x"], ignore)
    image = put(source, b"layer")
    stranger = RemoteRepository(uri=to.uri, user="AWS", password="wrong", insecure=True)
    with pytest.raises(CulmError, match=r"the registry refused .* with status 401"):
        copy(source, image, stranger, ["x"], ignore)


def test_a_registry_that_does_not_answer_is_named(places: tuple[RemoteRepository, RemoteRepository]) -> None:
    nowhere = RemoteRepository(uri="127.0.0.1:1/bamboo/web", user="AWS", password="x", insecure=True)
    with pytest.raises(CulmError, match=r"the registry 127\.0\.0\.1:1 does not answer"):
        copy(nowhere, digest(b""), places[1], ["x"], ignore)
