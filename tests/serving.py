"""The AWS API and the registry on a port of their own, for clients that are not in this process."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from culm.cluster import clock, operations
from culm.cluster.daemon.server import Server
from culm.cluster.registry.app import application as registry_application
from culm.cluster.registry.parts import Parts
from culm.cluster.registry.registry import Registry
from culm.cluster.store.db import Store
from culm.cluster.store.sealing import Sealer
from culm.cluster.wire.api import Api
from culm.cluster.wire.asgi import answering, application
from culm.cluster.wire.keyring import Keyring


@contextlib.contextmanager
def served(folder: Path, keys: Keyring | None = None) -> Iterator[str]:
    """The endpoint. With `keys`, requests are verified and allowed by their callers' policies."""
    with served_store(folder, keys) as (endpoint, _):
        yield endpoint


@contextlib.contextmanager
def served_store(folder: Path, keys: Keyring | None = None) -> Iterator[tuple[str, Store]]:
    """The endpoint, and the store behind it."""
    operations.load()
    with socket.socket() as listening, contextlib.closing(Store(folder / "state.db", Sealer.fresh())) as store:
        listening.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
        registry = Registry(store, folder / "registry", now=clock.now, new_id=clock.new_id)
        api = Api(
            region="us-east-1",
            endpoint=endpoint,
            now=clock.now,
            new_id=clock.new_id,
            keys=keys,
            layer_parts=Parts(registry),
        )
        mounts = [(lambda scope: scope["path"].startswith("/v2/"), registry_application(registry))]
        answer = answering(api, store, lambda service: None)
        server = Server(application(answer, mounts), answer)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            yield endpoint, store
        finally:
            server.should_exit = True
            thread.join()
