"""Names that only one cluster can make."""

import re

from culm.cluster.wire.keyring import AccessKey, Keyring

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
