from random import randrange

import pytest


@pytest.fixture
def post(client):
    """Post a notice and return it."""

    def post(**fields):
        answer = client.post("/notices/", json={"title": "Harvest", "text": "No deliveries on Friday."} | fields)
        assert answer.status_code == 201
        return answer.json()

    return post


def ids(client, query):
    found = []
    path = f"/notices/?limit=200&{query}"
    while path:
        page = client.get(path).json()
        found += [item["id"] for item in page["items"]]
        path = page["next"]
    assert found == sorted(set(found))
    return found


def test_what_is_posted_can_be_read(client, post):
    notice = post(severity="critical")
    assert client.get(f"/notices/{notice['id']}").json() == notice
    assert notice["id"] in ids(client, "severity=critical")
    assert notice["id"] not in ids(client, "severity=info")


def test_a_notice_is_current_from_its_start_to_its_end(client, post):
    now = post()["id"]
    later = post(starts_at="2999-01-01T00:00:00Z")["id"]
    past = post(starts_at="1999-01-01T00:00:00Z", ends_at="1999-01-02T00:00:00+02:00")["id"]

    current, all_of_them = ids(client, "current=true"), ids(client, "current=false")
    assert [number in current for number in (now, later, past)] == [True, False, False]
    assert {now, later, past} <= set(all_of_them)


def test_a_notice_that_is_over_before_it_starts_is_refused(client):
    answer = client.post("/notices/", json={"title": "Old", "text": "News", "ends_at": "1999-01-01T00:00:00Z"})
    assert answer.status_code == 422


def test_who_has_read_a_notice_is_not_shown_it_again(client, post):
    notice, reader = post()["id"], randrange(1, 2**62)
    assert notice in ids(client, f"unread_by={reader}")

    path = f"/notices/{notice}/readers/{reader}"
    assert [client.put(path).status_code for _ in range(2)] == [204, 204]
    assert notice not in ids(client, f"unread_by={reader}")
    assert notice in ids(client, f"unread_by={reader + 1}")


def test_a_notice_that_is_not_there_is_404(client):
    assert client.get("/notices/999999999999").status_code == 404
    assert client.put("/notices/999999999999/readers/1").status_code == 404
