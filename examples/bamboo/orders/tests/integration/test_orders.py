from concurrent.futures import ThreadPoolExecutor
from random import randrange
from uuid import uuid4

import pytest


@pytest.fixture
def product(catalog):
    """Make a product and return it."""

    def product(**fields):
        new = {"sku": uuid4().hex.upper(), "name": "Pole, 3 m", "price_cents": 1250, "currency": "EUR"} | fields
        answer = catalog.post("/catalog/products", json=new)
        assert answer.status_code == 201
        return answer.json()

    return product


@pytest.fixture
def account():
    return randrange(1, 2**62)


def order(client, account, *lines, key=None):
    body = {"account_id": account, "lines": [{"product_id": number, "quantity": count} for number, count in lines]}
    return client.post("/orders/", json=body, headers={"Idempotency-Key": key} if key else {})


def test_an_order_has_the_prices_of_its_day(client, catalog, product, account):
    pole, mat = product(), product(name="Mat", price_cents=300)
    placed = order(client, account, (pole["id"], 2), (mat["id"], 1))
    assert placed.status_code == 201
    assert placed.json()["total_cents"] == 2 * 1250 + 300

    catalog.patch(f"/catalog/products/{pole['id']}", json={"price_cents": 9999}).raise_for_status()
    assert client.get(f"/orders/{placed.json()['id']}").json() == placed.json()


def test_the_orders_of_an_account_are_listed_page_by_page(client, product, account):
    pole = product()["id"]
    placed = [order(client, account, (pole, count)).json() for count in (1, 2, 3)]
    order(client, account + 1, (pole, 1))

    found, path = [], f"/orders/?account_id={account}&limit=2"
    while path:
        page = client.get(path).json()
        found += page["items"]
        path = page["next"]
    assert found == placed


def test_the_same_request_sent_again_orders_nothing_more(client, product, account):
    pole = product()["id"]
    first = order(client, account, (pole, 2), key="k-1")
    again = order(client, account, (pole, 2), key="k-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert order(client, account, (pole, 3), key="k-1").status_code == 422
    assert order(client, account + 1, (pole, 3), key="k-1").status_code == 201


def test_the_same_request_sent_at_once_orders_once(client, product, account):
    pole = product()["id"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: order(client, account, (pole, 1), key="k"), range(8)))
    assert sorted(answer.status_code for answer in answers) == 7 * [200] + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_what_the_catalog_does_not_have_cannot_be_ordered(client, account):
    answer = order(client, account, (999999999999, 1))
    assert answer.status_code == 422
    assert "999999999999" in answer.json()["detail"]


def test_an_order_has_one_currency(client, product, account):
    euro, yen = product()["id"], product(currency="JPY")["id"]
    assert order(client, account, (euro, 1), (yen, 1)).status_code == 422


def test_an_order_that_is_not_there_is_404(client):
    assert client.get("/orders/999999999999").status_code == 404
