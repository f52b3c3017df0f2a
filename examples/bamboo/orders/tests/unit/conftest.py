from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from orders.app import application
from orders.settings import Database, Settings

NOWHERE = "postgresql://someone:secret@127.0.0.1:1/orders"


@pytest.fixture
def client() -> Iterator[TestClient]:
    """The service, with a database and a catalog that do not answer."""
    with TestClient(
        application(Settings(database=Database(timeout_seconds=2)), NOWHERE, "http://127.0.0.1:1")
    ) as client:
        yield client


@pytest.fixture
def collection() -> str:
    return "/orders/"
