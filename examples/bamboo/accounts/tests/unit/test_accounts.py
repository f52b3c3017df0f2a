import pytest

REASONS = {
    "name": "Object missing required field `name`",
    "long": "Expected `str` of length <= 200 - at `$.name`",
    "email": "`email` is not an e-mail address",
}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"email": "a@b.example"}, "name"),
        ({"email": "a@b.example", "name": "n" * 201}, "long"),
        *(
            ({"email": email, "name": "Ada"}, "email")
            for email in ["ada", "@b.example", "a@b", "a@b.", "a@@b.example", "a b@c.example", "a@b\n.example"]
        ),
    ],
)
def test_an_account_needs_a_name_and_an_address(client, body, reason):
    answer = client.post("/accounts/", json=body)
    assert answer.status_code == 422
    assert REASONS[reason] in answer.json()["detail"]


@pytest.mark.parametrize("body", [{"email": "ada"}, {"status": "gone"}, {"name": ""}, {"id": 7}, {"version": 2}])
def test_a_wrong_change_is_refused(client, body):
    assert client.patch("/accounts/1", json=body).status_code == 422


@pytest.mark.parametrize("if_match", ['"x"', "", "1, 2", '"12345678901"', "½"])
def test_an_if_match_that_is_no_version_does_not_match(client, if_match):
    answer = client.patch("/accounts/1", json={"name": "Ada"}, headers={"If-Match": if_match.encode()})
    assert answer.status_code == 412
