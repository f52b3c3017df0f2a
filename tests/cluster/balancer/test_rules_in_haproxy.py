"""HAProxy and `decide.listener_rules` agree on which rule a request meets."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.share import examples
from tests.traffic import NOT_FOUND, a_listener, a_rule, free_port

from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.interface import Outcome
from culm.core.decide.listener_rules import Request, choose, conditions_problem
from culm.core.model.load_balancers import (
    Action,
    Condition,
    FixedResponseConfig,
    HttpHeaderConfig,
    PatternConfig,
    QueryString,
    QueryStringConfig,
    Rule,
    ValuesConfig,
)

REGEXES = ("^/a+b?$", "a|B", "[^/]b$", "^(a\\.b)'", "b{2}", "^.*x$")

globs = st.text("abB/.*?'", min_size=1, max_size=4)
words = st.text("abB./", max_size=4)
regexes = st.lists(st.sampled_from(REGEXES), max_size=1).map(tuple)


def some(values: st.SearchStrategy[str], least: int = 1) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, min_size=least, max_size=2).map(tuple)


def pattern_configs(least: int) -> st.SearchStrategy[PatternConfig]:
    return st.builds(PatternConfig, values=some(globs, least), regex_values=regexes)


conditions = st.one_of(
    st.builds(Condition, field=st.just("path-pattern"), path_pattern_config=pattern_configs(0) | pattern_configs(1)),
    st.builds(
        lambda glob: Condition(field="path-pattern", path_pattern_config=PatternConfig(values=(f"/{glob}",))), globs
    ),
    st.builds(Condition, field=st.just("host-header"), host_header_config=pattern_configs(1)),
    st.builds(
        lambda config: Condition(
            field="http-header",
            http_header_config=HttpHeaderConfig(
                http_header_name="X-Kind", values=config.values, regex_values=config.regex_values
            ),
        ),
        pattern_configs(1),
    ),
    st.builds(
        lambda values: Condition(field="http-request-method", http_request_method_config=ValuesConfig(values=values)),
        some(st.sampled_from(["GET", "POST", "PATCH", "FROB"])),
    ),
    st.builds(
        lambda pairs: Condition(field="query-string", query_string_config=QueryStringConfig(values=tuple(pairs))),
        st.lists(
            st.builds(
                QueryString,
                key=st.none() | st.text("abB*?", min_size=1, max_size=2),
                value=st.sampled_from(["a", "A*", "?", "*", "a\\*", "b.b", "\\?"]),
            ),
            min_size=1,
            max_size=2,
        ),
    ),
    st.builds(
        lambda values: Condition(field="source-ip", source_ip_config=ValuesConfig(values=values)),
        some(st.sampled_from(["127.0.0.1/32", "10.0.0.0/8", "127.0.0.0/8", "2001:db8::/32"])),
    ),
)


@st.composite
def rule_lists(draw: st.DrawFn) -> tuple[Rule, ...]:
    """Valid rules; each answers with a status of its own."""
    found = draw(st.lists(st.lists(conditions, min_size=1, max_size=2), max_size=5))
    valid = [tuple(each) for each in found if conditions_problem(each) is None]
    rules = [
        a_rule(
            priority,
            *each,
            action=replace(NOT_FOUND, fixed_response_config=FixedResponseConfig(status_code=str(410 + priority))),
        )
        for priority, each in enumerate(valid, start=1)
    ]
    return (*rules, a_rule(None, action=NOT_FOUND))


requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST", "FROB"]),
    path=words.map(lambda text: f"/{text}"),
    query=st.none() | st.text("abB&=*?.", max_size=6),
    headers=st.tuples(st.text("abB.", min_size=1, max_size=4), st.lists(words, max_size=2)).map(
        lambda both: [("Host", both[0]), *(("X-Kind", value) for value in both[1])]
    ),
    source=st.just("127.0.0.1"),
)


class Listening:
    def __init__(self, plane: HaproxyPlane) -> None:
        self.plane = plane
        self.port = free_port()
        self.runner = asyncio.Runner()

    def serve(self, rules: tuple[Rule, ...]) -> None:
        assert self.runner.run(self.plane.apply([a_listener(self.port, *rules)], [])) == Outcome()

    def statuses(self, asked: list[Request]) -> list[int]:
        return self.runner.run(self._statuses(asked))

    async def _statuses(self, asked: list[Request]) -> list[int]:
        return [await self._status(each) for each in asked]

    async def _status(self, request: Request) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        query = "" if request.query is None else f"?{request.query}"
        lines = [f"{request.method} {request.path}{query} HTTP/1.1", *(f"{n}: {v}" for n, v in request.headers)]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = await reader.read()
        writer.close()
        return int(answer.split(b" ")[1])


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    made = Listening(HaproxyPlane(tmp_path_factory.mktemp("lb")))
    with made.runner:
        made.runner.run(made.plane.start())
        yield made
        made.runner.run(made.plane.stop())


@given(rules=rule_lists(), asked=st.lists(requests, min_size=1, max_size=12))
@settings(max_examples=examples(60), deadline=None)
def test_a_request_meets_the_same_rule(listening: Listening, rules: tuple[Rule, ...], asked: list[Request]) -> None:
    listening.serve(rules)
    chosen = [choose(rules, each).actions[0] for each in asked]
    assert listening.statuses(asked) == [_status_of(action) for action in chosen]


def _status_of(action: Action) -> int:
    assert action.fixed_response_config is not None
    return int(action.fixed_response_config.status_code)
