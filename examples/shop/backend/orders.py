"""Orders in a queue that the API, the worker and the nightly job share: lists and a set of a Valkey server."""

import json
import os
import uuid

import valkey

WAITING, UNDER_WAY, DONE = "orders:waiting", "orders:under-way", "orders:done"
server = valkey.Valkey.from_url(os.environ["QUEUE_URL"], decode_responses=True)


def add(text: str) -> str:
    """Put an order into the queue; returns its id."""
    order = {"id": uuid.uuid4().hex, "text": text}
    server.lpush(WAITING, json.dumps(order))
    return order["id"]


def take(seconds: float) -> str | None:
    """Wait so long for an order and take it: it counts as waiting until it is done."""
    return server.blmove(WAITING, UNDER_WAY, timeout=seconds, src="RIGHT", dest="LEFT")


def finish(order: str) -> str:
    """Write down that an order is done; returns its id. Doing it twice counts once."""
    name = json.loads(order)["id"]
    server.pipeline().sadd(DONE, name).lrem(UNDER_WAY, 1, order).execute()
    return name


def put_back() -> None:
    """Let orders wait again that a worker had taken when it was killed."""
    while server.lmove(UNDER_WAY, WAITING, src="LEFT", dest="RIGHT"):
        pass


def counts() -> dict[str, int]:
    """Return how many orders wait and how many are done."""
    return {"waiting": server.llen(WAITING) + server.llen(UNDER_WAY), "done": server.scard(DONE)}
