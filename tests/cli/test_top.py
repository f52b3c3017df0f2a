"""`culm top` and `culm status --watch` as text: 80 columns are enough, and colours are not needed."""

import pytest
from rich.console import Console
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

from culm.cli.screens.top import View, rows_of, screen, spark
from culm.cli.watch import news, plain
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
    return screen(shot, View(**{"width": 80, "height": 24, **view})).plain.split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (60, 12)])
def test_every_line_fits_the_terminal(width, height):
    for shot in (snapshot(metrics=USED), crashing(), snapshot(tasks=[task(), task("c" * 32)] * 20, metrics=USED)):
        for unfolded in (False, True):
            lines = drawn(shot, width=width, height=height, unfolded=unfolded)
            assert len(lines) <= height
            assert max(Console().measure(line).maximum for line in lines) <= width


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
