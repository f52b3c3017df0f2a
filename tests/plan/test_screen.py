"""A plan as text: what a person reads is compared whole."""

from dataclasses import replace

import pytest
from tests.builders import a_service, a_task_definition
from tests.plan.test_moves import running, wanted

from culm.cli.price_lists import load
from culm.cli.screens.plan import money, screen
from culm.cli.screens.report import report
from culm.core.decide.state import ClusterState
from culm.plan import machines, plan
from culm.plan.bill import Assumptions
from culm.plan.differences import Difference

FLEET = ["t2.micro", "t2.micro"]


def made(state: ClusterState, *asked: plan.Asked, fleet: list[str] = FLEET, notes: tuple[str, ...] = ()) -> plan.Plan:
    basis = plan.Basis(
        project="bamboo",
        target="local",
        state=machines.with_fleet(state, fleet, region="us-east-1"),
        fleet=fleet,
        fleet_now=FLEET,
        prices=load("us-east-1"),
        assumed=Assumptions(),
        notes=notes,
    )
    return plan.make(basis, asked)


def of_type(state: ClusterState) -> ClusterState:
    """The builders' instances say what they are."""
    kinds = [machines.imagined(machines.INSTANCE_TYPES["t2.micro"], n, region="us-east-1", now=0.0) for n in (1, 2)]
    arns = [i.container_instance_arn for i in state.instances]
    named = [replace(kind, container_instance_arn=arn) for kind, arn in zip(kinds, arns, strict=True)]
    return replace(state, instances=tuple(named))


def test_a_full_cluster_is_read_at_a_glance() -> None:
    state = of_type(running(*"abcdef"))
    changed = (
        Difference(field="image", old="a@sha256:0123456789abcdef", new="built on deploy"),
        Difference(field="memory", old="300", new="256"),
        Difference(field="stopTimeout", old=None, new="30"),
        Difference(field="environment.OLD", old="1", new=None),
    )
    migrating = wanted(state, "a", migrates=True)
    one = plan.Asked(wanted=migrating, differences=changed, migration="runs", effect="unknown", good=True)
    same = plan.Asked(wanted=replace(wanted(state, "b"), definition=state.task_definitions["b:1"]), migration="has run")
    text = screen(made(state, one, same, notes=("a note",)), 80)
    assert (
        text
        == """\
bamboo on local, 2 x t2.micro: 1 of 2 services change

  a  is down while its migration runs, then starts on #1; if it fails: back to
     the version before, on the newer schema
       image            0123456789ab -> built on deploy
       memory           300 -> 256
       stopTimeout      30 (new)
       environment.OLD  1 (removed)
  b  unchanged, on #2

Where tasks will run, and what is left; a slot (one usual task) is 256 MiB
  #1 t2.micro  [c       |e       |+a      |...........]  227 of 995 MiB, 0 slots
  #2 t2.micro  [b       |d       |f       |...........]  227 of 995 MiB, 0 slots

Moves, and the MiB left on each instance    #1    #2
      now                                  227   227
   1  a on #1 has stopped                  483   227
   2  migrate a on #1                      227   227
   3  a has migrated                       483   227
   4  start a on #1                        227   227

$53.78 a month, as now (us-east-1, prices of 2026-11-23)
  2 x t2.micro $16.94, public IPv4 $14.60 (4 addresses),
  load balancer $16.43 (1 ALB), its traffic $0.29 (0.05 LCU),
  disks $4.80 (60 GB gp3), images $0.20 (2 GB ECR), logs $0.53 (1 GB)
  assumed: 30 GB gp3 an instance, 2 GB of images, 1 GB of logs, 0.05 LCU, public
  subnets in two zones

note: a note"""
    )
    short = screen(made(state, one, same), 80, short=True)
    assert "     new image: service; memory 300 -> 256, stopTimeout 30 (new)" in short
    assert "  unchanged: b\n" in short
    assert "  1  a: down while its migration runs, then start\n" in short
    assert "Moves" not in short
    assert len(short.splitlines()) < 20


def test_the_short_form_tells_who_moves_together_and_who_in_turn() -> None:
    state = of_type(running(*"abc"))
    together = screen(made(state, *(plan.Asked(wanted=wanted(state, n)) for n in "abc")), short=True)
    assert "  1  a, b, c: side by side: roll\n" in together
    full = of_type(running(*"abcde"))
    in_turn = [plan.Asked(wanted=wanted(full, n, migrates=True), migration="may run") for n in "ab"]
    text = screen(made(full, *in_turn), short=True)
    assert "  1  a, then b: migrate, then roll\n" in text
    assert "its migration (if its image changed); a new task on #2, then the old" in text


@pytest.mark.parametrize(
    ("desired", "said"),
    [(3, "new settings on #1, #1, #2; 1 task becomes 3"), (1, "unchanged, on #1")],
)
def test_another_count_is_a_change_of_settings(desired: int, said: str) -> None:
    state = of_type(running("a", "b"))
    one = replace(wanted(state, "a", desired=desired), definition=state.task_definitions["a:1"])
    assert said in screen(made(state, plan.Asked(wanted=one)))


def test_a_rule_alone_is_a_change() -> None:
    state = of_type(running("a"))
    same = replace(wanted(state, "a"), definition=state.task_definitions["a:1"])
    assert "1 of 1 services change" in screen(made(state, plan.Asked(wanted=same, rule="route /new/*")))


def test_scaling_alone_is_a_change_that_moves_no_task() -> None:
    state = of_type(running("a"))
    same = replace(wanted(state, "a"), definition=state.task_definitions["a:1"])
    shown = screen(made(state, plan.Asked(wanted=same, rescales=True)))
    assert "1 of 1 services change" in shown
    assert "its tasks stay on #1, its scaling changes" in shown


def test_a_larger_fleet_costs_more_and_shows_what_is_to_come() -> None:
    state = of_type(running("a"))
    text = screen(made(state, plan.Asked(wanted=wanted(state, "b")), fleet=[*FLEET, "t3.small"]), 110)
    assert "  #3 t3.small new-3" in text
    assert "$75.02 a month, +$21.23 compared with now" in text


def test_more_instances_than_columns_are_told_move_by_move() -> None:
    state = of_type(running("a"))
    text = screen(made(state, plan.Asked(wanted=wanted(state, "b")), fleet=["t2.micro"] * 9), 80)
    assert "   1  start b on #" in text
    assert "739 MiB left there" in text


def test_a_dead_configuration_of_a_neighbour_is_a_note() -> None:
    state = of_type(running("a"))
    dead = a_service("other", percents=(75, 100), desired=2)
    known = {**state.task_definitions, "other:1": a_task_definition("other:1")}
    stuck = replace(state, services=(*state.services, dead), task_definitions=known)
    text = screen(made(stuck, plan.Asked(wanted=wanted(stuck, "b"))))
    assert "note: other: minimumHealthyPercent 75 of 2 rounds up to 2" in text


def test_an_instance_type_without_a_price_is_told() -> None:
    state = of_type(running("a"))
    asked = plan.Asked(wanted=wanted(state, "b"))
    prices = load("us-east-1")
    poor = replace(prices, hourly=replace(prices.hourly, instances={}))
    basis = plan.Basis(
        project="bamboo",
        target="local",
        state=state,
        fleet=FLEET,
        fleet_now=None,
        prices=poor,
        assumed=Assumptions(),
    )
    made_of = plan.make(basis, [asked])
    text = screen(made_of)
    assert "  without t2.micro: the price list lacks it" in text
    assert "$36.85 a month (us-east-1" in text


def test_no_way_out_is_said_plainly() -> None:
    state = of_type(running("a"))
    text = screen(made(state, plan.Asked(wanted=wanted(state, "huge", memory=90_000))))
    assert "No smaller memory, parked service or other fleet that culm knows would make it fit." in text


def test_json_has_every_step_with_what_remains() -> None:
    state = of_type(running(*"abcdef"))
    found = report(made(state, plan.Asked(wanted=wanted(state, "a", migrates=True), migration="runs")))
    [wave] = found["waves"]
    assert wave["services"] == ["a"]
    assert [step["verb"] for step in wave["steps"]] == ["stop", "gone", "start", "gone", "start"]
    assert wave["steps"][-1]["remaining_memory"] == {"new-1": 227, "new-2": 227}
    [service] = found["services"]
    assert (service["lends_its_slot"], service["percents"], service["down"]) == (True, [0, 100], True)
    assert found["price"]["now"] == 53.78


@pytest.mark.parametrize(
    ("dollars", "signed", "text"),
    [
        (53.783, False, "$53.78"),
        (4.456, True, "+$4.46"),
        (-9.27, True, "-$9.27"),
        (0.001, True, "$0"),
        (1234.5, False, "$1,234.50"),
    ],
)
def test_money_is_written_as_people_write_it(dollars: float, signed: bool, text: str) -> None:
    assert money(dollars, signed=signed) == text
