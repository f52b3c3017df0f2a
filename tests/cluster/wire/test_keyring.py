"""Names that only one cluster can make."""

import re

import pytest

from culm.cluster.wire.keyring import AccessKey, Keyring
from culm.cluster.wire.sigv4 import Rejected

OPERATOR = AccessKey(access_key_id="AKIAOPERATOR", secret_access_key="secret")


def test_an_unguessable_name_is_the_same_for_the_same_cluster_and_text_alone():
    keys = Keyring(OPERATOR, b"a key of the tests' own, 32 bytes")
    name = keys.unguessable("task")
    assert re.fullmatch("[0-9a-f]{32}", name)
    assert name == Keyring(OPERATOR, b"a key of the tests' own, 32 bytes").unguessable("task")
    assert name not in (
        keys.unguessable("other"),
        Keyring(OPERATOR, b"another key, of 32 bytes as well").unguessable("task"),
    )


def test_a_session_has_keys_of_the_lengths_that_aws_s_have():
    keys = Keyring(OPERATOR, b"a key of the tests' own, 32 bytes")
    role = "arn:aws:iam::000000000000:role/web"
    given = keys.issue(role_arn=role, role_id="AROA", name="a", expiration=9.0, seed="1")
    assert re.fullmatch("ASIA[A-Z2-7]{16}", given.access_key_id)
    assert re.fullmatch("[A-Za-z0-9+/]{40}", given.secret_access_key)
    assert keys.identify(given.access_key_id, given.session_token, 8.9).secret == given.secret_access_key
    with pytest.raises(Rejected, match="expired"):
        keys.identify(given.access_key_id, given.session_token, 9.0)


@pytest.mark.parametrize("changed", ["{}!", "{}\n", " {}", "no base64 at all", "ÿ{}"])
def test_a_token_is_taken_as_it_was_given_out_alone(changed):
    keys = Keyring(OPERATOR, b"a key of the tests' own, 32 bytes")
    role = "arn:aws:iam::000000000000:role/web"
    given = keys.issue(role_arn=role, role_id="AROA", name="a", expiration=9.0, seed="1")
    with pytest.raises(Rejected) as refused:
        keys.identify(given.access_key_id, changed.format(given.session_token), 1.0)
    assert refused.value.why == "invalid-token"
    with pytest.raises(Rejected) as refused:
        keys.identify("ASIAOTHER", given.session_token, 1.0)
    assert refused.value.why == "unknown"
