"""A service's life on bad days at Amazon, one a seed: CULM_SEEDS of them (2; 20 in the nightly run)."""

import os

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.weather import BUCKETS, Weather

SEEDS = int(os.environ.get("CULM_SEEDS", "2"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_the_weather_a_deploy_ends_well_once_and_the_next_one_writes_nothing(shop: Shop, seed: int) -> None:
    weather = Weather(seed)
    shop.wire.set(weather)
    shop.account.machines.late = seed % 4
    assert [outcome.changed for outcome in shop.up()] == [True, True]
    shop.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    [outcome] = shop.up("web")
    assert outcome.changed
    shop.wire.set(None)
    shop.calls()
    assert [outcome.changed for outcome in shop.up()] == [False, False]
    assert shop.writes() == []
    ran = [line.partition(": ")[2] for line in shop.account.machines.history if line.endswith("runs")]
    assert sorted(ran) == ["bamboo-accounts:1 runs", "bamboo-web:1 runs", "bamboo-web:2 runs"], "nothing twice"
    migrated = [line for line in shop.account.machines.history if "bamboo-accounts-migrate:1 stopped" in line]
    assert len(migrated) == 1
    assert weather.did["throttled"], weather.did


def test_a_bucket_that_is_empty_refuses_and_fills_again_and_no_call_is_refused_for_ever() -> None:
    weather = Weather(1)
    asked = [weather("elbv2.DescribeRules", number) for number in range(200)]
    refused = [answer is not None for answer in asked]
    assert not all(refused[: BUCKETS["elbv2"].size])
    assert sum(refused[60:]) > sum(refused[:40]), "it is asked faster than it fills"
    assert not any(all(refused[first : first + 3]) for first in range(198))


def test_the_same_seed_does_the_same_again() -> None:
    def day(seed: int) -> list[bool]:
        weather = Weather(seed)
        return [weather(call, number) is not None for number in range(50) for call in ("ecs.RunTask", "iam.GetRole")]

    assert day(1) == day(1) != day(2)
