from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest


@pytest.fixture
def account(client):
    answer = client.post("/accounts/", json={"email": f"{uuid4().hex}@bamboo.example", "name": "Ada"})
    assert answer.status_code == 201
    return answer.json()


def test_what_is_created_can_be_read(client, account):
    assert account["status"] == "active"
    assert client.get(f"/accounts/{account['id']}").json() == account


def test_an_address_has_one_account(client, account):
    answer = client.post("/accounts/", json={"email": account["email"].upper(), "name": "Eve"})
    assert answer.status_code == 409


def test_an_address_is_given_once_even_to_those_who_ask_together(client):
    email = f"{uuid4().hex}@bamboo.example"
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: client.post("/accounts/", json={"email": email, "name": "Ada"}), range(8))
    assert sorted(answer.status_code for answer in answers) == [201] + 7 * [409]


def test_a_change_changes_what_it_names(client, account):
    changed = client.patch(f"/accounts/{account['id']}", json={"status": "suspended"}).json()
    assert changed["status"] == "suspended"
    assert (changed["name"], changed["version"]) == ("Ada", 2)
    assert changed["updated_at"] > account["updated_at"]


def test_of_two_changes_to_one_version_the_second_is_refused(client, account):
    path = f"/accounts/{account['id']}"
    seen = {"If-Match": client.get(path).headers["ETag"]}
    assert client.patch(path, json={"name": "Ada L."}, headers=seen).status_code == 200
    assert client.patch(path, json={"name": "Ada K."}, headers=seen).status_code == 412
    assert client.get(path).json()["name"] == "Ada L."


def test_an_address_cannot_be_changed_into_anothers(client, account):
    other = client.post("/accounts/", json={"email": f"{uuid4().hex}@bamboo.example", "name": "Eve"}).json()
    assert client.patch(f"/accounts/{other['id']}", json={"email": account["email"]}).status_code == 409


def test_an_account_that_is_not_there_is_404(client):
    assert client.get("/accounts/999999999999").status_code == 404
    assert client.patch("/accounts/999999999999", json={"name": "Ada"}).status_code == 404
    assert client.patch("/accounts/999999999999", json={"name": "A"}, headers={"If-Match": '"1"'}).status_code == 404


def test_pages_hold_every_account_once(client, account):
    ids = []
    path = "/accounts/?limit=200"
    while path:
        page = client.get(path).json()
        ids += [item["id"] for item in page["items"]]
        path = page["next"]
    assert account["id"] in ids
    assert ids == sorted(set(ids))


def test_a_text_that_postgresql_cannot_keep_is_refused(client):
    answer = client.post("/accounts/", json={"email": f"{uuid4().hex}@bamboo.example", "name": "A\0"})
    assert answer.status_code == 422
