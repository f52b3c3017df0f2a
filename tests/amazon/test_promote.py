"""`culm promote` from one target to another, on another project's AWS."""

import contextlib
import platform
from typing import Any

import pytest
from tests.amazon.amazon import OTHER
from tests.amazon.conftest import Shop
from tests.amazon.machines import Fate

from culm.cli import culm
from culm.cli.planning import of_target
from culm.cli.promote import missing, promoted
from culm.console import Console
from culm.deploy.build.platforms import MACHINES
from culm.deploy.promote import with_releases
from culm.deploy.up import ServiceOutcome, Up
from culm.errors import CulmError, UsageError
from culm.project.project import named
from culm.target import local
from culm.target.connection import Target

PRD = "bamboo-prd"


@pytest.fixture
def both(shop: Shop) -> Shop:
    """The shop on stg, and a target prd that nothing is on yet."""
    text = (shop.folder / "culm.yml").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("targets")]
    stg = line.removeprefix("targets: {").removesuffix("}")
    shop.write("culm.yml", text.replace(line, f"targets: {{{stg}, {stg.replace('stg', 'prd')}}}"))
    shop.up()
    shop.calls()
    shop.account.pushes.clear()
    return shop


def promote(shop: Shop, *names: str) -> list[ServiceOutcome]:
    """As the command does, less the stack that all of it stands on."""
    project = shop.project
    origin, target = project, Target(project.targets["prd"], trace=shop.wire)
    project = named(project, project.targets["prd"])
    console = Console(shop.told)
    images = promoted(origin, shop.target, target, project, list(names))
    left = missing(images, target, project, console)
    if not left:
        return []
    project = with_releases(project, images.releases)
    deploy = Up(project, target, images, console)
    outcomes = deploy.run(of_target(project, target, deploy.images, left))
    if jobs := [project.jobs[name] for name in left if name in project.jobs]:
        outcomes += deploy.schedule(jobs, outcomes, whole=False)
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return outcomes


def typed(shop: Shop, *words: str) -> str:
    """`culm promote WORDS`: what it says; raises what it would complain of."""
    with contextlib.chdir(shop.folder), contextlib.redirect_stderr(shop.told):
        culm.main(["promote", *words], standalone_mode=False)
    return shop.told.getvalue()


def running(shop: Shop, cluster: str, name: str) -> dict[str, Any]:
    """The container that a service runs."""
    return container(shop.account.client("ecs"), cluster, name)


def container(ecs: Any, cluster: str, name: str) -> dict[str, Any]:
    [service] = ecs.describe_services(cluster=cluster, services=[name])["services"]
    revision = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    described: dict[str, Any] = revision["containerDefinitions"][0]
    return described


def digest(container: dict[str, Any]) -> str:
    return str(container["image"]).rpartition("@")[2]


def test_a_promoted_service_runs_the_same_image_after_the_same_migration(both: Shop) -> None:
    [outcome] = promote(both, "accounts")
    assert outcome.changed
    old, new = running(both, "bamboo", "accounts"), running(both, PRD, "accounts")
    assert digest(new) == digest(old)
    assert f"/{PRD}/accounts@" in new["image"]
    assert new["dockerLabels"] == old["dockerLabels"]
    assert {push.rpartition(" ")[2] for push in both.account.pushes} == {f"{PRD}/accounts", f"{PRD}/accounts-migrate"}
    assert any("bamboo-prd-accounts-migrate:1 stopped" in line for line in both.account.machines.history)
    assert "copied its image from stg" in both.told.getvalue()
    assert "copied its migration image from stg" in both.told.getvalue()


def test_between_accounts_and_regions_the_same_image_goes_after_the_same_migration(both: Shop) -> None:
    text = (both.folder / "culm.yml").read_text()
    there = f"role: 'arn:aws:iam::{OTHER}:role/deployer', account: '{OTHER}'"
    stg, _, prd = text.partition("prd: {")
    both.write("culm.yml", f"{stg}prd: {{{there}, {prd.replace('us-east-1', 'eu-west-1', 1)}")
    both.account.launch(account=OTHER, region="eu-west-1")
    [outcome] = promote(both, "accounts")
    assert outcome.changed
    target = Target(both.project.targets["prd"])
    assert (target.account, target.region) == (OTHER, "eu-west-1")
    old, new = running(both, "bamboo", "accounts"), container(target.client("ecs"), PRD, "accounts")
    assert digest(new) == digest(old)
    assert new["image"].partition("/")[0] != old["image"].partition("/")[0], "each account has a registry of its own"
    assert new["dockerLabels"] == old["dockerLabels"]
    history = both.account.ecs(OTHER, "eu-west-1").machines.history
    assert any(f"{PRD}-accounts-migrate:1 stopped" in line for line in history)
    assert {push.rpartition(" ")[2] for push in both.account.pushes} == {f"{PRD}/accounts", f"{PRD}/accounts-migrate"}
    assert promote(both, "accounts") == []


def test_a_folder_that_changed_since_is_not_built(both: Shop) -> None:
    both.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "other"]\n')
    both.write("accounts/Dockerfile.migrate", 'FROM base\nCMD ["sh", "-c", "other"]\n')
    promote(both, "accounts", "web")
    for name in ("accounts", "web"):
        assert digest(running(both, PRD, name)) == digest(running(both, "bamboo", name))
        assert running(both, PRD, name).get("dockerLabels") == running(both, "bamboo", name).get("dockerLabels")
    assert "building" not in both.told.getvalue().partition("copied")[2]


def test_promoting_what_runs_there_already_writes_nothing_and_up_would_find_its_image(both: Shop) -> None:
    promote(both, "web")
    [details] = both.account.client("ecr").describe_images(repositoryName=f"{PRD}/web")["imageDetails"]
    [original] = both.account.client("ecr").describe_images(repositoryName="bamboo/web")["imageDetails"]
    assert set(original["imageTags"]) < set(details["imageTags"])
    both.writes()
    both.account.pushes.clear()
    said = typed(both, "web", "--from", "stg", "--to", "prd")
    same = digest(running(both, "bamboo", "web"))[:19]
    assert said.splitlines()[-1].endswith(f"prd runs {same} already: nothing to promote")
    assert (both.writes(), both.account.pushes) == ([], [])


def test_a_migration_that_fails_there_leaves_the_service_as_it_was(both: Shop) -> None:
    promote(both, "accounts")
    before = running(both, PRD, "accounts")["image"]
    both.write("accounts/Dockerfile.migrate", 'FROM base\nCMD ["sh", "-c", "exit 3"]\n')
    both.up("accounts")
    both.account.machines.fates[f"{PRD}-accounts-migrate"] = Fate(exit_code=3)
    with pytest.raises(CulmError, match="the migration of accounts ended with exit code 3; accounts stays as it was"):
        promote(both, "accounts")
    assert running(both, PRD, "accounts")["image"] == before


def test_what_is_not_on_the_source_or_came_after_another_migration_is_not_promoted(both: Shop) -> None:
    both.write("web/Dockerfile.migrate", 'FROM base\nCMD ["sh"]\n')
    with pytest.raises(CulmError, match=r"web on stg came after no migration, and culm.yml has one"):
        promote(both, "web")
    (both.folder / "accounts/Dockerfile.migrate").unlink()
    with pytest.raises(CulmError, match=r"accounts on stg came after a migration, and culm.yml has none"):
        promote(both, "accounts")
    both.culm("down", "web")
    with pytest.raises(CulmError, match="web is not deployed on stg: there is nothing to promote") as refusal:
        promote(both, "web")
    assert refusal.value.hint == "culm deploy web --target stg"
    assert not any(arn.endswith(PRD) for arn in both.account.client("ecs").list_clusters()["clusterArns"])


def test_an_image_for_another_processor_is_refused_before_anything_is_written(both: Shop) -> None:
    text = (both.folder / "culm.yml").read_text()
    machine = MACHINES[platform.machine()]
    other = "t4g.micro" if machine == "amd64" else "t3.micro"
    both.write("culm.yml", text.replace("prd: {", f"prd: {{instances: 2 x {other}, "))
    with pytest.raises(CulmError, match=f"the image of web is for linux/{machine}, and the instances of prd are"):
        promote(both, "web")
    assert both.writes() == []


def test_targets_services_and_images_that_cannot_be_are_refused_by_name(
    both: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="--from and --to are both stg"):
        typed(both, "web", "--from", "stg", "--to", "stg")
    with pytest.raises(UsageError, match=r"culm.yml has no target 'prod'"):
        typed(both, "web", "--from", "stg", "--to", "prod")
    with pytest.raises(UsageError, match=r"culm.yml has no service 'wbe'"):
        typed(both, "wbe", "--from", "stg", "--to", "prd")
    with monkeypatch.context() as patched, pytest.raises(CulmError, match="are made for the process runtime"):
        patched.setattr(local, "running", lambda: {"runtime": "process"})
        typed(both, "web", "--from", "local", "--to", "prd")
    both.write("culm.yml", (both.folder / "culm.yml").read_text().replace("web: {", "web: {image: nginx:1, port: 80, "))
    with pytest.raises(UsageError, match=r"web runs an image that is not built here \(nginx:1\)"):
        typed(both, "web", "--from", "stg", "--to", "prd")


def test_a_protected_target_is_not_promoted_to_where_nobody_can_give_its_name(
    both: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("ensure", "await_instances"):  # the stack has tests of its own
        monkeypatch.setattr(f"culm.cli.up.{step}", lambda *_, **__: None)
    both.write("culm.yml", (both.folder / "culm.yml").read_text().replace("prd: {", "prd: {protect: true, "))
    with pytest.raises(UsageError, match="stdin is not a terminal, so this cannot be confirmed"):
        typed(both, "web", "--from", "stg", "--to", "prd")
    assert both.writes() == []
    assert not both.account.pushes


def test_a_job_is_promoted_with_its_schedule(both: Shop) -> None:
    text = (both.folder / "culm.yml").read_text()
    job = "nightly: {build: web, command: [sh], schedule: {when: every hour, timeout: 1h}}"
    both.write("culm.yml", text.replace("web: {path: /*}", f"web: {{path: /*}}, {job}"))
    both.up()
    assert [outcome.service for outcome in promote(both, "web", "nightly")] == ["web", "nightly"]
    scheduler, ecs = both.account.client("scheduler"), both.account.client("ecs")
    assert digest(job_of(ecs, scheduler, f"{PRD}-nightly")) == digest(job_of(ecs, scheduler, "bamboo-nightly"))
    assert promote(both, "nightly") == []


def job_of(ecs: Any, scheduler: Any, name: str) -> dict[str, Any]:
    """The container that a schedule runs."""
    arn = scheduler.get_schedule(Name=name)["Target"]["EcsParameters"]["TaskDefinitionArn"]
    container: dict[str, Any] = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"][
        "containerDefinitions"
    ][0]
    return container
