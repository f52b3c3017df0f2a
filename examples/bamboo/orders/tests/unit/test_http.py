"""What every endpoint has in common: none of it needs a database that answers."""

import msgspec
import pytest
from starlette.requests import Request

from orders import http


def test_health_without_a_database_is_503_with_the_reason(client):
    answer = client.get("/orders/health")
    assert answer.status_code == 503
    assert "Connection refused" in answer.json()["detail"]
    assert "secret" not in answer.text


def test_a_request_without_a_database_may_be_tried_again(client, collection):
    answer = client.get(collection)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/", "/orders", "/orders/nothing", "/orders/health/"])
def test_a_path_that_is_not_there_is_404(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["detail"]) == (404, f"nothing is at {path}")


def test_an_id_that_no_row_can_have_is_404(client, collection):
    answer = client.get(f"{collection.rstrip('/')}/{2**63}")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")


def test_a_method_that_is_not_there_is_405_and_says_which_are(client, collection):
    answer = client.delete(collection)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("{}", "text/plain", 415),
        ("{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"\xff": 1}', "application/json", 400),
        (" " * (http.BIGGEST_BODY_BYTES + 1), "application/json", 413),
        ("[]", "application/json; charset=utf-8", 422),
        ("{}", "application/json", 422),
        ('{"no such field": 1}', "application/json", 422),
    ],
)
def test_a_wrong_body_is_refused(client, collection, content, kind, status):
    answer = client.post(collection, content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=-1", f"after={2**63}", "page=2"])
def test_a_wrong_page_is_refused(client, collection, query):
    answer = client.get(f"{collection}?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["detail"]


class Item(msgspec.Struct):
    id: int


@pytest.mark.parametrize(
    ("found", "shown", "following"), [(0, 0, None), (2, 2, None), (3, 2, "/things?a=b&after=2&limit=2")]
)
def test_a_page_names_the_next_one_unless_it_is_the_last(found, shown, following):
    request = Request(
        {
            "type": "http",
            "method": "GET",
            "server": ("localhost", 80),
            "path": "/things",
            "query_string": b"a=b&limit=2&after=0",
            "headers": [],
        }
    )
    items = [Item(id=number) for number in range(1, found + 1)]
    page = msgspec.json.decode(http.listed(request, http.Page(limit=2), items).body)
    assert page == {"items": [{"id": number} for number in range(1, shown + 1)], "next": following}
