"""Validate listener rules, and choose the one that a request matches.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from culm.core.decide import regexes
from culm.core.model.load_balancers import (
    Action,
    Condition,
    HttpHeaderConfig,
    PatternConfig,
    QueryString,
    QueryStringConfig,
    RedirectConfig,
    Rule,
    Transform,
    ValuesConfig,
)
from culm.core.model.record import record

RULES_PER_LOAD_BALANCER = 100
"""Not counting default rules."""
VALUES_PER_RULE = 5
WILDCARDS_PER_RULE = 5
GROUPS_PER_ACTION = 5
LONGEST_VALUE = 128
LONGEST_NAME = 40
"""Of a header or a request method."""
HIGHEST_WEIGHT = 999
STICKINESS_SECONDS = range(1, 604_801)

FIELDS = ("host-header", "path-pattern", "http-header", "http-request-method", "query-string", "source-ip")
CONTENT_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")

SIGN_IN = "authenticate-oidc"
HIGHEST_ORDER = 50_000
LONGEST_SESSION = 604_800
"""Seconds."""
EXTRA_PARAMETERS = 10

_COOKIE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOOPBACK = re.compile(r"127(\.[0-9]{1,3}){3}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_METHOD = re.compile(r"[A-Z_-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What no XML can carry, so that no client could read the rule again."""
_CIDR = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")
_HOST = re.compile(r"[A-Za-z0-9.$-]{1,128}")
_PORT = re.compile(r"[0-9]{1,5}")


@record
class Problem:
    """The error code and message with which AWS refuses."""

    code: str
    message: str


@record
class Request:
    """The parts of a request that conditions can test."""

    method: str
    path: str
    """As on the wire, without the query."""
    query: str | None
    """As on the wire, without the question mark; None where there is no question mark."""
    headers: Sequence[tuple[str, str]]
    source: str
    """The IP address that it came from."""

    @property
    def host(self) -> str | None:
        """Without the port."""
        return next((value.split(":")[0] for name, value in self.headers if name.lower() == "host"), None)


def choose(rules: Sequence[Rule], request: Request) -> Rule:
    """Return the first rule by priority whose conditions all hold; the default rule has none and comes last."""
    ordered = sorted(rules, key=lambda rule: (rule.priority is None, rule.priority))
    return next(rule for rule in ordered if all(holds(condition, request) for condition in rule.conditions))


def holds(condition: Condition, request: Request) -> bool:
    """Return whether one of the condition's values matches the request."""
    match condition.field:
        case "path-pattern":
            config = patterns(condition)
            return _any(config, request.path, fold=False)
        case "host-header":
            return request.host is not None and _any(patterns(condition), request.host, fold=True)
        case "http-header":
            header = condition.http_header_config or HttpHeaderConfig()
            values = [v.strip() for n, v in request.headers if n.lower() == header.http_header_name.lower()]
            config = PatternConfig(values=header.values, regex_values=header.regex_values)
            return any(_any(config, value, fold=True) for value in values)
        case "http-request-method":
            return request.method in (condition.http_request_method_config or ValuesConfig()).values
        case "query-string":
            pairs = [part.split("=", 1) for part in (request.query or "").split("&") if "=" in part]
            wanted = (condition.query_string_config or QueryStringConfig()).values
            return any(_pair_matches(want, key, value) for want in wanted for key, value in pairs)
        case _:
            source = ipaddress.ip_address(request.source)
            blocks = (condition.source_ip_config or ValuesConfig()).values
            return any(source in ipaddress.ip_network(block, strict=False) for block in blocks)


def patterns(condition: Condition) -> PatternConfig:
    """Return the values of a host-header or path-pattern condition, from either of its two fields."""
    config = condition.host_header_config if condition.field == "host-header" else condition.path_pattern_config
    return config or PatternConfig(values=condition.values, regex_values=condition.regex_values)


def glob_matches(pattern: str, text: str, *, escapes: bool = False) -> bool:
    """Return whether `pattern` matches all of `text`: `*` is any run of characters, `?` any one."""
    reached = {0}
    for kind, character in glob_parts(pattern, escapes=escapes):
        if kind == "run":
            reached = set(range(min(reached), len(text) + 1))
        else:
            reached = {i + 1 for i in reached if i < len(text) and (kind == "one" or text[i] == character)}
        if not reached:
            return False
    return len(text) in reached


def glob_parts(pattern: str, *, escapes: bool = False) -> Iterable[tuple[str, str]]:
    """Yield `("run", "*")`, `("one", "?")` or `("literal", character)`; with `escapes`, a backslash makes literals."""
    characters = iter(pattern)
    for character in characters:
        if character == "\\" and escapes:
            yield "literal", next(characters, "\\")
        else:
            yield {"*": "run", "?": "one"}.get(character, "literal"), character


def conditions_problem(conditions: Sequence[Condition]) -> Problem | None:
    """Return why AWS refuses the conditions of a rule, or None."""
    values = [value for condition in conditions for value in _values(condition)]
    if not conditions:
        return _invalid("A rule must have at least one condition")
    for condition in conditions:
        if problem := _condition_problem(condition):
            return problem
    for field in ("host-header", "http-request-method", "path-pattern", "source-ip"):
        if sum(c.field == field for c in conditions) > 1:
            return _invalid(f"A rule can only have one '{field}' condition")
    if len(values) > VALUES_PER_RULE:
        return _invalid(f"A rule can only have '{VALUES_PER_RULE}' condition values")
    wildcards = sum(
        kind != "literal"
        for condition in conditions
        for value in _globs(condition)
        for kind, _ in glob_parts(value, escapes=condition.field == "query-string")
    )
    if wildcards > WILDCARDS_PER_RULE:
        return _invalid(f"A rule can only have '{WILDCARDS_PER_RULE}' condition wildcards")
    return None


def actions_problem(actions: Sequence[Action]) -> Problem | None:
    """Return why AWS refuses the actions of a rule or of a listener's default, or None."""
    final = [action for action in actions if action.type != SIGN_IN]
    if len(final) != 1 or len(actions) > 2:
        return _misaction("Exactly one forward, redirect or fixed-response action is needed")
    if len(actions) == 2 and (problem := _sign_in_problem(actions, final[0])):
        return problem
    action = final[0]
    match action.type:
        case "forward":
            return _forward_problem(action)
        case "redirect":
            return _redirect_problem(action)
        case _:
            return _fixed_response_problem(action)


def _sign_in_problem(actions: Sequence[Action], final: Action) -> Problem | None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"""
    first = next((action for action in actions if action.type == SIGN_IN), final)
    config = first.authenticate_oidc_config
    if first is final or config is None:
        return _misaction("An authenticate-oidc action needs an AuthenticateOidcConfig")
    if first.order is None or final.order is None:
        return _invalid("An action order must be specified")
    if not 1 <= first.order < final.order <= HIGHEST_ORDER:
        return _misaction("The forward, redirect or fixed-response action must be the last one by its order")
    endpoints = {
        "Issuer": config.issuer,
        "AuthorizationEndpoint": config.authorization_endpoint,
        "TokenEndpoint": config.token_endpoint,
        "UserInfoEndpoint": config.user_info_endpoint,
    }
    for name, url in endpoints.items():
        if not _safe_url(url):
            return _invalid(f"'{name}' must be a full URL with https:// (http:// for this machine alone): '{url}'")
    if not config.client_id:
        return _invalid("A client ID must be specified")
    if not _COOKIE.fullmatch(config.session_cookie_name):
        return _invalid(f"The session cookie name '{config.session_cookie_name}' is not valid")
    if not 1 <= config.session_timeout <= LONGEST_SESSION:
        return _invalid(f"The session timeout '{config.session_timeout}' must be between 1 and {LONGEST_SESSION}")
    if len(config.authentication_request_extra_params) > EXTRA_PARAMETERS:
        return _invalid(f"At most {EXTRA_PARAMETERS} extra parameters can be specified")
    return None


def _safe_url(url: str) -> bool:
    """Return whether nobody on the way can read what is sent there."""
    if not _printable(url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    here = host == "localhost" or host.endswith(".localhost") or host == "::1" or _LOOPBACK.fullmatch(host) is not None
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and here))


def transforms_problem(transforms: Sequence[Transform]) -> Problem | None:
    """Return what AWS has against the transforms of a rule, or culm: it rewrites whole paths alone.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html
    """
    if len({transform.type for transform in transforms}) < len(transforms):
        return _invalid("A rule can only have one transform of each type")
    for transform in transforms:
        if len(transform.rewrites) != 1:
            return _invalid(f"A '{transform.type}' transform needs one rewrite")
        regex, replacement = transform.rewrites[0].regex, transform.rewrites[0].replace
        if problem := _regex_problem(regex):
            return problem
        if not (regex.startswith("^") and regex.endswith("$")):
            part = "path" if transform.type == "url-rewrite" else "host"
            return _invalid(f"'{regex}': culm serves rewrites of the whole {part}: a pattern from ^ to $")
        if not _printable(regex) or not _printable(replacement):
            return _invalid(f"The replacement '{replacement}' must be printable, as its pattern")
        if transform.type == "url-rewrite" and not replacement.startswith("/"):
            return _invalid(f"The replacement '{replacement}' must be a path, with a '/' first")
        if transform.type == "host-header-rewrite" and not _HOST.fullmatch(replacement):
            return _invalid(f"The replacement '{replacement}' must be a host name")
        groups = re.compile(regex).groups
        if any(int(number) > groups for number in re.findall(r"\$(\d)", replacement)):
            return _invalid(f"'{replacement}' names a group that '{regex}' does not have")
    return None


def _forward_problem(action: Action) -> Problem | None:
    groups = action.target_groups
    if not groups:
        return _invalid("A forward action needs a target group")
    if len(groups) > GROUPS_PER_ACTION:
        return Problem(code="TooManyTargetGroups", message=f"An action can forward to '{GROUPS_PER_ACTION}' groups")
    if len({group.target_group_arn for group in groups}) < len(groups):
        return _invalid("A target group can only be specified once in an action")
    if action.target_group_arn and action.target_group_arn != groups[0].target_group_arn:
        return _invalid("TargetGroupArn and ForwardConfig name different target groups")
    for group in groups:
        if group.weight is not None and not 0 <= group.weight <= HIGHEST_WEIGHT:
            return _invalid(f"Target group weight '{group.weight}' must be between 0 and {HIGHEST_WEIGHT}")
    sticky = action.forward_config and action.forward_config.target_group_stickiness_config
    if sticky and sticky.enabled and sticky.duration_seconds not in STICKINESS_SECONDS:
        return _invalid("Target group stickiness duration must be between 1 and 604800 seconds")
    return None


def _redirect_problem(action: Action) -> Problem | None:
    config = action.redirect_config
    if config is None:
        return _invalid("A redirect action needs a RedirectConfig")
    if not config.path.startswith("/"):
        return _invalid("The redirect path must begin with '/'")
    numeric = _PORT.fullmatch(config.port) is not None and 1 <= int(config.port) <= 65535
    if not numeric and config.port != "#{port}":
        return _invalid("The redirect port must be between 1 and 65535, or '#{port}'")
    kept = RedirectConfig(status_code=config.status_code)
    if (config.protocol, config.port, config.host, config.path) == (kept.protocol, kept.port, kept.host, kept.path):
        return _misaction("The redirect configuration is not valid because it creates a loop")
    if not all(_printable(text) for text in (config.host, config.path, config.query)):
        return _invalid("A redirect may hold printable ASCII characters only")
    return None


def _fixed_response_problem(action: Action) -> Problem | None:
    config = action.fixed_response_config
    if config is None:
        return _invalid("A fixed-response action needs a FixedResponseConfig")
    if not re.fullmatch(r"[245]\d\d", config.status_code):
        return _invalid(f"Status code '{config.status_code}' must be 2XX, 4XX or 5XX")
    if config.content_type not in (None, "", *CONTENT_TYPES):
        return _misaction(f"Content type '{config.content_type}' must be one of {', '.join(CONTENT_TYPES)}")
    if _CONTROL.search(config.message_body or ""):
        return _invalid("The message body may not hold control characters")
    return None


def _condition_problem(condition: Condition) -> Problem | None:
    if condition.field not in FIELDS:
        return _invalid(f"Condition field '{condition.field}' must be one of '[{', '.join(FIELDS)}]'")
    values = _values(condition)
    if not values:
        return _invalid(_nothing_given(condition))
    if len(condition.values) > 1 and condition.host_header_config is None and condition.path_pattern_config is None:
        return _invalid(f"The '{condition.field}' field contains too many values; the limit is '1'")
    for value in values:
        if not value and condition.field != "query-string":
            return _invalid(_nothing_given(condition))
        if len(value) > LONGEST_VALUE:
            return _invalid(f"The '{_role(condition, value)}' value is too long; the limit is '{LONGEST_VALUE}'")
        if not _printable(value):
            return _invalid(f"Condition value {value!r} contains a character that is not valid")
    for regex in _regexes(condition):
        if problem := _regex_problem(regex):
            return problem
    return _value_problem(condition)


def _nothing_given(condition: Condition) -> str:
    """Return AWS's message for a condition without a value."""
    config, given = {
        "http-header": ("HttpHeaderConfig", condition.http_header_config),
        "http-request-method": ("HttpRequestMethodConfig", condition.http_request_method_config),
        "query-string": ("QueryStringConfig", condition.query_string_config),
        "source-ip": ("SourceIpConfig", condition.source_ip_config),
    }.get(condition.field, ("", None))
    if not config:
        return "A condition value must be specified"
    if given is None:
        return f"A '{config}' must be specified with '{condition.field}'"
    return f"A '{condition.field}' value must be specified"


def _role(condition: Condition, value: str) -> str:
    """Return the word that AWS's messages use for a value of this condition."""
    if condition.field != "query-string":
        return condition.field
    pairs = (condition.query_string_config or QueryStringConfig()).values
    return "Key" if any(pair.key == value for pair in pairs) else "Value"


def _value_problem(condition: Condition) -> Problem | None:
    """Return the problem of values that are checked for one field only, or None."""
    match condition.field:
        case "http-header":
            name = (condition.http_header_config or HttpHeaderConfig()).http_header_name
            if len(name) > LONGEST_NAME:
                return _invalid(f"The 'HttpHeaderName' value is too long; the limit is '{LONGEST_NAME}'")
            if not _TOKEN.fullmatch(name):
                return _invalid(f"'{name}' is not a valid HTTP header name")
            if name.lower() == "host":
                return _invalid("Use a 'host-header' condition to match the host header")
        case "http-request-method":
            if any(len(value) > LONGEST_NAME for value in _values(condition)):
                return _invalid(f"The 'http-request-method' value is too long; the limit is '{LONGEST_NAME}'")
            if not all(_METHOD.fullmatch(value) for value in _values(condition)):
                return _invalid(
                    "The 'http-request-method' value is invalid; the allowed characters are A-Z, hyphen and underscore"
                )
        case "query-string":
            pairs = (condition.query_string_config or QueryStringConfig()).values
            if any(pair.value is None for pair in pairs):
                return _invalid("A 'Value' must be specified in 'QueryStringKeyValuePair'")
        case "source-ip":
            for value in _values(condition):
                try:
                    if not _CIDR.fullmatch(value):
                        raise ValueError(value)
                    ipaddress.ip_network(value, strict=False)
                except ValueError:
                    return _invalid(f"Source IP '{value}' must be in CIDR format")
    return None


def _regex_problem(regex: str) -> Problem | None:
    why = regexes.problem(regex)
    return _invalid(f"'{regex}' {why}") if why else None


def _values(condition: Condition) -> tuple[str, ...]:
    """Return everything in the condition that counts towards the limit of values."""
    match condition.field:
        case "query-string":
            pairs = (condition.query_string_config or QueryStringConfig()).values
            return tuple(text for pair in pairs for text in (pair.key, pair.value) if text is not None)
        case "http-request-method":
            return (condition.http_request_method_config or ValuesConfig()).values
        case "source-ip":
            return (condition.source_ip_config or ValuesConfig()).values
        case _:
            return (*_globs(condition), *_regexes(condition))


def _globs(condition: Condition) -> tuple[str, ...]:
    """Return the values in which `*` and `?` are wildcards."""
    match condition.field:
        case "host-header" | "path-pattern":
            return patterns(condition).values
        case "http-header":
            return (condition.http_header_config or HttpHeaderConfig()).values
        case "query-string":
            return _values(condition)
        case _:
            return ()


def _regexes(condition: Condition) -> tuple[str, ...]:
    match condition.field:
        case "host-header" | "path-pattern":
            return patterns(condition).regex_values
        case "http-header":
            return (condition.http_header_config or HttpHeaderConfig()).regex_values
        case _:
            return ()


def _any(config: PatternConfig, text: str, *, fold: bool) -> bool:
    case: Callable[[str], str] = str.lower if fold else str
    return any(glob_matches(case(value), case(text)) for value in config.values) or any(
        re.search(regex, text, re.IGNORECASE if fold else 0) for regex in config.regex_values
    )


def _pair_matches(want: QueryString, key: str, value: str) -> bool:
    """Return whether a query string has the pair, ignoring case; a pair without a key matches any key."""
    return (want.key is None or glob_matches(want.key.lower(), key.lower(), escapes=True)) and glob_matches(
        (want.value or "").lower(), value.lower(), escapes=True
    )


def _printable(text: str) -> bool:
    return all(" " <= character <= "~" for character in text)


def _misaction(message: str) -> Problem:
    return Problem(code="InvalidLoadBalancerAction", message=message)


def _invalid(message: str) -> Problem:
    return Problem(code="ValidationError", message=message)
