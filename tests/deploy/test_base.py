"""What a deploy says when what services stand on does not serve."""

import pytest

from culm.deploy import base
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
