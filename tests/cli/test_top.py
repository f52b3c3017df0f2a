"""`culm top` and `culm status --watch` as text: 80 columns are enough, and colours are not needed."""

import io

import pytest
from tests.operate.snapshot.described import (
    about,
    at,
    deployment,
    graph,
    instance,
    observed,
    service,
    stopped,
    task,
)

from culm.cli.screens.text import Text
from culm.cli.screens.top import View, rows_of, screen, spark
from culm.cli.top import FullScreen
from culm.cli.watch import draw_again_and_again, news, plain
from culm.console import Console, cells
from culm.operate.snapshot.compose import compose
from culm.operate.snapshot.records import Series, Snapshot

USED = {("a" * 32, "memory"): graph({30: 25.0}), ("c" * 32, "memory"): graph({30: 95.0})}


def snapshot(**changes: object) -> Snapshot:
    return compose(about(), observed(**changes))


def crashing() -> Snapshot:
    return snapshot(
        services=[service(runningCount=0, deployments=[deployment(rolloutState="IN_PROGRESS", runningCount=0)])],
        tasks=[stopped()],
        targets={},
        last_lines={stopped()["taskArn"]: ("starting", "no such table")},
    )


def drawn(shot: Snapshot, **view: object) -> list[str]:
    looked_at = View(**{"width": 80, "height": 24, **view})
    return [line.drawn(looked_at.width, coloured=False) for line in screen(shot, looked_at)]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (60, 12)])
def test_every_line_fits_the_terminal(width, height):
    for shot in (snapshot(metrics=USED), crashing(), snapshot(tasks=[task(), task("c" * 32)] * 20, metrics=USED)):
        for unfolded in (False, True):
            lines = drawn(shot, width=width, height=height, unfolded=unfolded)
            assert len(lines) <= height
            assert max(sum(map(cells, line)) for line in lines) <= width


def test_scaled_services_are_shown_with_their_range():
    lines = drawn(snapshot(scalable_targets={"orders": {"MinCapacity": 1, "MaxCapacity": 4}}))
    assert "scaled: orders 1 (1-4, by nothing)" in lines
    assert not any("scaled" in line for line in drawn(snapshot()))


def test_instances_are_to_scale_with_used_reserved_and_free_memory():
    lines = drawn(snapshot(metrics=USED))
    bar = next(line for line in lines if "█" in line)
    wide = 67  # columns for the largest instance's 995 MiB
    assert bar.count("█") + bar.count("░") + 1 == round(256 * wide / 995)
    assert bar.count("█") == round((bar.count("█") + bar.count("░")) * 0.25)
    assert "·" in bar
    assert any("orders 64/256" in line for line in lines)
    assert any("one more 256 MiB task fits: yes, on #1" in line for line in lines)


def test_tasks_can_be_sorted_by_memory_and_the_selected_one_unfolds_to_its_cause():
    both = snapshot(tasks=[task(), task("c" * 32)], metrics=USED)
    assert [row.task.id[0] for row in rows_of(both, "m") if row.task] == ["c", "a"]
    text = "\n".join(drawn(crashing(), unfolded=True))
    assert "exited with code 3" in text
    assert "no such table" in text
    assert "try: culm rollback orders 1" in text


def test_a_service_without_a_task_is_still_a_line():
    assert any(line.startswith("▲ orders") and "0 of 1 running" in line for line in drawn(crashing()))


def test_states_are_shapes_so_that_no_colour_is_needed():
    assert "▲" in "\n".join(drawn(crashing()))
    assert "●" in "\n".join(drawn(snapshot()))


def test_a_spark_is_as_high_as_its_part_of_the_highest():
    assert spark(Series(start=0, step=60, values=(0.0, 1.0, 2.0))) == "▁▄█"
    assert spark(Series(start=0, step=60, values=(0.0, None))) == ""
    assert spark(None) == ""


def test_a_pipe_gets_a_line_for_each_thing_that_happened_and_nothing_twice():
    event = {"id": "1", "createdAt": at(5), "message": "(service orders) has reached a steady state."}
    before, after = snapshot(), snapshot(services=[service(events=[event])])
    assert list(news(before, after)) == [plain(after.events[0])]
    assert list(news(after, after)) == []
    assert plain(after.events[0]).endswith("+00:00 orders ready (ECS: has reached a steady state)")


def test_a_pipe_is_told_when_something_begins_to_be_wrong():
    lines = list(news(snapshot(), crashing()))
    assert any("orders WRONG exited with code 3" in line for line in lines)
    assert any(line.endswith("orders is wrong, 0 of 1 running") for line in lines)


def test_an_instance_that_does_not_answer_says_so():
    lines = drawn(snapshot(instances=[instance(agentConnected=False)]))
    assert any("▲ no answer" in line for line in lines)


@pytest.mark.parametrize(
    ("columns", "drawn"),
    [
        (20, "\x1b[1mbold\x1b[0m plain \x1b[1;31mred\x1b[0m"),
        (14, "\x1b[1mbold\x1b[0m plain \x1b[1;31mred\x1b[0m"),
        (13, "\x1b[1mbold\x1b[0m plain \x1b[1;31mr\x1b[0m…"),
        (5, "\x1b[1mbold\x1b[0m…"),
        (1, "…"),
        (0, ""),
    ],
)
def test_a_line_is_cut_between_styles_and_each_style_ends_with_its_piece(columns, drawn):
    line = Text.assemble(("bold", "bold"), " plain ", ("red", "bold red"))
    assert line.drawn(columns, coloured=True) == drawn
    assert sum(map(cells, line.drawn(columns, coloured=False))) <= columns


def test_a_line_takes_no_more_columns_than_there_are_whatever_its_characters():
    line = Text("部署を更新", "red")
    assert line.width == 10
    assert line.drawn(10, coloured=False) == "部署を更新"
    assert line.drawn(9, coloured=False) == "部署を更…"
    assert Text("a log line\x1b[2J\r\n with more").drawn(80, coloured=False) == "a log line[2J with more"


def test_a_style_is_added_to_what_is_there():
    line = Text.assemble(("●", "green"), " orders")
    line.stylize("reverse")
    assert line.drawn(80, coloured=True) == "\x1b[32;7m●\x1b[0m\x1b[7m orders\x1b[0m"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_full_screen_draws_over_itself_and_gives_the_terminal_back(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "5")
    monkeypatch.setenv("LINES", "2")
    terminal = Terminal()
    with FullScreen(terminal) as drawing:
        drawing.draw([Text("one", "red"), Text("two three"), Text("no room")])
    before, drawn, after = terminal.getvalue().partition("\x1b[H\x1b[31mone\x1b[0m\x1b[K\r\ntwo …\x1b[K\x1b[J")
    assert drawn
    assert (before, after) == ("\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l")


def test_a_watched_status_is_drawn_over_the_one_before_and_the_last_one_stays(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "")
    looks = iter([snapshot(), crashing()])

    def look() -> Snapshot:
        try:
            return next(looks)
        except StopIteration:
            raise KeyboardInterrupt from None

    terminal = Terminal()
    with pytest.raises(KeyboardInterrupt):
        draw_again_and_again(Console(terminal), look, 0)
    first, second = terminal.getvalue().split("▲ orders", 1)
    assert "● " in first
    assert "exited with code 3" in second
    assert second.endswith("\n")
    assert "\x1b[3" not in terminal.getvalue()
