"""How much machine a load needs, and what a bench says that a task can take."""

import pytest

from culm.cli.price_lists import load
from culm.cli.screens import capacity as capacity_screen
from culm.plan.bill import Assumptions
from culm.plan.capacity import Demand, capacity, sizes
from culm.plan.throughput import Run, best, goes_on, percentile


def a_demand(name: str = "web", **fields: object) -> Demand:
    values = {"load": 10.0, "throughput": 4.0, "memory": 256, "cpu": 128, "count": 1, "migrates": False}
    return Demand(name=name, **{**values, **fields})  # type: ignore[arg-type]


def test_tasks_are_the_load_to_come_over_what_one_takes() -> None:
    assert [a_demand().tasks(factor) for factor in (1.5, 3.0, 20.0)] == [4, 8, 50]
    assert a_demand(load=0.1).tasks(1.5) == 1
    assert a_demand(load=None, count=2).tasks(20.0) == 2
    assert a_demand(throughput=None, count=3).tasks(20.0) == 3


def test_one_migration_at_a_time_has_a_slot_of_the_largest() -> None:
    wanted = sizes([a_demand(migrates=True), a_demand("big", memory=512, load=None, migrates=True)], 1.5)
    assert {(size.memory, size.count) for size in wanted} == {(256, 4), (512, 2)}


def test_every_stage_has_a_fleet_a_bill_and_its_quotas() -> None:
    demands = [a_demand(migrates=True), a_demand("shop", load=None), a_demand("idle", throughput=None)]
    found = capacity("bamboo", demands, "x86_64", load("us-east-1"))
    assert [stage.name for stage in found.stages] == ["deploy", "implement", "design"]
    bills = [stage.bill.dollars for stage in found.stages if stage.bill]
    assert bills == sorted(bills)
    design = found.stages[-1]
    assert design.fleet is not None
    assert design.fleet.proven
    assert found.stages[0].single is not None
    assert design.quotas[0].share >= design.quotas[-1].share
    text = capacity_screen.screen(found, 80)
    assert "without `load:` in culm.yml the count stays: shop" in text
    assert "not measured, so the count stays: idle; culm bench SERVICE measures" in text
    assert "the cheapest there is" in text
    assert capacity_screen.report(found)["stages"][2]["tasks"] == {"web": 50, "shop": 1, "idle": 1}


def test_without_any_load_one_line_says_what_to_write():
    silent = capacity("bamboo", [a_demand(load=None), a_demand("shop", load=None)], "x86_64", load("us-east-1"))
    assert capacity_screen.screen(silent, 120).splitlines() == [
        "bamboo: no service has `load:` (requests a second) in culm.yml, so there is no load to plan for"
    ]


def test_a_task_that_no_instance_holds_has_no_fleet() -> None:
    found = capacity("bamboo", [a_demand(memory=900_000)], "x86_64", load("us-east-1"))
    assert "no instance type that has a price holds the largest task" in capacity_screen.screen(found)
    assert capacity_screen.report(found)["stages"][0]["fleet"] is None


def test_more_than_one_machine_can_hold_is_told() -> None:
    found = capacity("bamboo", [a_demand(load=200.0)], "x86_64", load("us-east-1"))
    assert "no single machine holds everything" in capacity_screen.screen(found)
    assert capacity_screen.report(found)["stages"][2]["one_machine"] is None


def a_run(clients: int, answered: int, *, p95: float = 0.05, failed: int = 0) -> Run:
    return Run(clients=clients, seconds=1.0, answered=answered, failed=failed, p50=0.01, p95=p95)


def test_the_best_run_kept_the_bound_and_did_not_fail() -> None:
    runs = [a_run(1, 100), a_run(2, 180), a_run(4, 300, p95=0.4), a_run(8, 900, failed=50)]
    fastest = best(runs, bound=0.25)
    assert fastest is not None
    assert fastest.clients == 2
    assert best([a_run(1, 0)], bound=0.25) is None
    at_the_bound = a_run(1, 100, p95=0.25)
    assert best([at_the_bound], bound=0.25) == at_the_bound
    assert Run(clients=1, seconds=0.0, answered=0, failed=0, p50=0.0, p95=0.0).rate == 0.0


@pytest.mark.parametrize(
    ("rates", "more"),
    [([], True), ([100], True), ([100, 100], True), ([100, 101, 102], False), ([100, 150, 220], True)],
)
def test_more_clients_are_tried_as_long_as_they_win_something(rates: list[int], more: bool) -> None:
    assert goes_on([a_run(2**n, rate) for n, rate in enumerate(rates)], bound=0.25) is more


def test_a_broken_bound_ends_the_climb() -> None:
    assert not goes_on([a_run(1, 100), a_run(2, 150, p95=0.3)], bound=0.25)


@pytest.mark.parametrize(("share", "value"), [(0.5, 5.0), (0.95, 10.0), (0.1, 1.0)])
def test_percentiles_are_nearest_ranks(share: float, value: float) -> None:
    assert percentile([float(n) for n in range(1, 11)], share) == value
    assert percentile([], share) == 0.0


def test_load_balancer_units_are_those_of_the_scarcer_of_connections_and_rules() -> None:
    def units(services: int, load_of_each: float) -> float:
        demands = [a_demand(f"s{n}", load=load_of_each) for n in range(services)]
        return capacity("bamboo", demands, "x86_64", load("us-east-1")).stages[0].assumed.lcus

    assert units(1, 100.0) == pytest.approx(150 / 25), "25 new connections a second are a unit"
    assert units(60, 1.0) == pytest.approx(90 * 50 / 1000), "1,000 rules a second are a unit, the first ten are free"


def test_traffic_and_logs_grow_with_the_load_and_are_never_less_than_usual() -> None:
    def assumed(load_of_each: float) -> Assumptions:
        return capacity("bamboo", [a_demand(load=load_of_each)], "x86_64", load("us-east-1")).stages[-1].assumed

    usual = Assumptions()
    assert assumed(0.001) == usual
    busy, twice = assumed(100.0), assumed(200.0)
    assert twice.logs_gb == pytest.approx(2 * busy.logs_gb)
    assert twice.lcus == pytest.approx(2 * busy.lcus)
    assert usual.logs_gb < busy.logs_gb < 1e6
    assert (busy.disk_gb, busy.ecr_gb) == (usual.disk_gb, usual.ecr_gb)
