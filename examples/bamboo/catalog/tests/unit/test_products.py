import pytest

GOOD = {"sku": "POLE-3M", "name": "Pole, 3 m", "price_cents": 1250, "currency": "EUR", "stock": 4}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", "pole"),
        ("sku", ""),
        ("sku", "P" * 65),
        ("name", ""),
        ("price_cents", -1),
        ("price_cents", 12.5),
        ("price_cents", 10**12 + 1),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("stock", -1),
    ],
)
def test_a_wrong_product_is_refused_by_field(client, field, value):
    answer = client.post("/catalog/products", json=GOOD | {field: value})
    assert answer.status_code == 422
    assert f"$.{field}" in answer.json()["detail"]


@pytest.mark.parametrize("field", ["sku", "name", "price_cents", "currency"])
def test_a_product_needs_each_of_these(client, field):
    answer = client.post("/catalog/products", json={name: value for name, value in GOOD.items() if name != field})
    assert (answer.status_code, answer.json()["detail"]) == (422, f"Object missing required field `{field}`")


@pytest.mark.parametrize("body", [{"stock": 4}, {"sku": "OTHER"}, {"price_cents": -1}, {"name": ""}])
def test_a_wrong_change_is_refused(client, body):
    assert client.patch("/catalog/products/1", json=body).status_code == 422


@pytest.mark.parametrize("body", [{}, {"change": "1"}, {"change": 10**6 + 1}, {"by": 1}])
def test_a_wrong_stock_change_is_refused(client, body):
    assert client.post("/catalog/products/1/stock", json=body).status_code == 422


def test_the_catalog_says_where_its_products_are(client):
    assert client.get("/catalog/").json() == {"products": "/catalog/products"}
