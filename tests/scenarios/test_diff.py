"""`culm diff`: what somebody has changed by hand."""

import json

from tests.scenarios.stand import Stand


def test_a_hand_in_the_console_is_seen_and_up_puts_it_right(bamboo: Stand) -> None:
    assert bamboo.culm("diff").out == "bamboo on local is as culm.yml says\n"

    bamboo.client("ecs").update_service(cluster="bamboo", service="catalog", desiredCount=2)
    found = json.loads(bamboo.culm("diff", "--json", status=3).out)
    assert found["differences"] == [
        {"what": "service catalog", "field": "desiredCount", "wanted": "1", "live": "2", "wins": "culm.yml"}
    ]
    assert "service catalog\n  desiredCount" in bamboo.culm("diff", status=3).out

    bamboo.culm("up")
    bamboo.culm("diff")
