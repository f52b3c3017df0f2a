import pytest

from orders.catalog import Product
from orders.orders import Line, MixedCurrencies, NewLine, NewOrder, Order, one_currency

GOOD = {"account_id": 1, "lines": [{"product_id": 7, "quantity": 2}]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"account_id": 0}, "$.account_id"),
        ({"lines": []}, "$.lines"),
        ({"lines": 51 * GOOD["lines"]}, "$.lines"),
        ({"lines": 2 * GOOD["lines"]}, "`lines` names a product twice"),
        ({"lines": [{"product_id": 7, "quantity": 0}]}, "$.lines[0].quantity"),
        ({"lines": [{"product_id": 7}]}, "missing required field `quantity`"),
        ({"total_cents": 1}, "unknown field `total_cents`"),
    ],
)
def test_a_wrong_order_is_refused(client, change, said):
    answer = client.post("/orders/", json=GOOD | change)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_a_key_that_is_too_long_is_refused(client):
    answer = client.post("/orders/", json=GOOD, headers={"Idempotency-Key": "k" * 256})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]


def test_an_order_without_the_catalog_is_503_with_the_reason(client):
    answer = client.post("/orders/", json=GOOD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "the catalog does not answer" in answer.json()["detail"]


def test_an_order_has_one_currency():
    euro = Product(id=1, name="Pole", price_cents=1, currency="EUR")
    yen = Product(id=2, name="Mat", price_cents=1, currency="JPY")
    assert one_currency([euro, euro]) == "EUR"
    with pytest.raises(MixedCurrencies, match="EUR, JPY"):
        one_currency([yen, euro])


@pytest.mark.parametrize(
    ("lines", "same"), [({7: 2, 8: 1}, True), ({8: 1, 7: 2}, True), ({7: 2}, False), ({7: 2, 8: 2}, False)]
)
def test_an_order_is_the_same_when_products_and_quantities_are(lines, same):
    bought = [
        Line(product_id=7, name="Pole", quantity=2, price_cents=5),
        Line(product_id=8, name="Mat", quantity=1, price_cents=9),
    ]
    there = Order(
        id=1, account_id=1, currency="EUR", total_cents=19, idempotency_key="k", created_at=None, lines=bought
    )
    new = NewOrder(account_id=1, lines=[NewLine(product_id=number, quantity=count) for number, count in lines.items()])
    assert there.is_for(new) is same
