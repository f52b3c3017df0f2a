"""A cluster with an account id and a region of one's own."""

from tests.scenarios.stand import BAMBOO, Stand

ACCOUNT, REGION = "210987654321", "eu-central-1"


def test_all_arns_name_the_account_and_the_region_that_a_cluster_was_started_with(stand: Stand) -> None:
    stand.copy(BAMBOO)
    stand.culm("cluster", "start", "--runtime", "process", "--region", REGION, "--account", ACCOUNT)
    stand.culm("up")
    assert stand.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"

    tasks = stand.tasks()
    places = {tuple(arn.split(":")[3:5]) for task in tasks.values() for arn in (
        task["taskArn"], task["containerInstanceArn"], task["taskDefinitionArn"], task["clusterArn"],
    )}  # fmt: skip
    assert places == {(REGION, ACCOUNT)}
    assert {task["availabilityZone"] for task in tasks.values()} <= {f"{REGION}a", f"{REGION}b"}
    assert stand.client("ecr").describe_repositories()["repositories"][0]["registryId"] == ACCOUNT

    stand.culm("cluster", "stop")
    refused = stand.culm("cluster", "start", "--account", "0" * 12, status=1)
    assert f"this cluster's account is {ACCOUNT}" in refused.screen
    assert "nothing changed" in stand.culm("up").screen
    assert set(tasks) != set(stand.tasks()) and len(stand.tasks()) == len(tasks)
    assert "as account 210987654321" in stand.culm("cluster", "start", "--account", "1" * 12, status=1).screen
    stand.culm("down", "--yes", "--volumes")


def test_an_account_id_that_is_none_is_refused(stand: Stand) -> None:
    assert "an account id has twelve digits" in stand.culm("cluster", "start", "--account", "12", status=2).screen
    assert "written like eu-central-1" in stand.culm("cluster", "start", "--region", "europe", status=2).screen
