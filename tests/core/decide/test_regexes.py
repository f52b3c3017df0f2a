import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.core.decide.regexes import problem


@pytest.mark.parametrize(
    "regex",
    [
        "^/api/.*$", "a|B", "b{2}", "b{1,}", "(?:a|b)+?", "(?i:x)", r"\d+\.\w\s\x41\/", "[^]a]", r"[\]\-\d]", 
        "x{", "()", "^(a|b)*$",
    ],
)  # fmt: skip
def test_portable_regular_expressions_are_accepted(regex):
    assert problem(regex) is None


@pytest.mark.parametrize(
    "regex",
    [
        "(?a)", r"\N{DIGIT ONE}", "(?=a)", "(?!a)", "(?<=a)b", "(?P<n>a)", "(?P=n)", r"(a)\1", r"\Z", r"\u0041",
        "(?#c)", "(?>a)", "a++", "a{2}+", "(?(1)a|b)", "(?-i:a)", "(?x)", "[[:alpha:]]", "[[a]", "[a&&b]", r"\v", r"\0",
        "a{,3}", "(", "[z-a]", "a{70000}", "(a{100}){100}", "((a{40}){30}b)*", "\\", "**",
    ],
)  # fmt: skip
def test_regular_expressions_that_engines_read_differently_are_refused(regex):
    assert problem(regex)


@given(st.text(r"ab()[]{}|*+?^$\.,:=!<>#-&0123dwxzNPi ", max_size=20))
def test_every_accepted_regular_expression_compiles(regex):
    if problem(regex) is None:
        re.compile(regex)
