"""What a deploy says when what services stand on does not serve."""

import pytest
from tests.quick_clock import Quick

from culm.cluster.balancer.balancer import LONGEST_BACK_OFF_SECONDS
from culm.deploy import base, databases
from culm.errors import CulmError


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("port 8080 is taken by nginx (pid 12)", "take another `port:`"),
        ("there is no HAProxy on this machine", "doctor"),
    ],
)
def test_a_load_balancer_that_does_not_serve_is_told_with_what_helps(reason: str, advice: str) -> None:
    with pytest.raises(CulmError, match="the load balancer does not serve") as told:
        base.refuse_impaired("active_impaired", reason)
    assert advice in (told.value.hint or "")
    base.refuse_impaired("active", None)


def looks(*statuses: str):
    """Answers of a database server's statuses, one after the other; the last for ever."""
    left = list(statuses)

    def look():
        status = left.pop(0) if len(left) > 1 else left[0]
        return status, {"Address": "127.0.0.1", "Port": 5432} if status == "available" else None

    return look


def test_a_database_server_that_failed_a_moment_ago_may_start_after_all() -> None:
    statuses = looks("failed", "failed", "failed", "available")
    seconds = databases.FAILED_SECONDS["local"]
    assert databases.until(statuses, "shop-main", lambda _: None, Quick(), seconds) == ("127.0.0.1", 5432)


@pytest.mark.parametrize(("provider", "seconds"), [("local", 10.0), ("aws", 0.0)])
def test_a_database_server_that_stays_failed_is_given_up(provider: str, seconds: float) -> None:
    clock = Quick()
    with pytest.raises(CulmError, match="the database server shop-main is failed"):
        databases.until(looks("failed"), "shop-main", lambda _: None, clock, databases.FAILED_SECONDS[provider])
    assert seconds <= clock.seconds() <= seconds + 1.1


def test_clients_wait_longer_than_the_cluster_for_a_proxy_that_failed() -> None:
    assert base.PROXY_SECONDS >= 2 * LONGEST_BACK_OFF_SECONDS
    assert not base.is_about_a_port("haproxy does not run: it died with <Signals.SIGKILL: 9>")
