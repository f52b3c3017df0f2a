"""What ECS says of a service, in plain words, with ECS's own behind them: people search for those.

    has reached a steady state.            ready (ECS: has reached a steady state)
    has started 1 tasks: (task 1a2b3c4d).  starting a task (ECS: has started 1 tasks: (task 1a2b3c4d))

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

import re

from culm.deploy.causes import without_arns

PLAIN = (
    (r"has reached a steady state", "ready"),
    (r"has started 1 tasks: .*", "starting a task"),
    (r"has started (\d+) tasks: .*", r"starting \1 tasks"),
    (r"has stopped 1 running tasks: .*", "stopped a task"),
    (r"has stopped (\d+) running tasks: .*", r"stopped \1 tasks"),
    (r"stopped (\d+) pending tasks", r"stopped \1 that had not started"),
    (r"has begun draining connections on 1 tasks", "letting a task end its requests"),
    (r"has begun draining connections on (\d+) tasks", r"letting \1 tasks end their requests"),
    (r"registered 1 targets in .*", "waiting for the health check of a task"),
    (r"registered (\d+) targets in .*", r"waiting for the health checks of \1 tasks"),
    (r"deregistered 1 targets in .*", "no new requests for a task"),
    (r"deregistered (\d+) targets in .*", r"no new requests for \1 tasks"),
    (r"\(deployment \S+\) deployment completed", "deployed"),
    (r"\(deployment \S+\) deployment failed: .*", "the deploy failed"),
    (r"rolling back to deployment .*", "going back to the version before"),
    (r"was unable to place a task because .*", "no instance has room for a task"),
    (r"is unable to consistently start tasks successfully", "its tasks keep ending"),
    (r".*failed container health checks", "a task does not pass its health check"),
    (r".*\(port \d+\) is unhealthy in .*", "a task does not answer its health check"),
)


def in_plain_words(message: str, service: str) -> str:
    """Return an event's message for people, who see the service beside it: no ARNs, ids cut to eight digits."""
    text = without_arns(message).removeprefix(f"(service {service})").strip()
    text = re.sub(r"\b([0-9a-f]{8})[0-9a-f]{24}\b", r"\1", text)
    bare = text.removesuffix(".")
    for pattern, words in PLAIN:
        if match := re.fullmatch(pattern, bare, re.DOTALL):
            return f"{match.expand(words)} (ECS: {bare})"
    return text
