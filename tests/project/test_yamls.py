"""YAML as nodes: merges, lines, anchors without an end."""

import time

import pytest
import yaml

from culm.errors import UsageError
from culm.project.yamls import compose, member, pairs, scalars


def read(text: str) -> dict[str, str]:
    return {key: str(value.value) for key, value in pairs(compose(text, "f.yml"))}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{a: 1, <<: {a: 2, b: 3}}", {"a": "1", "b": "3"}),
        ("{<<: [{a: 1}, {a: 2, b: 3}], b: 4}", {"b": "4", "a": "1"}),
        ("{<<: {<<: {a: 1}, b: 2}}", {"b": "2", "a": "1"}),
        ("{a: 1, '<<': 2}", {"a": "1", "<<": "2"}),
        ("\ufeffa: 1", {"a": "1"}),
    ],
)
def test_a_merge_counts_for_the_keys_that_are_not_written_out(text: str, values: dict[str, str]) -> None:
    assert read(text) == values


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("services: &s {<<: *s}", 1),
        ("a: 1\nb: &s\n  c: [*s]\n", 2),
        ("a: &a\n  b: &b\n    <<: [*a, *b]\n", 2),
        ("&a [*a]", 1),
        ("? &a {b: *a}\n: 1", 1),
    ],
)
def test_an_anchor_that_refers_to_itself_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(UsageError, match=f"f.yml:{line}: an anchor refers to itself"):
        compose(text, "f.yml")


def test_an_anchor_that_is_used_often_is_no_circle_and_takes_no_time() -> None:
    lines = ["a0: &a0 {k: 1}"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    begun = time.process_time()
    compose("\n".join(lines), "f.yml")
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\ta: 1", "a: \x01", "- " * 3000 + "a"])
def test_what_is_no_yaml_is_refused_and_not_a_traceback(text: str) -> None:
    with pytest.raises(UsageError, match=r"f\.yml"):
        compose(text, "f.yml")


def test_members_and_scalars_of_anything_are_had_without_a_question() -> None:
    node = compose("a: [1, {b: 2}, 3]\nc: 4", "f.yml")
    assert [each.value for each in scalars(member(node, "a"))] == ["1", "3"]
    assert [each.value for each in scalars(member(node, "c"))] == ["4"]
    assert member(member(node, "c"), "x") is None
    assert pairs(yaml.ScalarNode("", "x")) == []


@pytest.mark.parametrize("text", ["a: *nobody", "a: b: c", "a: \ud800", "a: \x01", "a: [1\nb: 2"])
def test_what_libyaml_refuses_is_told_in_pyyamls_words(text: str) -> None:
    with pytest.raises(yaml.YAMLError) as plain:
        yaml.compose(text, Loader=yaml.SafeLoader)
    with pytest.raises(UsageError) as refused:
        compose(text, "culm.yml")
    words = plain.value.problem if isinstance(plain.value, yaml.MarkedYAMLError) else str(plain.value)
    assert str(words) in str(refused.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000])
def test_a_text_nested_without_end_is_refused_at_once(text: str) -> None:
    with pytest.raises(UsageError, match="nested too deeply"):
        compose(text, "culm.yml")
