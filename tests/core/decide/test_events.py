import pytest

from culm.core.decide import events
from culm.core.model.services import ServiceEvent

TASK = "arn:aws:ecs:us-east-1:000000000000:task/bamboo/0123"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (events.started("web", [TASK]), "(service web) has started 1 tasks: (task 0123)."),
        (events.started("web", [TASK, "t/4"]), "(service web) has started 2 tasks: (task 0123) (task 4)."),
        (events.stopped("web", [TASK]), "(service web) has stopped 1 running tasks: (task 0123)."),
        (events.stopped_pending("web", 2), "(service web) stopped 2 pending tasks."),
        (events.draining("web", [TASK]), "(service web) has begun draining connections on 1 tasks."),
        (events.registered("web", 1, "tg"), "(service web) registered 1 targets in (target-group tg)"),
        (events.deregistered("web", 1, "tg"), "(service web) deregistered 1 targets in (target-group tg)"),
    ],
)
def test_event_messages_are_worded_as_ecs_words_them(text, expected):
    assert text == expected


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("RESOURCE:CPU", "(container-instance i-1) has insufficient CPU units available."),
        ("RESOURCE:PORTS", "(container-instance i-1) is already using a port required by your task."),
        ("ATTRIBUTE", "(container-instance i-1) is missing an attribute required by your task."),
        ("AGENT", '(container-instance i-1) encountered error "AGENT".'),
    ],
)
def test_an_unplaceable_task_says_what_the_closest_instance_lacks(reason, said):
    assert said in events.unable_to_place("web", "container-instance/bamboo/i-1", reason)


def told(*messages: str) -> list[ServiceEvent]:
    """Newest first, a second apart."""
    return [ServiceEvent(id=str(n), created_at=100.0 - n, message=m) for n, m in enumerate(messages)]


NO_ROOM = events.unable_to_place("web", "i-1", "RESOURCE:MEMORY")
STEADY = events.steady("web")


@pytest.mark.parametrize(
    ("message", "before", "news"),
    [
        (NO_ROOM, (), True),
        (NO_ROOM, (NO_ROOM,), False),
        (NO_ROOM, ("(service web) has started 1 tasks.", NO_ROOM), False),
        (NO_ROOM, (events.unable_to_place("web", "i-2", "RESOURCE:MEMORY"),), False),
        (NO_ROOM, (events.unable_to_place("web", "i-1", "RESOURCE:CPU"),), True),
        (NO_ROOM, (STEADY, NO_ROOM), True),
        (STEADY, (), True),
        (STEADY, (STEADY,), False),
        (STEADY, (NO_ROOM, STEADY), True),
    ],
)
def test_an_event_that_was_just_reported_is_not_repeated(message, before, news):
    assert events.is_news(message, told(*before), 100.0) is news
    assert events.is_news(message, told(*before), 100.0 + 7 * 3600)
