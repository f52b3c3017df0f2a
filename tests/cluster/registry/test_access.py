import httpx2
import pytest

from culm.cluster.store.ecr import tokens

HOUR_SECONDS = 3600


@pytest.mark.parametrize("path", ["/v2/", "/v2/_catalog", "/v2/web/tags/list", "/v2/web/blobs/uploads/", "/v2/nothing"])
async def test_every_path_asks_for_a_password_as_ecr_does(client, path):
    client.http.auth = None
    answer = await client.http.get(path)
    assert (answer.status_code, client.error_code(answer)) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == 'Basic realm="http://127.0.0.1:4566/",service="ecr.amazonaws.com"'
    assert "docker login --username AWS --password-stdin 127.0.0.1:4566" in answer.text


async def test_the_token_opens_the_door(client):
    assert (await client.http.get("/v2/")).status_code == 200


@pytest.mark.parametrize("user", ["AWS", "root"])
async def test_a_wrong_user_or_password_does_not(client, user):
    password = "wrong" if user == "AWS" else await client.log_in()
    answer = await client.http.get("/v2/", auth=httpx2.BasicAuth(user, password))
    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic /w==", "Bearer x"])
async def test_nonsense_does_not(client, header):
    client.http.auth = None
    assert (await client.http.get("/v2/", headers={"Authorization": header})).status_code == 401


async def test_a_token_ends_after_twelve_hours(client):
    client.now += 12 * HOUR_SECONDS - 1
    assert (await client.http.get("/v2/")).status_code == 200
    client.now += 1
    assert (await client.http.get("/v2/")).status_code == 401


async def test_a_token_outlives_the_daemon(client):
    auth = client.http.auth
    await client.restart()
    assert (await client.http.get("/v2/", auth=auth)).status_code == 200


async def test_a_download_url_needs_no_header(client):
    blob = await client.push_blob(b"layer")
    client.http.auth = None
    password, _ = await client.store.run(lambda db: tokens.mint(db, client.new_id, client.now))
    answer = await client.http.get(f"/v2/web/blobs/{blob['digest']}?token={password}")
    assert answer.content == b"layer"


async def test_what_a_page_of_another_site_can_send_is_refused_and_cannot_be_read(client):
    client.http.auth = None
    headers = {"Origin": "https://evil.example", "Cookie": "a=b", "Content-Type": "text/plain"}
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        asked = {**headers, "Access-Control-Request-Method": "PUT"} if method == "OPTIONS" else headers
        answer = await client.http.request(method, "/v2/web/blobs/uploads/", headers=asked)
        assert answer.status_code == 401, method
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
