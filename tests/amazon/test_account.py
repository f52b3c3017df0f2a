"""Whose credentials, and of which account."""

import json
from dataclasses import replace

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.inventory import inventory

from culm.errors import CulmError
from culm.target.connection import Target

OTHERS = "999988887777"


def test_in_another_account_than_culm_yml_says_nothing_is_written(shop: Shop) -> None:
    shop.write("culm.yml", (shop.folder / "culm.yml").read_text().replace("stg: {", f"stg: {{account: '{OTHERS}', "))
    for command in (shop.up, lambda: shop.culm("scale", "web", "2"), lambda: shop.culm("rollback", "web")):
        with pytest.raises(CulmError, match=f"are of account 123456789012 .* target stg is in {OTHERS}: nothing was"):
            command()
    assert {call["operation"] for call in shop.calls()} == {"GetCallerIdentity"}
    assert inventory(shop.account) == set()


def test_the_right_account_is_asked_for_once(shop: Shop) -> None:
    text = (shop.folder / "culm.yml").read_text()
    shop.write("culm.yml", text.replace("stg: {", "stg: {account: '123456789012', "))
    shop.up()
    assert [call["operation"] for call in shop.calls()].count("GetCallerIdentity") == 1


def test_a_role_is_assumed_and_its_account_is_the_targets(shop: Shop) -> None:
    """moto keeps an account for each number; the keys of a role are of the role's."""
    text = (shop.folder / "culm.yml").read_text()
    role = f"arn:aws:iam::{OTHERS}:role/deployer"
    shop.write("culm.yml", text.replace("stg: {", f"stg: {{account: '{OTHERS}', role: '{role}', "))
    assert shop.target.account == OTHERS
    arn = shop.target.client("sts").get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{OTHERS}:assumed-role/deployer/culm"
    shop.target.client("logs").create_log_group(logGroupName="/culm/x")
    assert inventory(shop.account) == set()
    told = json.loads(shop.culm("status", "--json"))
    assert told["services"] == []


def test_regions_of_other_partitions_are_refused_by_name(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (shop.folder / "culm.yml").read_text()
    shop.write("culm.yml", text.replace("us-east-1", "cn-north-1"))
    with pytest.raises(CulmError, match="another partition"):
        shop.up()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-gov-west-1")
    shop.write("culm.yml", text)
    by_the_chain = replace(shop.project.targets["stg"], region=None, endpoint_url=None)
    with pytest.raises(CulmError, match="region us-gov-west-1 is in another partition"):
        _ = Target(by_the_chain).region
