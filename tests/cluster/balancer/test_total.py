"""Whatever the API accepts, HAProxy accepts: rules of every kind at their edges, checked by the real binary."""

import asyncio
import string
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.share import examples
from tests.traffic import NOT_FOUND, a_group, a_listener, a_rule, forward, free_port, on_path

from culm.cluster.balancer.haproxy import binary
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.haproxy.render import CLASSES, classes
from culm.core.decide.listener_rules import actions_problem, conditions_problem, transforms_problem
from culm.core.model.load_balancers import (
    Action,
    Condition,
    FixedResponseConfig,
    HttpHeaderConfig,
    PatternConfig,
    QueryString,
    QueryStringConfig,
    RedirectConfig,
    Rewrite,
    RewriteConfig,
    Transform,
    ValuesConfig,
)

printable = st.text(st.sampled_from(string.printable[:95]), max_size=20)
edges = st.sampled_from(
    ["-f", "--", "-m", "'", '"', "\\", "$HOME", "#", "%[src]", "*", "?", "\\'", " ", "a b", "''", "{", "-i"]
)
values = printable | edges
regexes = st.text(r"ab()[]{}|*+?^$\.,:-'\" 019dwxi", max_size=12)
names = st.text("!#$%&'*+-.^_`|~aZ09", min_size=1, max_size=12)


def some(of: st.SearchStrategy[str], least: int = 1, most: int = 2) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(of, min_size=least, max_size=most).map(tuple)


patterns = st.builds(PatternConfig, values=some(values), regex_values=some(regexes, 0))
conditions = st.one_of(
    st.builds(lambda c: Condition(field="path-pattern", path_pattern_config=c), patterns),
    st.builds(lambda c: Condition(field="host-header", host_header_config=c), patterns),
    st.builds(
        lambda name, c: Condition(
            field="http-header",
            http_header_config=HttpHeaderConfig(http_header_name=name, values=c.values, regex_values=c.regex_values),
        ),
        names,
        patterns,
    ),
    st.builds(
        lambda v: Condition(field="http-request-method", http_request_method_config=ValuesConfig(values=v)),
        some(st.text("-_AMF", min_size=1, max_size=4)),
    ),
    st.builds(
        lambda pairs: Condition(field="query-string", query_string_config=QueryStringConfig(values=tuple(pairs))),
        st.lists(st.builds(QueryString, key=st.none() | values, value=values), min_size=1, max_size=2),
    ),
    st.builds(
        lambda v: Condition(field="source-ip", source_ip_config=ValuesConfig(values=v)),
        some(
            st.sampled_from(
                [
                    "10.1.2.3/8",
                    "0.0.0.0/0",
                    "::/0",
                    "fe80::1%x/64",
                    "10.0.0.0/255.0.0.0",
                    "10.0.0.0/0.0.0.255",
                    "::ffff:1.2.3.4/96",
                ]
            )
            | st.ip_addresses().map(lambda ip: f"{ip}/16")
        ),
    ),
)
actions = st.one_of(
    st.builds(
        lambda status, kind, body: Action(
            type="fixed-response",
            fixed_response_config=FixedResponseConfig(status_code=status, content_type=kind, message_body=body),
        ),
        st.sampled_from([str(code) for code in (*range(200, 300), *range(400, 600))]),
        st.sampled_from([None, "text/plain", "application/json"]),
        st.none() | st.text(max_size=1024) | values | st.just("\U0001f600" * 1024),
    ),
    st.builds(
        lambda protocol, port, host, path, query: Action(
            type="redirect",
            redirect_config=RedirectConfig(
                protocol=protocol,
                port=port,
                host=host or "#{host}",
                path=f"/{path}",
                query=query,
                status_code="HTTP_301",
            ),
        ),
        st.sampled_from(["HTTP", "HTTPS", "#{protocol}"]),
        st.sampled_from(["#{port}", "80", "0", "99999", "٣"]),
        values,
        values | st.just("#{path}"),
        values | st.just("#{query}"),
    ),
    st.just(forward("web")),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("total")


def refusal(folder: Path, *rules: object) -> str:
    plane = HaproxyPlane(folder, executable=binary.find())
    (folder / CLASSES).write_text(classes())
    (folder / "haproxy.cfg").write_text(plane.render([a_listener(free_port(), *rules)], [a_group("web")]))  # type: ignore[arg-type]
    run = subprocess.run([binary.find(), "-c", "-f", "haproxy.cfg"], cwd=folder, capture_output=True, text=True)
    return "" if run.returncode == 0 else run.stdout + run.stderr


transforms = st.builds(
    lambda regex, replacement: Transform(
        type="url-rewrite",
        url_rewrite_config=RewriteConfig(rewrites=(Rewrite(regex=regex, replace=f"/{replacement}"),)),
    ),
    st.builds(lambda inside: f"^/{inside}$", regexes | st.just("(.*)")),
    values | st.sampled_from(["$1", "\\1", "$9", "%[src]", "a b"]),
)


@given(of_rule=st.lists(conditions, min_size=1, max_size=2), action=actions, rewrites=st.lists(transforms, max_size=1))
@settings(max_examples=examples(150), deadline=None)
def test_haproxy_accepts_every_rule_that_the_api_accepts(folder, of_rule, action, rewrites):
    if conditions_problem(of_rule) or actions_problem([action]) or transforms_problem(rewrites):
        return
    rule = replace(a_rule(1, *of_rule, action=action), transforms=tuple(rewrites))
    assert refusal(folder, rule) == ""


@pytest.mark.parametrize("status", [200, 204, 205, 299, 404, 599])
def test_any_status_can_come_with_a_body(folder, status):
    config = FixedResponseConfig(status_code=str(status), message_body="0")
    action = Action(type="fixed-response", fixed_response_config=config)
    assert actions_problem([action]) is None
    assert refusal(folder, a_rule(1, on_path("/x"), action=action)) == ""


@pytest.mark.parametrize("name", ["X-'a", "X-`a", "X-#a", "X-$HOME", "X-a|b^~!%&*+."])
def test_any_header_name_can_be_asked_for(folder, name):
    config = HttpHeaderConfig(http_header_name=name, values=("x",))
    condition = Condition(field="http-header", http_header_config=config)
    assert conditions_problem([condition]) is None
    assert refusal(folder, a_rule(1, condition, action=NOT_FOUND)) == ""


async def test_a_header_with_a_quote_in_its_name_decides(tmp_path):
    plane, port = HaproxyPlane(tmp_path / "lb"), free_port()
    await plane.start()
    config = HttpHeaderConfig(http_header_name="X-'a", values=("yes",))
    teapot = Action(type="fixed-response", fixed_response_config=FixedResponseConfig(status_code="418"))
    rule = a_rule(1, Condition(field="http-header", http_header_config=config), action=teapot)
    await plane.apply([a_listener(port, rule)], [])
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX-'a: yes\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 418")
        writer.close()
    finally:
        await plane.stop()
