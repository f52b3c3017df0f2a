"""The configuration file: listeners, rules and groups as HAProxy's own rules. Pure.

ALB's behaviour in HAProxy's words. The first rule whose conditions hold either answers at once (redirect, fixed
response) or names the group; every later line asks `!hit`. https://docs.haproxy.org/2.8/configuration.html
"""

import base64
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from culm.cluster.balancer import access_lines, sessions
from culm.cluster.balancer.haproxy import words
from culm.cluster.balancer.interface import RESPONSE_BOUNDS, Group, Listener, SignIn, Target
from culm.core.decide.listener_rules import patterns
from culm.core.model import load_balancers as elb
from culm.core.model.record import record

Addresses = Callable[[int], Sequence[str]]
"""Where a port is listened on."""

STATS_SOCKET = "stats.sock"
"""Relative, as every path in the file: HAProxy runs in its folder, and a socket's path may have 107 bytes only."""

_ABSENT = "absent"
"""The backend, which there is not, of a group that is left out: its requests are answered with 503."""
_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
_NO_TARGET = "503 Service Temporarily Unavailable"
_BAD_GATEWAY = "502 Bad Gateway"
_TIMED_OUT = "504 Gateway Time-out"


def render(
    listeners: Sequence[Listener], groups: Sequence[Group], *, addresses: Addresses, version: tuple[int, int]
) -> str:
    """Return the whole file.

    Its description names its shape, so that a running HAProxy can be asked which one it has.
    """
    body = "\n".join(_lines(listeners, groups, addresses))
    return _global(shape(listeners, groups, addresses=addresses, version=version), version) + body + "\n"


def shape(
    listeners: Sequence[Listener], groups: Sequence[Group], *, addresses: Addresses, version: tuple[int, int]
) -> str:
    """Return a digest of all that only a reload can change: everything but the targets.

    HAProxy before 2.8 gives no cookie to a server that is added at run time, so there a sticky group's targets count.
    """
    empty = [g if g.sticky_seconds and version < (2, 8) else replace(g, targets=()) for g in groups]
    text = _global("", version) + "\n".join(_lines(listeners, empty, addresses))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


HEADER_BYTES = 65536
LINE_BYTES = 16384
"""Of a request's headers and of its first line, as an application load balancer takes them; more is answered with 400.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-400-issues
"""
HEADER_SECONDS = 10
"""Within which a request's headers have to be there, so that half requests do not keep others out."""
HOT_BYTES = 8_388_608
"""That a thread keeps for its next requests: at the default, 512 KiB, buffers as long as ours come from the system.

HAProxy 2.6 has no such setting.
"""
MOST_DESCRIPTORS = 20_000
"""HAProxy takes half as many connections, or fewer where this machine allows a process less."""


def server_options(group: Group, target: Target) -> str:
    """Return what follows a server's name and address, in the file and on the runtime socket alike.

    Weight 100 gives slow start steps to climb.
    """
    climbs = f" slowstart {group.slow_start_seconds}s" if group.slow_start_seconds else ""
    kept = hashlib.sha1(f"{target.name}{_token(group.arn)}".encode(), usedforsecurity=False).hexdigest()
    spoken = "" if target.socket else _spoken(group)
    return f"weight 100{climbs}{spoken}" + (f" cookie {kept}" if group.app_cookie else "")


def _spoken(group: Group) -> str:
    """Return how a target is spoken to, where that is not plain HTTP/1.1."""
    if group.tls:
        return f" ssl verify none alpn {'http/1.1' if group.protocol_version == 'HTTP1' else 'h2'}"
    return "" if group.protocol_version == "HTTP1" else " proto h2"


def backend(group: Group) -> str:
    return backend_of(group.name)


def backend_of(group_name: str) -> str:
    """Return the name of the backend of a target group of this name."""
    return f"group-{group_name}"


def handover_socket(port: int) -> str:
    """Return the name of the socket that takes connections over, by the PROXY protocol."""
    return f"handover-{port}.sock"


def frontend(listener: Listener) -> str:
    return f"listener-{listener.port}"


def _global(description: str, version: tuple[int, int]) -> str:
    hot = f"    tune.memory.hot-size {HOT_BYTES}\n" if version >= (2, 8) else ""
    return f"""\
# Made by culm from its listeners, rules and target groups; changes are lost.
global
    description culm-{description}
    stats socket unix@{STATS_SOCKET} mode 600 level admin expose-fd listeners
    fd-hard-limit {MOST_DESCRIPTORS}
    tune.bufsize {HEADER_BYTES + 2048}
{hot}    tune.http.maxhdr 1000
    nbthread 2
    noreuseport
    hard-stop-after 1h

defaults
    mode http
    retries 1
    retry-on conn-failure
    option redispatch 1
    http-reuse safe
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
    http-error status 502 content-type text/html string {words.word(_PAGE.format(_BAD_GATEWAY))} hdr server awselb/2.0
    http-error status 503 content-type text/html string {words.word(_PAGE.format(_NO_TARGET))} hdr server awselb/2.0
    http-error status 504 content-type text/html string {words.word(_PAGE.format(_TIMED_OUT))} hdr server awselb/2.0
"""


def _failing(name: str) -> Iterator[str]:
    """HAProxy says 503 both when a group has no target and when the target refused, which ALB answers with 502."""
    page = words.word(_PAGE.format(f"%[nbsrv({name}),iif({_BAD_GATEWAY},{_NO_TARGET})]"))
    yield f"    http-error status 503 content-type text/html lf-string {page} hdr server awselb/2.0"
    yield "    http-response set-var(txn.answered) bool(true) if { status 503 }"
    yield (
        '    http-after-response set-status 502 reason "Bad Gateway"'
        f" if {{ status 503 }} {{ nbsrv({name}) gt 0 }} !{{ var(txn.answered) -m bool }}"
    )


def _lines(listeners: Sequence[Listener], groups: Sequence[Group], addresses: Addresses) -> Iterator[str]:
    names = {group.arn: backend(group) for group in groups}
    paths_count = any(part.startswith("/") for group in groups for part in group.uncounted or ())
    for listener in sorted(listeners, key=lambda listener: listener.port):
        yield ""
        yield from _frontend(listener, names, addresses, paths_count=paths_count)
    for group in sorted(groups, key=lambda group: group.name):
        yield ""
        yield from _backend(group)
    if groups:
        yield from _times()
    if any(listener.sign_ins for listener in listeners):
        yield ""
        yield f"backend {SIGN_IN}"
        yield f"    server self unix@{sessions.SOCKET}"


def _frontend(listener: Listener, names: dict[str, str], addresses: Addresses, *, paths_count: bool) -> Iterator[str]:
    """Yield one listener. `paths_count`: a group needs the path that was asked for, before rules rewrite it.

    After a reload the old process still has its idle client connections, and may get one more request on each; its
    targets cannot be changed any more, so it hands that request to the new process, untouched.
    """
    name, port = frontend(listener), listener.port
    handover = f"unix@{handover_socket(port)}"
    yield f"frontend {name}"
    outside = listener.tls is not None and not listener.tls.certificates
    for index, address in enumerate(() if outside else addresses(port)):
        # an address after the first may come and go with a network interface: transparent binds it all the same
        yield f"    bind {address}:{port}" + (" transparent" if index else "") + _tls(listener)
    yield f"    bind {handover} mode 600 accept-proxy"
    yield f"    timeout client {listener.idle_timeout_seconds}s"
    yield f"    timeout http-request {min(listener.idle_timeout_seconds, HEADER_SECONDS)}s"
    yield f"    timeout http-keep-alive {listener.idle_timeout_seconds}s"
    yield "    option idle-close-on-response"
    if listener.access_log:
        yield from _access_log(listener)
    yield "    http-request allow if { stopping }"
    yield f"    http-request deny deny_status 400 if {{ url_len gt {LINE_BYTES} }}"
    if listener.drops_invalid_headers:
        yield "    http-request del-header [^-A-Za-z0-9] -m reg"
    yield from _forwarded_headers(listener)
    if listener.access_log:
        yield "    http-request set-var(txn.trace) req.fhdr(x-amzn-trace-id)"
    if paths_count:
        yield "    http-request set-var(txn.asked) path"
    if listener.sign_ins:
        yield "    http-request del-header X-Amzn-Oidc- -m beg"
        yield "    http-request set-var(txn.clock) date"
        yield f"    http-request set-var(txn.group) str({SIGN_IN}) if {{ path {sessions.CALLBACK} }}"
    handing_over = f"    use_backend handover-{port} if {{ stopping }}"
    if not listener.access_log and all(_plain(rule, names) for rule in listener.rules):
        yield handing_over
        for rule in listener.rules:
            yield from _plain_rule(rule, names)
    else:
        yield "    acl hit var(txn.group) -m found"
        for rule in listener.rules:
            yield from _rule(rule, names, listener)
        yield handing_over
        yield "    use_backend %[var(txn.group)]"
    for header, value in listener.response_headers:
        change = f"set-header {header} {words.word(value.replace('%', '%%'))}" if value else f"del-header {header}"
        yield f"    http-after-response {change}"
    yield ""
    yield f"backend handover-{port}"
    yield f"    server self {handover} send-proxy-v2"


LOG_LINE_BYTES = 32_768
"""Of a record of a request, which is cut at that."""


def _access_log(listener: Listener) -> Iterator[str]:
    """Send a record of each request to the daemon, as `access_lines` reads it; the daemon knows what is not in it.

    What clients choose is URL-encoded, so that it holds no space. A process that hands a request over says nothing.
    """
    yield f"    log unix@{access_lines.SOCKET} len {LOG_LINE_BYTES} format raw local0"
    yield "    http-request set-log-level silent if { stopping }"
    for name, sample in access_lines.VARIABLES.items():
        yield f"    http-request set-var(txn.{name}) {sample}"
    yield "    http-response set-var(txn.target_status) status"
    yield "    http-after-response set-var(txn.location) res.hdr(location)"
    decrypted = certificate_list(listener) is not None
    fields = dict(access_lines.FIELDS) | ({} if decrypted else dict.fromkeys(access_lines.OF_TLS, "-"))
    yield f'    log-format "{listener.port} {" ".join(fields.values())}"'


def scheme(listener: Listener) -> str:
    """Return what a listener's URLs begin with."""
    return "https" if listener.tls is not None else "http"


def certificate_list(listener: Listener) -> tuple[str, str] | None:
    """Return the name and the text of the file that lists a listener's certificates; None: HAProxy decrypts nothing.

    Another content has another name, so that a changed certificate is another shape. HAProxy takes a certificate by the
    domains that it is for, and the first one where none is for the client's.
    """
    if listener.tls is None or not listener.tls.certificates:
        return None
    text = "".join(f"{each.name}\n" for each in listener.tls.certificates)
    return f"certificates-{listener.port}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.list", text


def _tls(listener: Listener) -> str:
    """Return what a `bind` line says besides. An ALB offers HTTP/2 where there is TLS, and there alone."""
    listed = certificate_list(listener)
    if listed is None or listener.tls is None:
        return ""
    versions = f"ssl-min-ver {listener.tls.oldest} ssl-max-ver {listener.tls.newest}"
    offered = "h2,http/1.1" if listener.tls.http2 else "http/1.1"
    return f" ssl crt-list {listed[0]} alpn {offered} {versions}"


def _forwarded_headers(listener: Listener) -> Iterator[str]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
    """
    now = "1-%[date,htonl,hex,lower]-%[rand,xxh64,hex,lower]%[rand,htonl,hex,lower]"  # 16 digits and 8
    yield "    acl rooted req.fhdr(x-amzn-trace-id) -m sub Root="
    yield f'    http-request set-header X-Amzn-Trace-Id "Self={now};%[req.fhdr(x-amzn-trace-id)]" if rooted'
    yield f'    http-request set-header X-Amzn-Trace-Id "Root={now}" unless rooted'
    if listener.forwarded_for == "append":
        client = "%[src]:%[src_port]" if listener.client_port else "%[src]"
        yield "    acl forwarded req.fhdr(x-forwarded-for) -m found"
        yield f'    http-request set-header X-Forwarded-For "%[req.fhdr(x-forwarded-for)], {client}" if forwarded'
        if listener.client_port:  # else the group's backend does it
            yield f'    http-request set-header X-Forwarded-For "{client}" unless forwarded'
    elif listener.forwarded_for == "remove":
        yield "    http-request del-header X-Forwarded-For"
    yield f"    http-request set-header X-Forwarded-Proto {scheme(listener)}"
    yield f"    http-request set-header X-Forwarded-Port {listener.port}"


def _plain(rule: elb.Rule, names: dict[str, str]) -> bool:
    """Return whether a rule only forwards, to one group that there is."""
    action = rule.actions[-1]
    sticky = action.forward_config and action.forward_config.target_group_stickiness_config
    return (
        action.type == "forward"
        and len(action.target_groups) == 1
        and action.target_groups[0].target_group_arn in names
        and action.target_groups[0].weight != 0
        and not (sticky and sticky.enabled)
        and not rule.transforms
        and len(rule.actions) == 1
    )


def _plain_rule(rule: elb.Rule, names: dict[str, str]) -> Iterator[str]:
    """Where all rules of a listener are plain, HAProxy's own words for it cost a request the least."""
    label, conditions = _label(rule), _conditions(rule)
    yield f"    # {label}"
    yield from conditions.lines
    when = f" if {' '.join(conditions.names)}" if conditions.names else ""
    yield f"    use_backend {names[rule.actions[-1].target_groups[0].target_group_arn]}{when}"


@record
class _Conditions:
    names: tuple[str, ...]
    lines: tuple[str, ...]


def _conditions(rule: elb.Rule) -> _Conditions:
    """Return the ACLs of a rule's conditions, all of which have to hold."""
    names = tuple(f"{_label(rule)}.{index}" for index, _ in enumerate(rule.conditions))
    tests = [(name, _tests(condition)) for name, condition in zip(names, rule.conditions, strict=True)]
    return _Conditions(names=names, lines=tuple(f"    acl {name} {test}" for name, each in tests for test in each))


def _label(rule: elb.Rule) -> str:
    return "default" if rule.priority is None else f"rule-{rule.priority}"


def _rule(rule: elb.Rule, names: dict[str, str], listener: Listener) -> Iterator[str]:
    label, conditions = _label(rule), _conditions(rule)
    yield f"    # {label}"
    yield from conditions.lines
    when = " ".join(["if !hit", *conditions.names])
    action = rule.actions[-1]
    if listener.access_log:
        yield f"    http-request set-var(txn.rule) str({rule.priority or 0}/{action.type}) {when}"
    if (user := listener.sign_ins.get(rule.rule_arn)) is not None:
        yield from _signed_in(user, rule, when)
    if action.redirect_config:
        yield from _redirect(action.redirect_config, listener, when)
    elif action.fixed_response_config:
        yield _fixed_response(action.fixed_response_config, when)
    else:
        if rule.transforms:
            yield f"    http-request set-var(txn.rewrite) str({label}) {when}"
        yield from _forward(action, names, label, when)
        for transform in rule.transforms:
            yield from _rewrite(transform, label)


SIGN_IN = "sign-in"
"""The backend that `sign_in.Authenticator` answers for."""


def _signed_in(user: SignIn, rule: elb.Rule, when: str) -> Iterator[str]:
    """Open the session of a request, as `sessions` seals it, and tell the target whose it is."""
    cookies = [f"req.cook({user.cookie}-{number})" for number in range(sessions.COOKIES)]
    key = base64.b64encode(user.key).decode()
    yield f"    http-request set-var(txn.rest) {cookies[-1]} {when}"
    for cookie in reversed(cookies[1:-1]):
        yield f"    http-request set-var(txn.rest) {cookie},concat(,txn.rest) {when}"
    yield f"    http-request set-var(txn.session) {cookies[0]},concat(,txn.rest) {when}"
    yield f"    http-request set-var(txn.nonce) var(txn.session),field(1,~) {when}"
    yield f"    http-request set-var(txn.tag) var(txn.session),field(2,~) {when}"
    decrypted = f"b64dec,aes_gcm_dec(256,txn.nonce,{key},txn.tag)"
    yield f"    http-request set-var(txn.opened) var(txn.session),field(3,~),{decrypted} {when}"
    fits = f"{{ var(txn.opened),field(1,|) -m str {user.binding} }}"
    lives = "{ var(txn.opened),field(2,|),sub(txn.clock) gt 0 }"
    yield f"    http-request set-var(txn.user) var(txn.opened) {when} {fits} {lives}"
    known = f"{when} {{ var(txn.user) -m found }}"
    for name, part in ("Identity", "field(3,|),url_dec"), ("Accesstoken", "field(4,|)"), ("Data", "field(5,|)"):
        yield f"    http-request set-header X-Amzn-Oidc-{name} %[var(txn.user),{part}] {known}"
    unknown = f"{when} !{{ var(txn.user) -m found }}"
    if user.unknown == "deny":
        yield f"    http-request return status 401 hdr server awselb/2.0 {unknown}"
    elif user.unknown == "authenticate":
        yield f"    http-request set-header {sessions.RULE_HEADER} {rule.rule_arn} {unknown}"
        yield f"    http-request set-var(txn.group) str({SIGN_IN}) {unknown}"


def _tests(condition: elb.Condition) -> Iterator[str]:
    """Yield an ACL's lines: it holds when one of them does."""
    match condition.field:
        case "path-pattern":
            yield from _pattern_tests("path", patterns(condition))
        case "host-header":
            yield from _pattern_tests("req.hdr(host),field(1,:)", patterns(condition), "-i")
        case "http-header":
            header = condition.http_header_config or elb.HttpHeaderConfig()
            config = elb.PatternConfig(values=header.values, regex_values=header.regex_values)
            yield from _pattern_tests(words.quoted(f'req.fhdr("{header.http_header_name}")'), config, "-i")
        case "http-request-method":
            for value in (condition.http_request_method_config or elb.ValuesConfig()).values:
                yield f"method -- {value}"
        case "query-string":
            for pair in (condition.query_string_config or elb.QueryStringConfig()).values:
                yield f"query -m reg -i {words.quoted(_pair_regex(pair))}"
        case _:
            for value in (condition.source_ip_config or elb.ValuesConfig()).values:
                yield f"src -- {ipaddress.ip_network(value, strict=False)}"


def _pattern_tests(what: str, config: elb.PatternConfig, *flags: str) -> Iterator[str]:
    """By the cheapest match that will do."""
    for value in config.values:
        if words.is_literal(value):
            how, text = "str", value
        elif value.endswith("*") and words.is_literal(value[:-1]):
            how, text = "beg", value[:-1]
        else:
            how, text = "reg", f"^{words.glob_regex(value)}$"
        yield " ".join([what, "-m", how, *flags, "--", words.quoted(text)]) if text else f"{what} -m found"
    for regex in config.regex_values:
        yield " ".join([what, "-m reg", *flags, "--", words.quoted(regex)])


def _pair_regex(pair: elb.QueryString) -> str:
    key = "[^&=]*" if pair.key is None else words.glob_regex(pair.key, run="[^&=]*", single="[^&=]", escapes=True)
    value = words.glob_regex(pair.value or "", run="[^&]*", single="[^&]", escapes=True)
    return f"(^|&){key}={value}(&|$)"


def _redirect(config: elb.RedirectConfig, listener: Listener, when: str) -> Iterator[str]:
    """A query that turns out empty leaves no question mark behind."""
    code = config.status_code.removeprefix("HTTP_")
    here = listener.port, scheme(listener)
    location, query = words.location(config, *here), words.location_query(config, *here)
    line = f"    http-request redirect code {code} location"
    if query == "%[query]":
        yield f"{line} {words.quoted(f'{location}?{query}')} {when} {{ query -m len gt 0 }}"
        query = ""
    yield f"{line} {words.quoted(location + ('?' + query if query else ''))} {when}"


def _fixed_response(config: elb.FixedResponseConfig, when: str) -> str:
    content = ""
    if config.message_body and config.status_code != "204":  # which cannot have one
        content = f" content-type {config.content_type or 'text/plain'} string {words.word(config.message_body)}"
    return f"    http-request return status {config.status_code}{content} hdr server awselb/2.0 {when}"


def _forward(action: elb.Action, names: dict[str, str], label: str, when: str) -> Iterator[str]:
    """To one group, or to several by weight: each line is met by its share of what the lines before it left."""
    groups = [
        (names.get(g.target_group_arn, _ABSENT), 1 if g.weight is None else g.weight) for g in action.target_groups
    ]
    sticky = action.forward_config and action.forward_config.target_group_stickiness_config
    if sticky and sticky.enabled:
        yield f"    http-request set-var(txn.sticky) str({label}) {when}"
        for name, _ in groups:
            mine = f"{{ req.cook(AWSALBTG) -m str {_token(name)} }}"
            yield f"    http-request set-var(txn.group) str({name}) {when} {mine}"
            yield from _group_cookies(label, name, sticky.duration_seconds or 0)
    left = sum(weight for _, weight in groups)
    for name, weight in groups:
        if weight:
            chance = "" if weight == left else f" {{ rand({left}) lt {weight} }}"
            yield f"    http-request set-var(txn.group) str({name}) {when}{chance}"
            left -= weight
    if not any(weight for _, weight in groups):
        yield f"    http-request return status 503 default-errorfiles {when}"


def _rewrite(transform: elb.Transform, label: str) -> Iterator[str]:
    """Once its group is chosen: later rules do not look at path and host any more. A host's port goes with it."""
    for rewrite in transform.rewrites:
        replacement = re.sub(r"\$(\d)", r"\\\1", rewrite.replace.replace("\\", "\\\\").replace("%", "%%"))
        when = f"if {{ var(txn.rewrite) -m str {label} }}"
        if transform.type == "url-rewrite":
            yield f"    http-request replace-pathq {words.quoted(rewrite.regex)} {words.quoted(replacement)} {when}"
        else:
            regex = f"^(?:{rewrite.regex.removeprefix('^').removesuffix('$')})(?::[0-9]+)?$"
            yield f"    http-request replace-header Host {words.quoted(regex)} {words.quoted(replacement)} {when}"


def _group_cookies(label: str, name: str, seconds: int) -> Iterator[str]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html"""
    when = f"if {{ var(txn.sticky) -m str {label} }} {{ var(txn.group) -m str {name} }}"
    for cookie, more in ("AWSALBTG", ""), ("AWSALBTGCORS", "; SameSite=None; Secure"):
        value = f"{cookie}={_token(name)}; Max-Age={seconds}; Path=/{more}"
        yield f"    http-after-response add-header Set-Cookie {words.quoted(value)} {when}"


def _backend(group: Group) -> Iterator[str]:
    name = backend(group)
    yield f"backend {name}"
    yield f"    balance {'leastconn' if group.algorithm == 'least_outstanding_requests' else 'roundrobin'}"
    yield f"    timeout server {group.idle_timeout_seconds}s"
    yield f"    timeout tunnel {group.idle_timeout_seconds}s"
    if group.uncounted is not None:
        yield from _counted(group.uncounted)
    if group.adds_client:
        yield "    option forwardfor if-none"
    if group.tls:
        yield "    # its targets speak TLS"  # so that it is another shape than the group of its name that does not
    yield from _failing(name)
    yield from _timed(name)
    yield from _fitting(group)
    if group.sticky_seconds and group.app_cookie:
        yield from _app_cookie(group)
    elif group.sticky_seconds:
        age = f"Max-Age={group.sticky_seconds}"
        yield f"    dynamic-cookie-key {_token(group.arn)}"
        yield f'    cookie AWSALB insert nocache dynamic attr "{age}"'
        yield (
            f'    http-after-response add-header Set-Cookie "AWSALBCORS=%[res.cook(AWSALB)]; {age}; Path=/;'
            ' SameSite=None; Secure" if { res.cook(AWSALB) -m found }'
        )
    for target in group.targets:
        yield f"    server {_server(target)} {server_options(group, target)}{' disabled' if target.draining else ''}"


TIMES = "response-times"
"""The table of response times: a row for each target and class of RESPONSE_BOUNDS."""
CLASSES = "response-classes.map"
"""The file by which HAProxy finds a time's class."""
_MOST_TIMED = 65_536
"""Rows in that table; those that were silent longest make room."""


def classes() -> str:
    """Return the text of CLASSES.

    HAProxy looks ranges up for addresses alone, in one step for all of them: so microseconds are written as the IPv4
    addresses of the same number. 0.0.0.0/8 would be up to 16.8 s.
    """
    lines, least = [], 0
    for number, bound in enumerate(RESPONSE_BOUNDS):
        first, last = ipaddress.IPv4Address(least), ipaddress.IPv4Address(bound)
        lines += [f"{block} {number}" for block in ipaddress.summarize_address_range(first, last)]
        least = bound + 1
    return "\n".join(lines) + "\n"


def _times() -> Iterator[str]:
    yield ""
    yield f"backend {TIMES}"
    yield f"    stick-table type string len 120 size {_MOST_TIMED} expire 24h store conn_cnt"


def _timed(name: str) -> Iterator[str]:
    """Count a response in the class of the time from the request's leaving to the response's first byte."""
    took = f"date(0,us),sub(txn.sent),map_ip({CLASSES},{len(RESPONSE_BOUNDS)})"
    yield "    http-request set-var(txn.sent) date(0,us)"
    yield f"    http-response set-var(txn.class) {took}"
    yield f"    http-response track-sc1 srv_name,concat(/{name}/,txn.class) table {TIMES}"


def _fitting(group: Group) -> Iterator[str]:
    """Answer what the group's targets do not speak.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-464-issues
    """
    refuse = "    http-request return status 464 hdr server awselb/2.0 if"
    if group.protocol_version == "HTTP1":
        yield f"{refuse} METH_POST {{ req.fhdr(content-type) -m beg application/grpc }}"
        return
    yield f"{refuse} !{{ req.ver 2.0 }}"
    if group.protocol_version == "GRPC":
        yield f"{refuse} !METH_POST"


def _app_cookie(group: Group) -> Iterator[str]:
    """Keep a client at its target once that has set the application's cookie, by a cookie that names the target.

    HAProxy only reads that cookie (it is not told to insert it): the response to which it belongs is ours to choose.
    Its value is the one that `server_options` gives the server.
    """
    sets = words.quoted(f'res.cook("{group.app_cookie}")')
    yield "    cookie AWSALBAPP-0 nocache"
    yield f'    http-after-response set-var-fmt(txn.kept) "%[srv_name]{_token(group.arn)}" if {{ {sets} -m found }}'
    yield (
        '    http-after-response add-header Set-Cookie "AWSALBAPP-0=%[var(txn.kept),sha1,hex,lower];'
        f' Max-Age={group.sticky_seconds}; Path=/" if {{ var(txn.kept) -m found }}'
    )


def _counted(uncounted: Sequence[str]) -> Iterator[str]:
    """Count requests in a table of one row, but for those that are left out; paths as the client has asked for them."""
    yield "    stick-table type string len 4 size 8 expire 24h store http_req_cnt"
    for part in uncounted:
        sample, how = ("var(txn.asked)", "-m beg") if part.startswith("/") else ("req.fhdr(user-agent)", "-m sub -i")
        yield f"    acl uncounted {sample} {how} -- {words.quoted(part)}"
    yield "    http-request track-sc0 str(all)" + (" unless uncounted" if uncounted else "")


def _server(target: Target) -> str:
    return f"{target.name} {target.where}"


def _token(text: str) -> str:
    """Opaque, and the same after every restart."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
