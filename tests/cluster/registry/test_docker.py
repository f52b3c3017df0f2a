"""The real Docker against the real server: what it pushes, it can pull."""

import base64
import io
import subprocess
import tarfile
from pathlib import Path

import boto3
import pytest
from tests.serving import served

pytestmark = pytest.mark.docker


class Docker:
    """The docker command with a configuration of its own, and a small image to push."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.host = endpoint.removeprefix("http://")
        self.ecr = boto3.client("ecr", endpoint_url=endpoint, region_name="us-east-1", **KEYS)

    def run(self, *arguments: str, input: bytes | None = None) -> str:
        command = ["docker", "--config", str(self.folder / "docker"), *arguments]
        done = subprocess.run(command, input=input, capture_output=True, timeout=60)
        if done.returncode:
            raise DockerFailed(done.stderr.decode())
        return done.stdout.decode().strip()

    def log_in(self, password: str) -> None:
        self.run("login", "--username", "AWS", "--password-stdin", self.host, input=password.encode())

    def password(self) -> str:
        (data,) = self.ecr.get_authorization_token()["authorizationData"]
        return base64.b64decode(data["authorizationToken"]).decode().removeprefix("AWS:")

    def image(self, name: str, content: bytes) -> str:
        """The id of an image of one file."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo("file")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        return self.run("import", "-", f"{self.host}/{name}", input=packed.getvalue())


class DockerFailed(Exception):
    pass


KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}


@pytest.fixture
def docker(tmp_path):
    with served(tmp_path) as endpoint:
        docker = Docker(tmp_path, endpoint)
        docker.ecr.create_repository(repositoryName="web")
        yield docker
        for image in docker.run("image", "ls", "--quiet", f"{docker.host}/*").splitlines():
            docker.run("rmi", "--force", image)


def test_what_is_pushed_is_pulled(docker):
    docker.log_in(docker.password())
    id = docker.image("web:v1", b"layer" * 1_000_000)
    docker.run("push", "--quiet", f"{docker.host}/web:v1")
    docker.run("rmi", f"{docker.host}/web:v1")

    docker.run("pull", "--quiet", f"{docker.host}/web:v1")

    assert docker.run("image", "inspect", "--format", "{{.Id}}", f"{docker.host}/web:v1") == id
    (described,) = docker.ecr.describe_images(repositoryName="web")["imageDetails"]
    assert described["imageTags"] == ["v1"]
    digest = docker.run("image", "inspect", "--format", "{{index .RepoDigests 0}}", f"{docker.host}/web:v1")
    assert digest == f"{docker.host}/web@{described['imageDigest']}"


def test_a_layer_that_another_repository_has_is_not_sent_again(docker, tmp_path):
    docker.log_in(docker.password())
    docker.ecr.create_repository(repositoryName="web-migrate")
    docker.image("web:v1", b"shared")
    docker.run("push", "--quiet", f"{docker.host}/web:v1")
    docker.run("tag", f"{docker.host}/web:v1", f"{docker.host}/web-migrate:v1")

    assert "Mounted from web" in docker.run("push", f"{docker.host}/web-migrate:v1")
    assert len(list((tmp_path / "registry/blobs").glob("*/*/*"))) == 2


def test_a_repository_must_be_created_before_the_push(docker):
    docker.log_in(docker.password())
    docker.image("other:v1", b"x")
    with pytest.raises(DockerFailed, match="name unknown: The repository with name 'other' does not exist"):
        docker.run("push", f"{docker.host}/other:v1")


def test_a_tag_of_an_immutable_repository_is_not_overwritten(docker):
    docker.log_in(docker.password())
    docker.ecr.put_image_tag_mutability(repositoryName="web", imageTagMutability="IMMUTABLE")
    docker.image("web:v1", b"one")
    docker.run("push", "--quiet", f"{docker.host}/web:v1")
    docker.image("web:v1", b"two")
    with pytest.raises(DockerFailed, match="tag invalid: The image tag 'v1' already exists in the 'web' repository"):
        docker.run("push", "--quiet", f"{docker.host}/web:v1")


def test_a_wrong_password_is_refused(docker):
    with pytest.raises(DockerFailed, match=r"401 Unauthorized|the password is missing, wrong"):
        docker.log_in("wrong")
    docker.image("web:v1", b"x")
    with pytest.raises(DockerFailed, match="no basic auth credentials"):
        docker.run("push", f"{docker.host}/web:v1")
