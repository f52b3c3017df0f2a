"""What a browser may have done: commands that fit what there is now, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.operate.snapshot.described import about, observed, task

from culm.operate.snapshot.compose import compose
from culm.web.jobs import Jobs, order

SNAPSHOT = compose(about(), observed())


@pytest.mark.parametrize(
    "words",
    [
        "rollback orders 1",
        "rollback orders 1 --across-migration",
        "restart orders",
        "scale orders 3",
        "deploy orders",
        f"stop-task {'a' * 32}",
    ],
)
def test_commands_that_fit_what_there_is_are_taken_with_what_they_will_do(words):
    given = order(words.split(), SNAPSHOT)
    assert given is not None
    assert " ".join(given.words) == words
    assert given.consequences
    assert given.service == "orders"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "down",
        "down --yes",
        "vault get local/orders/settings.toml",
        "rollback nobody 1",
        "rollback orders",
        "rollback orders one",
        "rollback orders -1",
        "rollback orders 1 --target staging",
        "scale orders 1000000",
        "scale orders \u0663",
        "deploy orders --yes",
        "deploy --help",
        "migrate orders",
        "stop-task " + "d" * 32,
        "stop-task ../../x",
        "exec orders sh",
    ],
)
def test_whatever_else_a_browser_sends_is_refused(words):
    assert order(words.split(), SNAPSHOT) is None


def test_scaling_says_what_it_takes_and_scaling_to_nothing_that_nothing_answers():
    more = order(["scale", "orders", "3"], SNAPSHOT)
    assert more is not None and "reserves 512 MiB more; 739 MiB are free" in more.consequences
    none = order(["scale", "orders", "0"], SNAPSHOT)
    assert none is not None and any("does not answer any more" in line for line in none.consequences)


def test_a_migration_can_be_run_again_where_one_has_run():
    run = task("f" * 32, group="family:bamboo-orders-migrate")
    assert order(["migrate", "orders"], compose(about(), observed(tasks=[task(), run]))) is not None


def test_nothing_is_done_on_a_protected_target_before_its_name_was_typed():
    def jobs(protect: bool) -> Jobs:
        target = replace(about().settings, name="prd", protect=protect)
        return Jobs(Path(), target, now=lambda: 0.0, done=lambda: None, stop_task=lambda _: None)

    assert [jobs(True).may_start(typed) for typed in ("", "yes", "stg", "prd", " prd ")] == [False] * 3 + [True] * 2
    assert jobs(False).may_start("")
