import base64

from culm.cluster.store.ecr import tokens

HOUR_SECONDS = 3600


def password(cloud):
    (data,) = cloud.client("ecr").get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    return password, data


def test_a_token_is_good_for_twelve_hours(cloud):
    secret, data = password(cloud)
    assert data["proxyEndpoint"] == "http://127.0.0.1:4566"
    assert data["expiresAt"].timestamp() == cloud.now + 12 * HOUR_SECONDS

    assert tokens.good(cloud.db, secret, cloud.now + 12 * HOUR_SECONDS - 1)
    assert not tokens.good(cloud.db, secret, cloud.now + 12 * HOUR_SECONDS)
    assert not tokens.good(cloud.db, secret + "x", cloud.now)


def test_the_password_itself_is_not_kept(cloud):
    secret, _ = password(cloud)
    assert secret not in "".join(cloud.db.iterdump())


def test_ended_tokens_are_forgotten(cloud):
    password(cloud)
    cloud.clock.advance(13 * HOUR_SECONDS)
    password(cloud)
    assert cloud.db.execute("SELECT count(*) FROM ecr_token").fetchone()[0] == 1
