"""A plan as a comment on a pull request."""

from dataclasses import replace

from tests.plan.test_moves import running, wanted
from tests.plan.test_screen import made, of_type

from culm.cli.screens.markdown import markdown
from culm.plan import plan
from culm.plan.differences import Difference


def test_the_short_of_it_comes_first_and_the_screen_is_folded_away() -> None:
    state = of_type(running(*"abcdef"))
    changed = (
        Difference(field="image", old="a@sha256:0123456789abcdef", new="built on deploy"),
        Difference(field="command", old=None, new="a | b <c>"),
    )
    migrating = wanted(state, "a", migrates=True)
    one = plan.Asked(wanted=migrating, differences=changed, migration="runs", effect="unknown", good=True)
    same = plan.Asked(wanted=replace(wanted(state, "b"), definition=state.task_definitions["b:1"]), migration="has run")
    text = markdown(made(state, one, same, notes=("a note",)))
    head, _, folded = text.partition("<details>")
    assert (
        head
        == """\
<!-- culm plan of bamboo on local -->
### bamboo on local: 1 of 2 services change

| service | what happens | what changes |
|---|---|---|
| **a** | is down while its migration runs, then starts on #1; \
if it fails: back to the version before, on the newer schema | \
`image` 0123456789ab -> built on deploy<br>`command` a \\| b &lt;c> (new) |

$53.78 a month, as now (us-east-1, prices of 2026-11-23), for 2 x t2.micro.

> a note

"""
    )
    assert folded.startswith("<summary>Where tasks sit, and every move</summary>\n\n```text\nbamboo on local, 2 x t2.")
    assert folded.endswith("```\n\n</details>\n")


def test_what_does_not_fit_is_the_first_thing_to_read() -> None:
    state = of_type(running(*"abcdef"))
    text = markdown(made(state, plan.Asked(wanted=wanted(state, "g"))))
    assert text.splitlines()[3:5] == ["```text", "It does not fit; nothing is changed."]


def test_no_change_has_no_table() -> None:
    state = of_type(running("a"))
    same = plan.Asked(wanted=replace(wanted(state, "a"), definition=state.task_definitions["a:1"]))
    text = markdown(made(state, same))
    assert "### bamboo on local: nothing changes\n\n$53.78 a month" in text
