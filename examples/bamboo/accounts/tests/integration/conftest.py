"""Runs against the service at BASE_URL: what `./dkr-run.sh` brings up, or any place where the service is."""

import os
from collections.abc import Iterator
from time import monotonic, sleep

import httpx2 as httpx
import pytest

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8001")


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(base_url=BASE_URL, timeout=10) as client:
        healthy(client, "/accounts/health")
        yield client


def healthy(client: httpx.Client, path: str, seconds: float = 30) -> None:
    """Wait for a service that is being started."""
    give_up = monotonic() + seconds
    while True:
        try:
            client.get(path).raise_for_status()
            return
        except httpx.HTTPError as error:
            if monotonic() > give_up:
                pytest.exit(f"{client.base_url}{path} is not healthy: {error}", returncode=1)
        sleep(0.2)
