from dataclasses import replace

import pytest
from tests.traffic import NOT_FOUND, a_rule, forward, on_path

from culm.core.decide.listener_rules import Request, actions_problem, choose, conditions_problem, glob_matches, holds
from culm.core.model.load_balancers import (
    Action,
    Condition,
    FixedResponseConfig,
    ForwardConfig,
    HttpHeaderConfig,
    PatternConfig,
    QueryString,
    QueryStringConfig,
    RedirectConfig,
    TargetGroupStickinessConfig,
    TargetGroupTuple,
    ValuesConfig,
)

ASKED = Request(
    method="GET", path="/img/cat.jpg", query="v=1&Size=Big", headers=[("Host", "WWW.example.com:80")], source="10.1.2.3"
)


def on_host(*values: str, regexes: tuple[str, ...] = ()) -> Condition:
    return Condition(field="host-header", host_header_config=PatternConfig(values=values, regex_values=regexes))


def on_header(name: str, *values: str) -> Condition:
    return Condition(field="http-header", http_header_config=HttpHeaderConfig(http_header_name=name, values=values))


def on_query(*pairs: tuple[str | None, str | None]) -> Condition:
    values = tuple(QueryString(key=key, value=value) for key, value in pairs)
    return Condition(field="query-string", query_string_config=QueryStringConfig(values=values))


def on_method(*values: str) -> Condition:
    return Condition(field="http-request-method", http_request_method_config=ValuesConfig(values=values))


def on_source(*values: str) -> Condition:
    return Condition(field="source-ip", source_ip_config=ValuesConfig(values=values))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/img/*", "/img/", True),
        ("/img/*", "/img/a/b", True),
        ("/img/*", "/IMG/a", False),
        ("/img/*", "/img", False),
        ("/v?/x", "/v1/x", True),
        ("/v?/x", "/v/x", False),
        ("*", "", True),
        ("", "", True),
        ("*a*b", "xaybzb", True),
        ("*a*b", "xaybzc", False),
        ("a\\*", "a\\b", True),
    ],
)
def test_stars_are_any_run_and_question_marks_any_character(pattern, text, matches):
    assert glob_matches(pattern, text) is matches


def test_a_backslash_makes_a_wildcard_literal_in_query_strings():
    assert glob_matches("a\\*", "a*", escapes=True)
    assert not glob_matches("a\\*", "ab", escapes=True)
    assert glob_matches("a\\", "a\\", escapes=True)


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        (on_path("/api/*", "/img/*.jpg"), True),
        (Condition(field="path-pattern", values=("/img/*",)), True),
        (Condition(field="path-pattern", regex_values=("[.]jpg$",)), True),
        (on_path("/Img/*"), False),
        (on_host("*.EXAMPLE.com"), True),
        (on_host(regexes=("^www[.]",)), True),
        (on_host("example.com"), False),
        (on_header("host-like", "*"), False),
        (on_method("GET"), True),
        (on_method("get"), False),
        (on_query(("SIZE", "b?g")), True),
        (on_query((None, "1")), True),
        (on_query(("v", "2"), ("v", "")), False),
        (on_source("10.0.0.0/8"), True),
        (on_source("192.168.0.0/16", "10.0.0.0/8"), True),
        (on_source("10.1.2.4/32", "2001:db8::/32"), False),
    ],
)
def test_conditions(condition, true):
    assert holds(condition, ASKED) is true


def test_a_header_condition_looks_at_every_header_of_that_name():
    asked = replace(ASKED, headers=[("X-Kind", "a"), ("x-kind", " Blue Bird ")])
    assert holds(on_header("X-KIND", "blue*"), asked)
    assert not holds(on_host("*"), asked)


def test_all_conditions_of_a_rule_must_hold_and_the_lowest_priority_wins():
    both = a_rule(20, on_path("/img/*"), on_method("POST"), action=forward("never"))
    late = a_rule(30, on_path("/img/*"), action=forward("late"))
    early = a_rule(10, on_path("/img/c*"), action=forward("early"))
    default = a_rule(None, action=NOT_FOUND)
    rules = [default, late, both, early]
    assert choose(rules, ASKED) is early
    assert choose(rules, replace(ASKED, path="/img/dog.jpg")) is late
    assert choose(rules, replace(ASKED, path="/")) is default


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ((), "at least one condition"),
        ((Condition(field="cookie"),), "Condition field 'cookie' must be one of"),
        ((on_path(),), "A condition value must be specified"),
        ((Condition(field="http-header"),), "A 'HttpHeaderConfig' must be specified with 'http-header'"),
        ((Condition(field="http-request-method"),), "A 'HttpRequestMethodConfig' must be specified"),
        ((Condition(field="query-string"),), "A 'QueryStringConfig' must be specified with 'query-string'"),
        ((Condition(field="source-ip"),), "A 'SourceIpConfig' must be specified with 'source-ip'"),
        ((on_source(),), "A 'source-ip' value must be specified"),
        ((on_path(""),), "A condition value must be specified"),
        ((on_path("/" + "x" * 128),), "The 'path-pattern' value is too long; the limit is '128'"),
        ((Condition(field="host-header", values=("a", "b")),), "'host-header' field contains too many values"),
        ((on_query(("a", None)),), "A 'Value' must be specified in 'QueryStringKeyValuePair'"),
        ((on_query(("x" * 129, "a")),), "The 'Key' value is too long; the limit is '128'"),
        ((on_query(("a", "x" * 129)),), "The 'Value' value is too long; the limit is '128'"),
        ((on_header("x" * 41, "a"),), "The 'HttpHeaderName' value is too long; the limit is '40'"),
        ((on_method("X" * 41),), "The 'http-request-method' value is too long; the limit is '40'"),
        ((on_path("/ü"),), "contains a character that is not valid"),
        ((on_path("/a\nb"),), "contains a character that is not valid"),
        ((on_path("/a"), on_path("/b")), "only have one 'path-pattern' condition"),
        ((on_path(*(f"/{n}" for n in range(6))),), "'5' condition values"),
        ((on_query(("a", "b"), ("c", "d"), (None, "e")), on_method("GET")), "'5' condition values"),
        ((on_path("/*a*b*"), on_host("*.?.*")), "'5' condition wildcards"),
        ((on_query(("a**", "*?")), on_path("/**")), "'5' condition wildcards"),
        ((on_header("bad name", "x"),), "'bad name' is not a valid HTTP header name"),
        ((on_header("Host", "x"),), "Use a 'host-header' condition"),
        ((on_method("GET", "get"),), "the allowed characters are A-Z, hyphen and underscore"),
        ((on_source("10.0.0.1"),), "'10.0.0.1' must be in CIDR format"),
        ((on_source("10.0.0.0/33"),), "'10.0.0.0/33' must be in CIDR format"),
        ((on_host(regexes=("(",)),), "'(' is not a valid regular expression"),
        ((on_host(regexes=("(?=a)",)),), "has (?=a, which is not supported"),
        ((on_host(regexes=(r"(a)\1",)),), "has \\1, which is not supported"),
    ],
)
def test_conditions_that_amazon_refuses(conditions, message):
    problem = conditions_problem(conditions)
    assert problem is not None
    assert (problem.code, message in problem.message) == ("ValidationError", True), problem.message


def test_conditions_up_to_the_limits_are_valid():
    assert conditions_problem((on_path("/*/*", "/?"), on_host("*.example.com"), on_source("10.0.0.0/8"))) is None
    assert conditions_problem((on_query(("a\\*", "*")), on_header("X-Kind", "a", "b"))) is None
    assert conditions_problem((Condition(field="path-pattern", regex_values=("^/a",)),)) is None


def a_redirect(**settings: str) -> Action:
    return Action(type="redirect", redirect_config=RedirectConfig(status_code="HTTP_301", **settings))


def a_response(status: str = "200", **settings: str) -> Action:
    return Action(type="fixed-response", fixed_response_config=FixedResponseConfig(status_code=status, **settings))


def weighted(*weights: int, sticky: TargetGroupStickinessConfig | None = None) -> Action:
    groups = tuple(TargetGroupTuple(target_group_arn=str(n), weight=weight) for n, weight in enumerate(weights))
    config = ForwardConfig(target_groups=groups, target_group_stickiness_config=sticky)
    return Action(type="forward", forward_config=config)


@pytest.mark.parametrize(
    ("actions", "code", "message"),
    [
        ((), "InvalidLoadBalancerAction", "Exactly one"),
        ((NOT_FOUND, NOT_FOUND), "InvalidLoadBalancerAction", "Exactly one"),
        ((Action(type="forward"),), "ValidationError", "needs a target group"),
        ((weighted(1, 1, 1, 1, 1, 1),), "TooManyTargetGroups", "'5' groups"),
        ((forward("a", "a"),), "ValidationError", "only be specified once"),
        ((replace(forward("a"), target_group_arn="b"),), "ValidationError", "different target groups"),
        ((weighted(1000),), "ValidationError", "between 0 and 999"),
        ((weighted(1, sticky=TargetGroupStickinessConfig(enabled=True)),), "ValidationError", "stickiness duration"),
        ((Action(type="redirect"),), "ValidationError", "needs a RedirectConfig"),
        ((a_redirect(),), "InvalidLoadBalancerAction", "creates a loop"),
        ((a_redirect(query="a=b"),), "InvalidLoadBalancerAction", "creates a loop"),
        ((a_redirect(path="x"),), "ValidationError", "must begin with '/'"),
        ((a_redirect(port="http"),), "ValidationError", "'#{port}'"),
        ((a_redirect(host="ü"),), "ValidationError", "printable ASCII"),
        ((Action(type="fixed-response"),), "ValidationError", "needs a FixedResponseConfig"),
        ((a_response("301"),), "ValidationError", "must be 2XX, 4XX or 5XX"),
        ((a_response(content_type="image/png"),), "InvalidLoadBalancerAction", "must be one of text/plain"),
        ((a_response(message_body="\0"),), "ValidationError", "control characters"),
    ],
)
def test_actions_that_amazon_refuses(actions, code, message):
    problem = actions_problem(actions)
    assert problem is not None
    assert (problem.code, message in problem.message) == (code, True), problem.message


def test_valid_actions():
    sticky = TargetGroupStickinessConfig(enabled=True, duration_seconds=60)
    for action in (
        Action(type="forward", target_group_arn="a"),
        weighted(0, 999, sticky=sticky),
        a_redirect(protocol="HTTPS", port="443"),
        a_response("503", content_type="text/plain", message_body="later"),
    ):
        assert actions_problem((action,)) is None
