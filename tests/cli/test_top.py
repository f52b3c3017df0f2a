"""`culm top` and `culm status --watch` as text: 80 columns are enough, and colours are not needed."""

import io
import os
import pty
import select
import signal
import sys
import termios
import time
from collections.abc import Iterator

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
from culm.cli.top import FullScreen, Top, named
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
    assert any(line.startswith("▲ orders") and "0 of 1 running" in line for line in drawn(crashing(), row=-1))


def test_states_are_shapes_so_that_no_colour_is_needed():
    assert "▲" in "\n".join(drawn(crashing()))
    assert "●" in "\n".join(drawn(snapshot()))


def test_a_spark_is_as_high_as_its_part_of_the_highest():
    assert spark(Series(start=0, step=60, values=(0.0, 1.0, 2.0))) == "▁▄█"
    assert spark(Series(start=0, step=60, values=(0.0, None))) == ""
    assert spark(None) == ""


def test_a_selected_row_is_always_among_those_shown_and_the_others_are_counted():
    many = snapshot(tasks=[task(f"{number:032x}") for number in range(40)])
    lines = drawn(many)
    assert f"  and {40 - sum(line[2:8] == 'orders' for line in lines)} more" in lines
    for row in (0, 7, 20, 38, 39):
        assert len([line for line in drawn(many, row=row) if line[1:2] == "›"]) == 1, row
    assert not any(line.endswith(" more") for line in drawn(many, row=39))
    happened = [{"id": f"{n}", "createdAt": at(5), "message": f"(service orders) number {n}"} for n in range(9)]
    eventful = snapshot(tasks=[task(f"{number:032x}") for number in range(40)], services=[service(events=happened)])
    assert sum("number" in line for line in drawn(eventful)) == 3


def test_many_instances_leave_half_of_the_screen_to_tasks():
    def of(count: int) -> list[str]:
        return drawn(
            snapshot(instances=[instance(f"{number:017x}", agentConnected=number != 99) for number in range(count)])
        )

    assert sum(line.startswith("#") for line in of(6)) == 6  # each with its line of names
    assert sum(line.startswith("#") for line in of(12)) == 12  # its bar alone
    lines = of(100)
    assert any(line.startswith("▲ #100") for line in lines)
    assert any(line.startswith("and 89 more, ") and line.endswith(" MiB free") for line in lines)
    assert any("●›orders" in line for line in lines)
    assert len(lines) == 24


def test_a_cause_is_folded_and_not_cut():
    lines = drawn(crashing(), unfolded=True)
    text = " ".join(line.strip() for line in lines)
    cause = crashing().services[0].cause
    assert cause is not None and cause.text in text


def test_a_wide_terminal_has_requests_and_errors_by_the_minute():
    metrics = {("orders", "requests"): graph({60: 60.0, 120: 120.0}), ("orders", "errors"): graph({60: 6.0, 120: 3.0})}
    lines = drawn(snapshot(metrics=metrics), width=200)
    assert any(line.rstrip().endswith("REQUESTS                        ERRORS") for line in lines)
    assert any(line.startswith("●›orders") and line.count("█") == 2 for line in lines)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("jjk", ["j", "j", "k"]),
        ("\x1b[A\x1b[B\x1bOA\x1bOB", ["k", "j", "k", "j"]),
        ("\x1b[5~\x1b[1;5CR", ["R"]),
        ("\x1b", ["\x1b"]),
        ("\r", ["\r"]),
        ("é", ["é"]),
    ],
)
def test_arrows_are_keys_and_other_sequences_do_nothing(typed, keys):
    assert named(typed) == keys


def test_a_question_stands_until_a_key_answers_it_and_is_about_the_service_that_it_names():
    shown = Top(snapshot, 60.0, "local")
    shown.snapshot = snapshot()
    assert shown._pressed("R") is None
    assert shown._pressed("") is None  # a newer snapshot
    assert shown.view.asks == "restart orders? y/n"
    shown.snapshot = snapshot(services=[service(serviceName="accounts"), service()])
    assert shown._pressed("y") == ["restart", "orders", "--target", "local"]
    assert shown.view.asks == ""


class Screen:
    """`culm top` on a terminal of its own, over one snapshot."""

    def __init__(self) -> None:
        self.shown = ""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            status = 1
            try:
                sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
                os.environ["TERM"] = "xterm"
                Top(snapshot, 60.0, "local").run()
                status = 0
            except SystemExit as left:
                status = left.code if isinstance(left.code, int) else 1
            finally:
                os._exit(status)

    def until(self, text: str) -> str:
        """Wait for a text, and return what was shown since the last one."""
        end = time.monotonic() + 20
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            if select.select([self.master], [], [], 0.5)[0]:
                self.shown += os.read(self.master, 65536).decode(errors="replace")
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def reads_lines(self) -> bool:
        """Whether the terminal is as shells have it, rather than for single keys."""
        return bool(termios.tcgetattr(self.master)[3] & termios.ICANON)

    def status(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def whole_screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    for variable in ("COLUMNS", "LINES"):
        monkeypatch.delenv(variable, raising=False)
    made = Screen()
    made.until("\x1b[?1049h")
    made.until("q quit")
    yield made
    os.close(made.master)


LEFT = "\x1b[?25h\x1b[?1049l"


@pytest.mark.parametrize(
    ("keys", "number", "status"),
    [("q", None, 0), ("\x1b", None, 0), ("\x03", None, 0), ("", signal.SIGTERM, 143), ("", signal.SIGHUP, 129)],
)
def test_the_screen_is_left_by_keys_and_signals_and_gives_the_terminal_back(whole_screen, keys, number, status):
    assert not whole_screen.reads_lines()
    whole_screen.type(keys)
    if number is not None:
        os.kill(whole_screen.pid, number)
    whole_screen.until(LEFT)
    assert whole_screen.status() == status
    assert whole_screen.reads_lines()


def test_arrows_move_and_another_size_is_drawn_at_once(whole_screen):
    whole_screen.type("\x1b[B\x1b[A")
    whole_screen.until("q quit")
    termios.tcsetwinsize(whole_screen.master, (50, 200))
    os.kill(whole_screen.pid, signal.SIGWINCH)  # no session of its own has this terminal in every surroundings
    whole_screen.until("REQUESTS")
    whole_screen.type("q")
    whole_screen.until(LEFT)
    assert whole_screen.status() == 0


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(whole_screen):
    """No shell waits for this one, and a system stops nothing for nobody: it goes on at once, as after `fg`."""
    os.kill(whole_screen.pid, signal.SIGTSTP)
    whole_screen.until(LEFT)
    whole_screen.until("\x1b[?1049h")
    whole_screen.until("q quit")
    assert not whole_screen.reads_lines()
    whole_screen.type("q")
    whole_screen.until(LEFT)
    assert whole_screen.status() == 0


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
