"""The listener's rules: in words, and which one a request meets, with why the ones before it did not; pure."""

from collections.abc import Sequence

from culm.core.decide.listener_rules import Request, holds, patterns
from culm.core.model.load_balancers import Action, Condition, Rule
from culm.core.model.record import record
from culm.operate.snapshot.observed import Observed
from culm.operate.snapshot.records import RouteRule
from culm.plan.described import to
from culm.plan.observed import Described


@record
class Trial:
    """One rule, tried."""

    rule: RouteRule
    matched: bool
    why: tuple[str, ...]
    """For each condition: whether it holds, in words."""


def rules(observed: Observed) -> tuple[RouteRule, ...]:
    """Return the rules in the order in which the load balancer tries them."""
    return tuple(_rule(listener_rule(each), observed) for each in in_order(observed.rules))


def in_order(described: Sequence[Described]) -> list[Described]:
    """Return rules in the order in which they are tried; the default one is last."""
    return sorted(described, key=lambda each: (each.get("IsDefault", False), _priority(each) or 0))


def _priority(described: Described) -> int | None:
    return int(described["Priority"]) if str(described.get("Priority", "")).isdigit() else None


def listener_rule(described: Described) -> Rule:
    """Return a described rule as the record that `core.decide.listener_rules` judges."""
    fields = {key: value for key, value in described.items() if key not in ("Priority", "IsDefault")}
    return to(Rule, {**fields, "ListenerArn": "", "Priority": _priority(described)})


def _rule(rule: Rule, observed: Observed) -> RouteRule:
    groups = [group.target_group_arn for action in rule.actions for group in action.target_groups]
    owners = {
        balanced["targetGroupArn"]: service["serviceName"]
        for service in observed.services
        for balanced in service.get("loadBalancers", ())
        if "targetGroupArn" in balanced
    }
    named = [owners.get(arn) or _group_name(observed, arn) for arn in groups]
    return RouteRule(
        priority=rule.priority,
        conditions=tuple(condition_words(condition) for condition in rule.conditions),
        action=_asks_for_users(rule) + action_words(rule.actions[-1], named),
        service=next((owners[arn] for arn in groups if arn in owners), ""),
    )


def _group_name(observed: Observed, arn: str) -> str:
    group = observed.target_groups.get(arn)
    return str(group["TargetGroupName"]) if group else arn.rpartition("/")[2]


def _asks_for_users(rule: Rule) -> str:
    return "users sign in, then " if any(action.authenticate_oidc_config for action in rule.actions) else ""


def action_words(action: Action, groups: Sequence[str]) -> str:
    """Return an action as text: `forward to orders`, `answer 404 “no such route”`, `redirect 301 to https://...`."""
    if action.fixed_response_config is not None:
        body = action.fixed_response_config.message_body
        return f"answer {action.fixed_response_config.status_code}" + (f" “{body.strip()}”" if body else "")
    if (to_ := action.redirect_config) is not None:
        code = to_.status_code.removeprefix("HTTP_")
        return f"redirect {code} to {to_.protocol}://{to_.host}:{to_.port}{to_.path}"
    weights = [group.weight for group in action.target_groups]
    if len(groups) < 2:
        return f"forward to {groups[0]}" if groups else "forward to nothing"
    return "forward to " + ", ".join(f"{name} ({weight})" for name, weight in zip(groups, weights, strict=True))


def condition_words(condition: Condition) -> str:
    """Return a condition as text: `path is /orders/*`; several values are alternatives."""
    return f"{_subject(condition)} is {' or '.join(values_of(condition))}"


def _subject(condition: Condition) -> str:
    if condition.field == "http-header" and condition.http_header_config:
        return f"header {condition.http_header_config.http_header_name}"
    return {
        "path-pattern": "path",
        "host-header": "host",
        "http-request-method": "method",
        "query-string": "query",
        "source-ip": "source address",
    }.get(condition.field, condition.field)


def values_of(condition: Condition) -> tuple[str, ...]:
    """Return what a condition asks for, as text; a regular expression stands between slashes."""
    match condition.field:
        case "path-pattern" | "host-header":
            config = patterns(condition)
            return (*config.values, *(f"/{regex}/" for regex in config.regex_values))
        case "http-header" if condition.http_header_config:
            config_ = condition.http_header_config
            return (*config_.values, *(f"/{regex}/" for regex in config_.regex_values))
        case "http-request-method" if condition.http_request_method_config:
            return condition.http_request_method_config.values
        case "source-ip" if condition.source_ip_config:
            return condition.source_ip_config.values
        case "query-string" if condition.query_string_config:
            return tuple(f"{each.key or '*'}={each.value}" for each in condition.query_string_config.values)
        case _:
            return condition.values


def route(observed: Observed, request: Request) -> tuple[Trial, ...]:
    """Return every rule up to the one that the request meets, each with why it did or did not match."""
    steps: list[Trial] = []
    for described in in_order(observed.rules):
        rule = listener_rule(described)
        verdicts = [(condition, holds(condition, request)) for condition in rule.conditions]
        matched = all(held for _, held in verdicts)
        steps.append(
            Trial(
                rule=_rule(rule, observed),
                matched=matched,
                why=tuple(_why(condition, held, request) for condition, held in verdicts)
                or ("the default rule takes what no other rule did",),
            )
        )
        if matched:
            break
    return tuple(steps)


def _why(condition: Condition, held: bool, request: Request) -> str:
    header = condition.http_header_config.http_header_name.lower() if condition.http_header_config else ""
    got = {
        "path-pattern": request.path,
        "host-header": request.host or "no host",
        "http-request-method": request.method,
        "query-string": request.query or "no query",
        "source-ip": request.source,
        "http-header": next((value for name, value in request.headers if name.lower() == header), "not sent"),
    }.get(condition.field, "")
    verb = "matches" if held else "does not match"
    return f"{_subject(condition)} {got} {verb} {' or '.join(values_of(condition))}"
