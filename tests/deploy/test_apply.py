"""The effects, against the real API and registry over HTTP; nothing runs tasks here."""

import base64
import dataclasses
import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.based import based
from tests.quick_clock import Quick
from tests.serving import served

from culm import render
from culm.cli.planning import of_target
from culm.console import Console
from culm.deploy.build import oci
from culm.deploy.build.host import HostBuilder
from culm.deploy.build.port import PushDestination, Recipe
from culm.deploy.down import down
from culm.deploy.executor import Executor
from culm.deploy.images import Images, loopback
from culm.deploy.perform import Performer
from culm.deploy.push import push
from culm.deploy.revisions import earlier_revision
from culm.deploy.up import Up
from culm.errors import CulmError
from culm.operate.status import status
from culm.plan import rollout
from culm.plan.diff import base
from culm.plan.steps import Build
from culm.project.project import Notify, Project
from culm.target import faults
from culm.target.connection import StaticCredentials, Target
from culm.target.observe import observe
from culm.target.surroundings import listener_port


@pytest.fixture
def target(tmp_path: Path, project: Project) -> Iterator[Target]:
    (tmp_path / "served").mkdir()
    with served(tmp_path / "served") as endpoint:
        yield Target(project.targets["local"], endpoint, StaticCredentials(access_key="a", secret_key="b"))


@pytest.fixture
def said() -> list[str]:
    return []


def ignore(_: str) -> None:
    """Nobody listens."""


def test_the_base_settles_and_is_then_left_alone(target: Target, project: Project) -> None:
    first, second = io.StringIO(), io.StringIO()
    survey = based(target, project, first).survey
    assert base(project, survey.observed, survey.surroundings) == []
    assert "create cluster bamboo\n" in first.getvalue()
    assert f"listen on port {survey.surroundings.port}\n" in first.getvalue()
    based(target, project, second)
    assert second.getvalue() == ""


def test_the_local_cluster_knows_whom_it_tells_until_that_is_nobody(target: Target, project: Project) -> None:
    settings = target.settings
    for notify, named in ((Notify(email=None, webhook="bamboo/webhook", errors=5), "bamboo/webhook"), (None, "none")):
        target.settings = dataclasses.replace(settings, notify=notify)
        said = io.StringIO()
        cluster = based(target, project, said).survey.observed.cluster
        assert cluster is not None and {"key": "culm:notify", "value": named} in cluster["tags"]
        assert {"key": "culm:notify-errors", "value": "5"} in cluster["tags"]
        if notify is None:
            assert said.getvalue() == "tag cluster bamboo: culm:notify none\n"


def test_an_image_is_built_once_and_found_by_what_it_was_made_of(target: Target, project: Project) -> None:
    stream = io.StringIO()
    performer = Performer(based(target, project, stream), Images(target, HostBuilder()))
    accounts = project.services["accounts"]
    build = Build(service="accounts", migration=False, dockerfile="accounts/Dockerfile")
    stream.truncate(0)
    first = performer.built(build)
    assert first.startswith(f"{performer.job.survey.observed.repositories['bamboo/accounts']}@sha256:")
    assert "accounts building Dockerfile\n" in stream.getvalue()
    stream.truncate(0)
    assert performer.built(build) == first
    assert stream.getvalue() == ""
    (accounts.folder / "new.txt").write_text("new")
    (accounts.folder / "Dockerfile").write_text("FROM base\nCOPY new.txt /\nCMD sh\n")
    assert performer.built(build) != first


def test_blobs_that_are_there_are_not_sent_again(
    target: Target, project: Project, said: list[str], tmp_path: Path
) -> None:
    live = based(target, project).survey.observed
    web = project.services["web"]
    (web.folder / "data").write_bytes(os.urandom(5000))
    (web.folder / "Dockerfile").write_text("FROM base\nCOPY data /\nCMD sh\n")
    image = oci.image(HostBuilder().plan(Recipe(folder=web.folder, dockerfile=web.dockerfile, args={}), tmp_path))
    user, password = Images(target, HostBuilder()).login()
    place = PushDestination(
        repository=live.repositories["bamboo/web"], tag="one", user=user, password=password, insecure=True
    )
    push(image, place, said.append)
    push(image, dataclasses.replace(place, tag="two"), said.append)
    assert [line.rpartition("(")[2] for line in said] == ["5 KiB new)", "0 KiB new)"]
    found = target.client("ecr").describe_images(repositoryName="bamboo/web")["imageDetails"]
    assert [(one["imageDigest"], sorted(one["imageTags"])) for one in found] == [(image.digest, ["one", "two"])]


def test_a_push_that_may_not_be_says_so(target: Target, project: Project) -> None:
    live = based(target, project).survey.observed
    image = oci.OciImage(blobs={}, manifest=b"{}")
    uri = live.repositories["bamboo/web"]
    with pytest.raises(CulmError, match=r"the registry refused .* with status 401"):
        push(image, PushDestination(repository=uri, tag="x", user="AWS", password="wrong", insecure=True), ignore)
    with pytest.raises(CulmError, match=r"cannot push to 127\.0\.0\.1:1/web"):
        push(
            image, PushDestination(repository="127.0.0.1:1/web", tag="x", user="a", password="b", insecure=True), ignore
        )


def test_a_migration_without_room_names_the_ways_out(target: Target, project: Project) -> None:
    job = based(target, project)
    image = f"{job.survey.observed.repositories['bamboo/accounts-migrate']}@sha256:{'0' * 64}"
    steps = rollout.migrations(project, job.survey, {("accounts", True): image}, {"accounts": False})
    error = Executor(job, Performer(job)).run(steps)["accounts"]
    assert error is not None
    assert "there is no room for the migration of accounts (256 MiB)" in error.what
    assert "culm plan accounts shows the ways out" in error.hint


def test_an_earlier_revision_is_the_one_before_the_live_one(
    target: Target, project: Project, around: render.Surroundings
) -> None:
    live = based(target, project).survey.observed
    web = project.services["web"]
    arns = [
        target.client("ecs").register_task_definition(
            **render.task_definition(project, web, f"web@sha256:{n}", None, around)
        )["taskDefinition"]["taskDefinitionArn"]
        for n in range(3)
    ]
    group = live.target_groups["bamboo-web"]["TargetGroupArn"]
    target.client("elbv2").create_rule(
        **render.rule(web, live.listener["ListenerArn"] if live.listener else "", group, 10)
    )
    target.client("ecs").create_service(**render.service(project, web, arns[1], group))
    assert earlier_revision(target, project, web, None).arn == arns[0]
    assert earlier_revision(target, project, web, 3).arn == arns[2]
    with pytest.raises(CulmError, match="there is no revision bamboo-web:7") as refusal:
        earlier_revision(target, project, web, 7)
    assert refusal.value.hint == "there are: 1, 2, 3"


def test_a_service_that_fails_to_build_leaves_the_others_their_turn(target: Target, project: Project) -> None:
    accounts, web = project.services["accounts"], project.services["web"]
    for one in (accounts, web):
        (one.folder / "Dockerfile").write_text("FROM base\nCOPY nowhere /\nEXPOSE 8000\n")
    waiting = dataclasses.replace(web, after=("accounts",))
    changed = dataclasses.replace(project, services={"accounts": accounts, "web": waiting})
    stream = io.StringIO()
    up = Up(changed, target, HostBuilder(), Console(stream), Quick())  # no instance joins: that is waited for
    outcomes = up.run(of_target(changed, target, HostBuilder(), ["accounts", "web"]))
    assert [type(outcome.error) for outcome in outcomes] == [CulmError, CulmError]
    assert "COPY names nowhere" in str(outcomes[0].error)
    assert "accounts failed: " in stream.getvalue()


def test_down_takes_what_up_has_made_and_keeps_its_data_until_told(
    target: Target, project: Project, said: list[str]
) -> None:
    based(target, project)
    vault = render.vault_bucket(project.name, target.account, target.region)
    gone: list[tuple[str, str]] = []

    def removed(kind: str, name: str) -> None:
        gone.append((kind, name))

    down(target, project, removed, volumes=False)
    assert ("cluster", project.name) in gone
    live = observe(target, project, vault)
    assert (live.cluster, live.load_balancer, live.target_groups) == (None, None, {})
    assert len(live.repositories) == 3
    assert live.log_groups
    gone.clear()
    down(target, project, removed, volumes=False)
    assert gone == []
    down(target, project, removed, volumes=True)
    assert "repository" in {kind for kind, _ in gone}
    live = observe(target, project, vault)
    assert (live.repositories, live.log_groups, live.vault) == ({}, frozenset(), frozenset())


def test_status_of_what_is_not_deployed_is_empty(target: Target, project: Project) -> None:
    assert status(target, project)["services"] == []
    based(target, project)
    found = status(target, project)
    assert (found["services"], found["missing"]) == ([], ["accounts", "web"])


def test_a_taken_port_is_passed_over_unless_it_was_asked_for(target: Target, project: Project) -> None:
    live = observe(target, project, "nowhere")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        asked = Target(dataclasses.replace(target.settings, port=port), target.endpoint_url)
        with pytest.raises(CulmError, match=f"port {port} of 127.0.0.1, the load balancer's, is taken"):
            listener_port(asked, live)
    assert listener_port(asked, live) == port
    assert 8080 <= listener_port(target, live) < 8180
    assert listener_port(target, dataclasses.replace(live, listener={"Port": 9000})) == 9000


def test_the_sdks_errors_become_ours(target: Target) -> None:
    with pytest.raises(CulmError, match="DescribeServices failed: ClusterNotFoundException"), faults.translated():
        target.client("ecs").describe_services(cluster="nowhere", services=["a"])
    gone = Target(target.settings, "http://127.0.0.1:1", StaticCredentials(access_key="a", secret_key="b"))
    with pytest.raises(CulmError, match="Could not connect") as refusal, faults.translated():
        gone.client("sts").get_caller_identity()
    assert "culm cluster status" in refusal.value.hint


def test_only_loopback_registries_speak_plain_http() -> None:
    assert loopback("127.0.0.1:4588/bamboo/web")
    assert loopback("localhost:5000/web")
    assert not loopback("000000000000.dkr.ecr.us-east-1.amazonaws.com/web")


def test_the_login_is_what_ecr_says(target: Target) -> None:
    [data] = target.client("ecr").get_authorization_token()["authorizationData"]
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    user, password = Images(target, HostBuilder()).login()
    assert (user, bool(password)) == ("AWS", True)


def test_schedules_of_jobs_that_are_gone_are_deleted_and_others_that_look_alike_are_left(
    target: Target, project: Project
) -> None:
    stream = io.StringIO()
    based(target, project)
    scheduler, here = target.client("scheduler"), f"{target.region}:{target.account}"
    for name, family in (("bamboo-nightly", "bamboo-nightly"), ("bamboo-mine", "bamboo-web")):
        runs = {"TaskDefinitionArn": f"arn:aws:ecs:{here}:task-definition/{family}:1"}
        scheduler.create_schedule(
            Name=name,
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": f"arn:aws:ecs:{here}:cluster/bamboo",
                "RoleArn": f"arn:aws:iam::{target.account}:role/r",
                "EcsParameters": runs,
            },
        )
    deploy = Up(project, target, HostBuilder(), Console(stream))
    deploy.job.survey = based(target, project).survey
    assert deploy.schedule([], [], whole=False) == []
    assert stream.getvalue() == "", "a deploy of some services looks at their jobs alone"
    deploy.schedule([], [], whole=True)
    assert [each["Name"] for each in scheduler.list_schedules()["Schedules"]] == ["bamboo-mine"]
    assert "deleted schedule bamboo-nightly, whose job is not in culm.yml any more" in stream.getvalue()
    assert "schedule bamboo-mine runs in this cluster, and culm.yml does not name it" in stream.getvalue()
