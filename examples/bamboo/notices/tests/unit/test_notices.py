import pytest

GOOD = {"title": "Harvest", "text": "No deliveries on Friday."}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": ""}, "$.title"),
        ({"text": "x" * 10_001}, "$.text"),
        ({"severity": "loud"}, "$.severity"),
        ({"starts_at": "2026-01-01T00:00:00"}, "$.starts_at"),
        ({"ends_at": "tomorrow"}, "$.ends_at"),
        ({"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T01:00:00+01:00"}, "`ends_at` has to be after"),
    ],
)
def test_a_wrong_notice_is_refused(client, change, said):
    answer = client.post("/notices/", json=GOOD | change)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("query", ["current=maybe", "severity=loud", "unread_by=0"])
def test_a_wrong_wish_is_refused(client, query):
    answer = client.get(f"/notices/?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["detail"]


@pytest.mark.parametrize("path", [f"/notices/{2**63}/readers/1", f"/notices/1/readers/{2**63}"])
def test_a_reader_that_cannot_be_is_404(client, path):
    assert client.put(path).status_code == 404
