"""Where a request would go, and why."""

from tests.operate.snapshot.described import observed, rule

from culm.core.decide.listener_rules import Request
from culm.operate.snapshot import routes


def request(path: str, method: str = "GET", **headers: str) -> Request:
    return Request(method=method, path=path, query=None, headers=list(headers.items()), source="127.0.0.1")


def test_rules_are_listed_in_the_order_they_are_tried_with_the_default_last():
    seen = observed(rules=[rule("default"), rule("20", "/b/*", "other"), rule("10")])
    assert [(one.priority, one.conditions, one.action) for one in routes.rules(seen)] == [
        (10, ("path is /orders/*",), "forward to orders"),
        (20, ("path is /b/*",), "forward to 1"),
        (None, (), "answer 404 “none”"),
    ]


def test_a_request_meets_the_first_rule_that_matches_and_the_ones_before_say_why_not():
    seen = observed(rules=[rule("default"), rule("20"), rule("10", "/catalog/*")])
    steps = routes.route(seen, request("/orders/42"))
    assert [(step.rule.priority, step.matched, step.why) for step in steps] == [
        (10, False, ("path /orders/42 does not match /catalog/*",)),
        (20, True, ("path /orders/42 matches /orders/*",)),
    ]


def test_what_no_rule_takes_meets_the_default():
    *_, last = routes.route(observed(), request("/nowhere"))
    assert (last.rule.priority, last.matched, last.rule.action) == (None, True, "answer 404 “none”")


def test_conditions_on_hosts_methods_and_headers_are_told_with_what_was_sent():
    several = {
        **rule(),
        "Conditions": [
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example"]}},
            {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"]}},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Beta", "Values": ["yes"]}},
        ],
    }
    first, _ = routes.route(observed(rules=[rule("default"), several]), request("/", Host="shop.example"))
    assert first.why == (
        "host shop.example matches shop.example",
        "method GET does not match POST",
        "header X-Beta not sent does not match yes",
    )
