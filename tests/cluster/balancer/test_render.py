"""The configuration file, whole, against one that was read and found right; and that it tells changes apart."""

import os
from dataclasses import replace
from pathlib import Path

from tests.traffic import a_group, a_listener, a_rule, forward, on_path

from culm.cluster.balancer.haproxy.render import render, shape
from culm.cluster.balancer.interface import Target
from culm.core.model.load_balancers import Action, Condition, PatternConfig, RedirectConfig

GOLDEN = Path(__file__).parents[2] / "golden" / "haproxy.cfg"
WHERE = {"addresses": lambda port: ["127.0.0.1", "169.254.170.2"], "version": (2, 8)}

RULES = (
    a_rule(10, on_path("/api/*", "/api"), action=forward("api")),
    a_rule(
        20,
        on_path("/img/*.jpg"),
        Condition(field="host-header", host_header_config=PatternConfig(values=("*.example.com",))),
        action=forward("api", "web", weights=(20, 80)),
    ),
    a_rule(
        30,
        on_path("/old/*"),
        action=Action(
            type="redirect", redirect_config=RedirectConfig(protocol="HTTPS", port="443", status_code="HTTP_301")
        ),
    ),
)
LISTENER = a_listener(8080, *RULES)
GROUPS = [
    a_group("web", Target(address="127.77.0.11", port=32768), sticky_seconds=86_400),
    a_group("api", Target(address="127.77.0.11", port=32769), Target(address="127.77.0.12", port=32768, draining=True)),
]


def test_the_file_is_the_golden_one():
    text = render([LISTENER], GROUPS, **WHERE)
    if os.environ.get("CULM_WRITE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_only_what_needs_a_reload_changes_the_shape():
    was = shape([LISTENER], GROUPS, **WHERE)
    assert shape([LISTENER], list(reversed([replace(group, targets=()) for group in GROUPS])), **WHERE) == was
    for listeners, groups in (
        ([replace(LISTENER, port=8081)], GROUPS),
        ([a_listener(8080, *RULES[1:])], GROUPS),
        ([replace(LISTENER, idle_timeout_seconds=30)], GROUPS),
        ([LISTENER], [*GROUPS, a_group("new")]),
        ([LISTENER], [replace(GROUPS[0], sticky_seconds=1), GROUPS[1]]),
        ([LISTENER], [replace(GROUPS[0], algorithm="least_outstanding_requests"), GROUPS[1]]),
    ):
        assert shape(listeners, groups, **WHERE) != was
    assert shape([LISTENER], GROUPS, addresses=lambda port: ["127.0.0.1"], version=(2, 8)) != was


def test_before_2_8_the_targets_of_a_sticky_group_need_a_reload_too():
    old = {**WHERE, "version": (2, 6)}
    moved = [replace(GROUPS[0], targets=()), GROUPS[1]]
    assert shape([LISTENER], moved, **old) != shape([LISTENER], GROUPS, **old)
    moved = [GROUPS[0], replace(GROUPS[1], targets=())]
    assert shape([LISTENER], moved, **old) == shape([LISTENER], GROUPS, **old)


def test_only_a_connection_that_failed_is_tried_again_and_elsewhere():
    lines = [line.strip() for line in render([LISTENER], GROUPS, **WHERE).splitlines()]
    retries = [line for line in lines if line.split(" ")[0] in ("retries", "retry-on") or "redispatch" in line]
    assert retries == ["retries 1", "retry-on conn-failure", "option redispatch 1"]
