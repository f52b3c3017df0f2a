"""The local cluster and another project's AWS hear the same calls from a deploy, in the same order."""

import io
import json
import shutil
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from tests.amazon.amazon import Amazon, amazon
from tests.amazon.parity import calls
from tests.based import based
from tests.scenarios import misfits
from tests.scenarios.stand import Stand

from culm.cli.planning import of_target
from culm.console import Console
from culm.deploy import databases, vault_files
from culm.deploy.build.host import HostBuilder
from culm.deploy.up import Up
from culm.project.load import load
from culm.target.connection import StaticCredentials, Target, login_from
from culm.target.trace import Trace

SERVICES = ("accounts", "shop")
EXAMPLE = Path(__file__).parents[2] / "examples" / "shop"
LOCAL_ALONE = 'scheduler.ListSchedules {"NamePrefix": "bamboo-"}'
"""A project without jobs may have had some: on aws the right to list schedules went with the last one."""


@pytest.fixture
def account() -> Iterator[Amazon]:
    with amazon() as made:
        made.launch()
        yield made
        made.empty()


def both_targets(stand: Stand) -> tuple[Target, Target, io.StringIO, io.StringIO]:
    """The local cluster, started, and the account, each with the stream that its trace is written to."""
    targets = load(stand.project / "culm.yml").targets
    stand.culm("cluster", "start", "--runtime", "process")
    cluster = json.loads((stand.home / "cluster.json").read_text())
    here, there = io.StringIO(), io.StringIO()
    ours = Target(targets["local"], cluster["endpoint"], login_from(cluster["environment"]), Trace(here))
    keys = StaticCredentials(access_key="AKIAEXAMPLE", secret_key="secret")
    return ours, Target(targets["stg"], login=keys, trace=Trace(there)), here, there


def deployed(stand: Stand, target: Target, stream: io.StringIO) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What `up` calls on an empty target: for what services stand on, and for the services."""

    def heard() -> dict[str, list[str]]:
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        stream.seek(0)
        stream.truncate()
        return calls(lines, SERVICES)

    project, builder = load(stand.project / "culm.yml"), HostBuilder()
    around = based(target, project).surroundings
    base = heard()
    vault = vault_files.vault_of(target, project)
    vault.prepare(target.region)
    vault_files.put(target, around, "shop", "greeting.txt", "good morning\n")
    heard()
    plan = of_target(project, target, builder, SERVICES)
    heard()
    outcomes = Up(project, target, builder, Console(io.StringIO())).run(plan)
    assert [outcome.error for outcome in outcomes] == [None, None]
    return {name: sorted(set(told)) for name, told in base.items()}, heard()


def shop_taken_up(target: Target, stand: Stand, stream: io.StringIO) -> dict[str, list[str]]:
    """What `up` calls for examples/shop once its queue is there: ElastiCache's here, one in the vault on Amazon."""
    project, builder = load(stand.project / "culm.yml"), HostBuilder()
    job = based(target, project)
    vault_files.vault_of(target, project).prepare(target.region)
    if target.settings.provider == "aws":
        for service in project.users("queue"):
            vault_files.put(
                target, job.surroundings, service.name, "queue.url", "rediss://shop:word@queue.example:6379/0"
            )
    else:
        databases.prepare(job)
    stream.seek(0)
    stream.truncate()
    plan = of_target(project, target, builder, list(project.everything))
    deploy = Up(project, target, builder, Console(io.StringIO()))
    outcomes = deploy.run(plan)
    outcomes += deploy.schedule(list(project.jobs.values()), outcomes, whole=True)
    assert [outcome.error for outcome in outcomes] == [None] * len(project.everything)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    own = [line for line in lines if line["service"] != "elasticache" and line["operation"] != "DescribeInstances"]
    return calls(own, tuple(project.everything))  # local instances register while it looks


def differences(here: dict[str, list[str]], there: dict[str, list[str]]) -> list[str]:
    """Line by line, for people who read a failed test."""
    return [line for name in here for line in unified_diff(here[name], there[name], n=0, lineterm="")]


def test_up_makes_the_same_calls_with_the_same_parameters_on_both(stand: Stand, account: Amazon) -> None:
    for name in SERVICES:
        misfits.service(stand, name)
    migrate = misfits.DOCKERFILE.replace('["python3", "serve.py"]', '["true"]')
    stand.write("accounts/Dockerfile.migrate", migrate)
    stand.write(
        "culm.yml",
        f"name: bamboo\n"
        f"targets:\n  local: {{port: {stand.port}, env: stg}}\n"
        f"  stg: {{provider: aws, region: us-east-1, endpoint_url: '{account.url}'}}\n"
        "services: {accounts: , shop: {files: {/srv/settings/greeting: greeting.txt}}}\n",
    )
    ours, theirs, here, there = both_targets(stand)

    local_base, local = deployed(stand, ours, here)
    amazons_base, amazons = deployed(stand, theirs, there)

    for heard in (local_base, local):
        heard[""].remove(LOCAL_ALONE)
    assert differences(local_base, amazons_base) == []
    assert differences(local, amazons) == []
    written = [call.split()[0] for call in local["accounts"] if "Describe" not in call.split()[0]]
    assert [call for call in written if call.startswith(("ecs.R", "ecs.C", "elbv2.C"))] == [
        *("ecs.RegisterTaskDefinition", "ecs.RunTask", "ecs.RegisterTaskDefinition"),
        *("elbv2.CreateRule", "ecs.CreateService"),
    ], "the migration before the service"


def test_the_example_without_a_template_comes_up_by_the_same_calls_on_both(stand: Stand, account: Amazon) -> None:
    shutil.copytree(EXAMPLE, stand.project, dirs_exist_ok=True)
    amazon = f"  stg: {{provider: aws, region: us-east-1, endpoint_url: '{account.url}'}}"
    stand.edit("culm.yml", "local: {instances: 2 x t2.micro}", f"local: {{port: {stand.port}, env: stg}}\n{amazon}")
    stand.edit("culm.yml", "reports: {}", "reports: {efs: fs-01234567}")
    stand.edit("culm.yml", ", elasticache: {}", "")
    stand.edit("culm.yml", "defaults: {", "defaults: {settle: 0, ")
    ours, theirs, here, there = both_targets(stand)
    account.client("ecs").create_cluster(clusterName="shop", serviceConnectDefaults={"namespace": "shop"})

    local, amazons = shop_taken_up(ours, stand, here), shop_taken_up(theirs, stand, there)

    assert differences(local, amazons) == []
    written = " ".join(call.split()[0] for told in local.values() for call in told)
    for operation in ("CreateSchedule", "PutScalingPolicy", "PutParameter", "CreateService"):
        assert operation in written
