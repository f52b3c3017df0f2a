"""The registry in process: its real application over a store and a folder of the test's own."""

import hashlib
import itertools
import json
from typing import Any

import httpx2
import pytest

from culm.cluster.registry.app import application
from culm.cluster.registry.registry import Registry
from culm.cluster.store.db import Store
from culm.cluster.store.ecr import repositories, tokens
from culm.core.model.repositories import Repository


class Client:
    """A client that has logged in; `now` is the registry's clock, `folder` its disk."""

    MANIFEST = "application/vnd.oci.image.manifest.v1+json"
    INDEX = "application/vnd.oci.image.index.v1+json"

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self.now = 1_767_225_600.0
        self._ids = itertools.count(1)
        self.start()

    def start(self) -> None:
        self.store = Store(self.folder / "state.db")
        self.registry = Registry(self.store, self.folder / "registry", now=lambda: self.now, new_id=self.new_id)
        transport = httpx2.ASGITransport(application(self.registry))
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:4566")

    async def restart(self) -> None:
        """As if the daemon had been killed."""
        await self.close()
        self.start()
        await self.registry.start()

    async def close(self) -> None:
        await self.http.aclose()
        self.store.close()

    def new_id(self) -> str:
        return f"{next(self._ids):032x}"

    async def log_in(self) -> str:
        password, _ = await self.store.run(lambda db: tokens.mint(db, self.new_id, self.now))
        self.http.auth = httpx2.BasicAuth("AWS", password)
        return password

    async def create(self, name: str, **settings: Any) -> None:
        repository = Repository(
            repository_name=name,
            repository_arn=f"arn:aws:ecr:us-east-1:000000000000:repository/{name}",
            registry_id="000000000000",
            created_at=self.now,
            **settings,
        )
        await self.store.run(lambda db: repositories.save(db, repository))

    async def push_blob(self, data: bytes, name: str = "web", algorithm: str = "sha256") -> dict[str, Any]:
        """Its descriptor."""
        digest = self.digest_of(data, algorithm)
        answer = await self.http.post(f"/v2/{name}/blobs/uploads/", params={"digest": digest}, content=data)
        assert answer.status_code == 201
        return {"mediaType": "application/octet-stream", "digest": digest, "size": len(data)}

    async def image(self, text: str = "", **more: Any) -> bytes:
        """A manifest whose configuration and layer are there."""
        config = await self.push_blob(b"{}" + text.encode())
        layer = await self.push_blob(b"layer" + text.encode())
        return self.as_bytes({"mediaType": self.MANIFEST, "config": config, "layers": [layer], **more})

    async def put(self, reference: str, manifest: bytes, name: str = "web", **more: Any) -> httpx2.Response:
        content_type = json.loads(manifest).get("mediaType", self.MANIFEST)
        return await self.http.put(
            f"/v2/{name}/manifests/{reference}", content=manifest, headers={"Content-Type": content_type}, **more
        )

    @staticmethod
    def as_bytes(document: dict[str, Any]) -> bytes:
        return json.dumps({"schemaVersion": 2, **document}).encode()

    @staticmethod
    def digest_of(data: bytes, algorithm: str = "sha256") -> str:
        return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"

    @staticmethod
    def error_code(answer: httpx2.Response) -> str:
        (error,) = answer.json()["errors"]
        return error["code"]

    def blobs_on_disk(self) -> set[str]:
        files = (self.folder / "registry/blobs").glob("*/*/*")
        return {f"{file.parent.parent.name}:{file.name}" for file in files}

    def uploads_on_disk(self) -> list[Any]:
        return list((self.folder / "registry/uploads").iterdir())


@pytest.fixture
async def client(tmp_path):
    client = Client(tmp_path)
    await client.log_in()
    await client.create("web")
    yield client
    await client.close()
