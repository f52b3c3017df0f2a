from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from catalog.app import application
from catalog.settings import Database, Settings

NOWHERE = "postgresql://someone:secret@127.0.0.1:1/catalog"


@pytest.fixture
def client() -> Iterator[TestClient]:
    """The service, with a database that does not answer."""
    with TestClient(application(Settings(database=Database(timeout_seconds=2)), NOWHERE)) as client:
        yield client


@pytest.fixture
def collection() -> str:
    return "/catalog/products"
