import pytest

from culm.cluster.link_local import is_link_local


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.0",
        "0xa9fea9fe",
        "2852039166",
        "169.254.43518",
        "0251.0376.0251.0376",
        "[fe80::1]",
        "fe80::1%eth0",
        "[::ffff:169.254.169.254]",
    ],
)
def test_a_link_local_address_is_one_in_every_writing(host: str) -> None:
    assert is_link_local(host)


@pytest.mark.parametrize("host", ["169.253.255.255", "127.0.0.1", "10.0.0.1", "::1", "example.org", "", "fe80.org"])
def test_other_addresses_and_names_are_not(host: str) -> None:
    assert not is_link_local(host)
