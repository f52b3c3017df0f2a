"""A repository with layers in it, as a push through the registry would have left it."""

import hashlib
import json
from typing import Any

import pytest

from culm.cluster.store.ecr import layers

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


def digest_of(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


class Pusher:
    """Puts images in repository `web`."""

    digest_of = staticmethod(digest_of)

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.ecr = cloud.client("ecr")
        self.ecr.create_repository(repositoryName="web")

    def layer(self, text: str, repository: str = "web") -> dict[str, Any]:
        layers.save(self.cloud.db, repository, digest_of(text), len(text), self.cloud.now)
        return {"mediaType": "application/octet-stream", "digest": digest_of(text), "size": len(text)}

    def manifest(self, name: str) -> str:
        described = {"config": self.layer(f"config {name}"), "layers": [self.layer(f"layer {name}")]}
        return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **described})

    def index(self, *digests: str) -> str:
        listed = [{"mediaType": MANIFEST, "digest": digest, "size": 1} for digest in digests]
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})

    def put(self, manifest: str, tag: str | None = None) -> str:
        """The image's digest."""
        tagged = {"imageTag": tag} if tag else {}
        image = self.ecr.put_image(repositoryName="web", imageManifest=manifest, **tagged)["image"]
        return image["imageId"]["imageDigest"]

    def push(self, name: str, tag: str | None = None) -> str:
        return self.put(self.manifest(name), tag)

    def listed(self) -> set[tuple[str, str | None]]:
        ids = self.ecr.list_images(repositoryName="web")["imageIds"]
        return {(each["imageDigest"], each.get("imageTag")) for each in ids}


@pytest.fixture
def web(cloud):
    return Pusher(cloud)
