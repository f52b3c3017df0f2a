"""Services that wake and sleep by the clock, or for want of requests, in a cluster whose clock the test moves."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from culm.cluster.balancer import idle, office_hours
from culm.cluster.balancer.interface import Attention
from culm.core.model.sleep import AWAKE_TAG, CALLS_TAG, HOLIDAYS_TAG, HOURS_TAG, SLEEP_TAG

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = "mon-fri 08:00-20:00 Europe/Berlin"


def tag(world: Any, service: str = "web", **tags: str) -> None:
    [described] = world.ecs.describe_services(services=[service])["services"]
    listed = [{"key": key, "value": value} for key, value in tags.items()]
    world.ecs.tag_resource(resourceArn=described["serviceArn"], tags=listed)


def count(world: Any, service: str = "web") -> int:
    return int(world.ecs.describe_services(services=[service])["services"][0]["desiredCount"])


def awake_count(world: Any, service: str = "web") -> str | None:
    [described] = world.ecs.describe_services(services=[service], include=["TAGS"])["services"]
    return next((each["value"] for each in described["tags"] if each["key"] == AWAKE_TAG), None)


async def at(world: Any, text: str) -> int:
    """Follow the office hours at this time of Berlin's clock; the service's count then."""
    world.cloud.clock.now = datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()
    office_hours.look(world.cloud.db, world.cloud.clock())
    await world.settle()
    return count(world)


@pytest.fixture
async def web(world: Any) -> Any:
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2)
    await world.settle()
    return world


async def test_a_service_sleeps_and_wakes_at_its_hours_with_as_many_tasks_as_it_had(web: Any) -> None:
    tag(web, **{HOURS_TAG: WEEK})
    assert await at(web, "2027-03-26T12:00") == 2  # a Friday
    assert await at(web, "2027-03-26T19:59:59") == 2
    assert (await at(web, "2027-03-26T20:00"), awake_count(web)) == (0, "2")
    assert web.ecs.list_tasks()["taskArns"] == []
    assert await at(web, "2027-03-29T07:59:59") == 0  # the clock was set forward on Sunday
    assert await at(web, "2027-03-29T08:00") == 2
    assert await at(web, "2027-10-29T20:00") == 0
    assert await at(web, "2027-11-01T07:59:59") == 0  # and back
    assert await at(web, "2027-11-01T08:00") == 2
    [described] = web.ecs.describe_services(services=["web"])["services"]
    messages = [event["message"] for event in described["events"]]
    assert f"(service web) wakes with 2 tasks: office hours are {WEEK}" in messages
    assert f"(service web) sleeps: office hours are {WEEK}" in messages


async def test_leap_days_are_days_and_holidays_are_none(web: Any) -> None:
    tag(web, **{HOURS_TAG: WEEK, f"{HOLIDAYS_TAG}1": "2028-03-01 2028-03-02"})
    assert await at(web, "2028-02-28T12:00") == 2  # a Monday
    assert await at(web, "2028-02-28T20:00") == 0
    assert await at(web, "2028-02-29T08:00") == 2
    assert await at(web, "2028-02-29T20:00") == 0
    assert await at(web, "2028-03-01T12:00") == 0
    assert await at(web, "2028-03-02T12:00") == 0
    assert await at(web, "2028-03-03T08:00") == 2


async def test_what_is_done_by_hand_stays_until_the_next_boundary(web: Any) -> None:
    tag(web, **{HOURS_TAG: WEEK})
    assert await at(web, "2027-03-23T12:00") == 2
    assert await at(web, "2027-03-23T20:00") == 0
    web.ecs.update_service(service="web", desiredCount=2)
    assert await at(web, "2027-03-23T23:00") == 2
    assert await at(web, "2027-03-24T08:00") == 2
    assert await at(web, "2027-03-24T20:00") == 0


async def test_a_daemon_that_was_away_follows_the_latest_boundary_once(web: Any) -> None:
    tag(web, **{HOURS_TAG: WEEK})
    assert await at(web, "2027-03-22T12:00") == 2
    assert await at(web, "2027-03-24T12:00") == 2  # slept and awake again, twice, without anybody who looked
    assert await at(web, "2027-03-27T12:00") == 0


async def test_a_service_that_is_stopped_is_not_woken_by_the_clock(web: Any) -> None:
    tag(web, **{HOURS_TAG: WEEK})
    assert await at(web, "2027-03-22T12:00") == 2
    web.ecs.update_service(service="web", desiredCount=0)
    assert await at(web, "2027-03-22T20:00") == 0
    assert await at(web, "2027-03-23T08:00") == 0
    assert awake_count(web) is None


async def look(world: Any, seconds: float, requests: int, in_flight: int = 0) -> int:
    """Look for idle services so much later, when the load balancer has counted so many requests; the count then."""
    world.cloud.clock.advance(seconds)
    attention = {"web": Attention(requests=requests, in_flight=in_flight)}
    idle.look(world.cloud.db, attention, world.cloud.clock())
    await world.settle()
    return count(world)


async def test_a_service_without_requests_sleeps_when_its_time_is_over(web: Any) -> None:
    tag(web, **{SLEEP_TAG: "after 1800"})
    assert await look(web, 0, 0) == 2
    assert await look(web, 1799, 0) == 2
    assert (await look(web, 1, 0), awake_count(web)) == (0, "2")
    [described] = web.ecs.describe_services(services=["web"])["services"]
    assert "(service web) sleeps: no request for 1800 s" in [event["message"] for event in described["events"]]
    web.ecs.update_service(service="web", desiredCount=2)
    assert await look(web, 7200, 0) == 2  # the time begins anew when it is awake
    assert await look(web, 1800, 0) == 0


async def test_a_called_service_sleeps_with_its_last_caller(web: Any) -> None:
    web.ecs.create_service(serviceName="front", taskDefinition="web", desiredCount=1)
    await web.settle()
    tag(web, **{SLEEP_TAG: "after 600"})
    tag(web, "front", **{SLEEP_TAG: "after 1800", CALLS_TAG: "web"})
    assert (await look(web, 0, 0), count(web, "front")) == (2, 1)
    assert (await look(web, 1700, 0), count(web, "front")) == (2, 1)
    assert (await look(web, 100, 0), count(web, "front")) == (0, 0)
