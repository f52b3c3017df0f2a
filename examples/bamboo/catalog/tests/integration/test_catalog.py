from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest


@pytest.fixture
def product(client):
    new = {
        "sku": uuid4().hex.upper(),
        "name": "Pole, 3 m",
        "price_cents": 1250,
        "currency": "EUR",
        "stock": 4,
    }
    answer = client.post("/catalog/products", json=new)
    assert answer.status_code == 201
    return answer.json()


def test_what_is_created_can_be_read(client, product):
    answer = client.get(f"/catalog/products/{product['id']}")
    assert (answer.status_code, answer.json()) == (200, product)


def test_a_sku_has_one_product(client, product):
    again = {name: product[name] for name in ("sku", "name", "price_cents", "currency")}
    assert client.post("/catalog/products", json=again).status_code == 409


def test_a_price_can_be_changed(client, product):
    changed = client.patch(f"/catalog/products/{product['id']}", json={"price_cents": 990}).json()
    assert (changed["price_cents"], changed["name"]) == (990, "Pole, 3 m")


def test_the_last_piece_is_taken_once(client, product):
    def take(_):
        return client.post(f"/catalog/products/{product['id']}/stock", json={"change": -1}).status_code

    with ThreadPoolExecutor(10) as pool:
        assert Counter(pool.map(take, range(10))) == {200: 4, 409: 6}
    assert client.get(f"/catalog/products/{product['id']}").json()["stock"] == 0


def test_a_product_that_is_not_there_is_404(client):
    assert client.get("/catalog/products/999999999999").status_code == 404
    assert client.patch("/catalog/products/999999999999", json={"name": "x"}).status_code == 404
    assert client.post("/catalog/products/999999999999/stock", json={"change": 1}).status_code == 404


def test_pages_hold_every_product_once(client, product):
    ids = []
    path = "/catalog/products?limit=200"
    while path:
        page = client.get(path).json()
        ids += [item["id"] for item in page["items"]]
        path = page["next"]
    assert product["id"] in ids
    assert ids == sorted(set(ids))
