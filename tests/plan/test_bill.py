"""A month's bill, against the figures that were worked out by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from culm.cli.price_lists import brought, load, parse
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.errors import UsageError
from culm.plan.bill import Assumptions, BillItem, bill, of_sleep
from culm.project.project import Project, Rds, Sleep, TargetSettings


@pytest.mark.parametrize(
    ("fleet", "dollars"),
    [
        (["t2.micro"] * 2, 53.78),
        (["t3.micro"] * 2, 52.03),
        (["t4g.micro"] * 2, 49.11),
        (["t3.small"], 45.98),
        (["t4g.small"], 43.06),
    ],
)
def test_a_whole_environment_costs_what_was_worked_out(fleet: list[str], dollars: float) -> None:
    assert round(bill(fleet, load("us-east-1"), Assumptions()).dollars, 2) == dollars


def test_two_small_instances_item_by_item() -> None:
    made = bill(["t2.micro", "t2.micro"], load("us-east-1"), Assumptions())
    assert {line.name: (line.units, round(line.dollars, 2)) for line in made.lines} == {
        "t2.micro": (2, 16.94),
        "public IPv4": (4, 14.60),
        "load balancer": (1, 16.43),
        "its traffic": (0.05, 0.29),
        "disks": (60.0, 4.80),
        "images": (2.0, 0.20),
        "logs": (1.0, 0.53),
    }


def test_an_instance_costs_its_hours_its_disk_and_its_address() -> None:
    assert load("us-east-1").of_host("t2.micro", 30.0) == pytest.approx(730 * 0.0116 + 30 * 0.08 + 730 * 0.005)


def test_a_smaller_disk_is_cheaper() -> None:
    prices = load("us-east-1")
    assert round(bill(["t4g.micro"] * 2, prices, Assumptions(disk_gb=8)).dollars, 1) == 45.6


@pytest.mark.parametrize(
    ("gigabytes", "shown"), [(0.05, "0.05"), (56.44, "56.4"), (1000.0, "1,000"), (1484.0, "1,480")]
)
def test_an_assumption_is_shown_with_the_digits_that_are_known(gigabytes: float, shown: str) -> None:
    assert f"{shown} GB of logs" in str(Assumptions(logs_gb=gigabytes))


def test_a_type_without_a_price_is_named_and_not_counted() -> None:
    made = bill(["t2.micro", "x9.huge"], load("us-east-1"), Assumptions())
    assert made.unpriced == ("x9.huge",)
    assert [line.units for line in made.lines if line.name == "disks"] == [60.0]


@pytest.mark.parametrize("region", brought())
def test_every_price_list_prices_the_small_ones_and_says_where_it_is_from(region: str) -> None:
    prices = load(region)
    unpriced = {name for name in INSTANCE_TYPES if prices.of_instance(name) is None}
    assert prices.region == region
    assert not any(name.startswith("t") for name in unpriced)
    assert set(prices.hourly.instances) <= set(INSTANCE_TYPES)
    assert "https://" in prices.source
    assert prices.date


def test_a_size_that_is_not_listed_costs_in_proportion_to_one_of_its_family_that_is() -> None:
    prices = load("us-east-1")
    assert "t3.2xlarge" not in prices.hourly.instances
    assert prices.of_instance("t3.2xlarge") == pytest.approx(0.3328 * prices.hours_a_month)
    assert prices.of_instance("t2.nano") == pytest.approx(0.0058 * prices.hours_a_month)
    assert prices.of_instance("m8g.large") is None


@pytest.mark.parametrize("region", brought())
def test_the_sizes_of_a_family_cost_in_proportion(region: str) -> None:
    """As on EC2, so that a figure of another tenancy or system is found."""
    sizes = {"nano": 0.25, "micro": 0.5, "small": 1, "medium": 2, "large": 4, "xlarge": 8, "2xlarge": 16}
    units: dict[str, list[float]] = {}
    for name, hourly in load(region).hourly.instances.items():
        family, _, size = name.partition(".")
        units.setdefault(family, []).append(hourly / sizes[size])
    assert {family for family, found in units.items() if max(found) > 1.02 * min(found)} == set()


def test_a_type_that_a_region_has_no_price_of_is_left_out_of_the_fleets_that_are_proposed() -> None:
    prices = load("eu-west-1")
    assert prices.of_instance("m5.large") is None
    assert prices.of_host("m5.large", 30) is None


def test_a_region_without_prices_says_how_to_bring_some() -> None:
    with pytest.raises(UsageError, match="no prices of mars-1") as refusal:
        load("mars-1")
    assert "--prices FILE" in refusal.value.hint


@pytest.mark.parametrize("text", ["region = ", "region = 'x'\n", "[hourly]\nlcu = 'much'\n"])
def test_a_file_that_is_no_price_list_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match=r"mine\.toml is no price list"):
        parse(text, "mine.toml")


@pytest.mark.parametrize(("logs_gb", "said"), [(1.0, "1 GB"), (741.4, "741 GB"), (1481.0, "1,480 GB")])
def test_assumptions_are_told_in_numbers_that_people_read(logs_gb: float, said: str) -> None:
    assert f"{said} of logs" in str(Assumptions(logs_gb=logs_gb))


def test_assumptions_are_said_with_three_digits() -> None:
    for written, words in ((0.05, "0.05"), (56.44, "56.4"), (999.4, "999"), (1000.0, "1,000"), (1484.0, "1,480")):
        assert f" {words} GB of logs" in str(Assumptions(logs_gb=written))


def test_office_hours_take_the_nights_of_instances_and_of_databases_that_stop_off_the_bill() -> None:
    prices = load("us-east-1")
    settings = TargetSettings(
        name="stg", provider="aws", instances=(), env="stg", region=None, profile=None, endpoint_url=None, port=None
    )
    sleeps = replace(settings, sleep=Sleep(hours="mon-fri 08:00-20:00 UTC", by_stack=True))
    servers = {
        "main": Rds(instance="db.t4g.micro", storage=20, backups=7, sleep=True),
        "other": Rds(instance="db.t4g.micro", storage=20, backups=7),
    }
    project = Project(
        name="shop",
        root=Path(),
        targets={},
        placement=(),
        databases={"main": "postgres", "other": "postgres"},
        services={},
        rds=servers,
    )
    [line] = of_sleep(project, sleeps, prices, ["t3.micro"]).lines
    host, hourly = prices.of_host("t3.micro", 30.0), prices.hourly.of_database("postgres", "db.t4g.micro")
    assert host is not None and hourly is not None
    assert line.dollars == pytest.approx(-(host + hourly * prices.hours_a_month) * 108 / 168)
    assert f"{line.units:g} {line.unit}" == "-108 of 168 hours a week"
    assert of_sleep(project, settings, prices, ["t3.micro"]).lines == ()
    kept = replace(sleeps, sleep=Sleep(hours="mon-fri 08:00-20:00 UTC", never=("web",), by_stack=True))
    assert of_sleep(project, kept, prices, ["t3.micro"]).lines == ()


@pytest.mark.parametrize(
    ("units", "unit", "shown"),
    [(1, "instances", "1 instance"), (2, "instances", "2 instances"), (40.0, "GB gp3", "40 GB gp3"), (1, "GB", "1 GB")],
)
def test_an_item_of_the_bill_counts_its_units(units: float, unit: str, shown: str) -> None:
    assert BillItem(name="it", units=units, unit=unit, price=2.5).amount == shown
