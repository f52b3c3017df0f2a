"""ECS's messages for people: in plain words, and ECS's own behind them."""

import pytest

from culm.core.decide import events
from culm.operate.ecs_words import in_plain_words

TASK = "arn:aws:ecs:us-east-1:000000000000:task/bamboo/0123456789abcdef0123456789abcdef"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/bamboo-web/0123456789abcdef"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (events.steady("web"), "ready (ECS: has reached a steady state)"),
        (events.started("web", [TASK]), "starting a task (ECS: has started 1 tasks: (task 01234567))"),
        (events.started("web", [TASK, TASK]), "starting 2 tasks (ECS: has started 2 tasks: "),
        (events.stopped("web", [TASK]), "stopped a task (ECS: has stopped 1 running tasks: (task 01234567))"),
        (events.draining("web", [TASK]), "letting a task end its requests (ECS: has begun draining connections on 1"),
        (events.registered("web", 1, GROUP), "waiting for the health check of a task (ECS: registered 1 targets in"),
        (events.deregistered("web", 2, GROUP), "no new requests for 2 tasks (ECS: deregistered 2 targets in"),
        (
            events.deployment_completed("web", "ecs-svc/1"),
            "deployed (ECS: (deployment ecs-svc/1) deployment completed)",
        ),
        (events.deployment_failed("web", "ecs-svc/1"), "the deploy failed (ECS: (deployment ecs-svc/1) deployment f"),
        (events.rolling_back("web", "ecs-svc/1"), "going back to the version before (ECS: rolling back to deployment"),
        (events.cannot_start("web"), "its tasks keep ending (ECS: is unable to consistently start tasks"),
        (events.unhealthy_target("web", TASK, 80, GROUP, "Health checks failed"), "a task does not answer its health"),
        ("(service web) something new.", "something new."),
    ],
)
def test_a_message_is_told_in_plain_words_and_kept(message: str, words: str) -> None:
    told = in_plain_words(message, "web")
    assert told.startswith(words)
    assert "arn:aws" not in told
