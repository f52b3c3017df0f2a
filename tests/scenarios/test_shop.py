"""The example that no template wrote: front, API, worker, job and ready image around a queue, in both runtimes."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.scenarios.stand import Stand, eventually
from tests.traffic import free_port

SHOP = Path(__file__).parents[2] / "examples" / "shop"
SLOW = """\
  slow:
    build: backend
    command: [sh, -c, "trap '' TERM; sleep 600"]
    stop: 1s
    schedule: {when: every 24 hours, timeout: 2s, overlap: skip}
  reader:
    build: backend
    command: [cat, /srv/settings/greeting, /run/secrets/user]
    schedule: every 24 hours
    database: queue
    files: {/srv/settings/greeting: greeting.txt, /run/secrets/user: queue.user}
"""
BASE = os.environ.get("CULM_BASE_IMAGE", "culm-base:bookworm")


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("shop"), port=free_port())
    if request.param == "docker":
        if subprocess.run(["docker", "image", "inspect", BASE], capture_output=True, check=False).returncode:
            pytest.skip(f"no Docker engine with {BASE} here: .ci/base-image.sh makes it")
        stand.environment |= {"CULM_BASE_IMAGE": BASE}
    shutil.copytree(SHOP, stand.project, dirs_exist_ok=True)
    if request.param == "docker":
        stand.edit("culm.yml", "image: python:3.12-slim", f"image: {BASE}")
    stand.edit("culm.yml", "local: {instances: 2 x t2.micro}", f"local: {{port: {stand.port}}}")
    stand.edit("culm.yml", "defaults: {", "defaults: {settle: 0, ")
    stand.write("culm.yml", (stand.project / "culm.yml").read_text() + SLOW)
    stand.culm("cluster", "start", "--runtime", request.param)
    refusal = stand.culm("up", status=3).err
    assert "local/reader/greeting.txt is not in the vault" in refusal
    assert "try: culm vault put local/reader/greeting.txt greeting.txt\n" in refusal
    stand.write("greeting.txt", "good morning\n")
    stand.culm("vault", "put", "local/reader/greeting.txt", "greeting.txt")
    stand.culm("up")
    yield stand
    stand.close()


def test_an_order_goes_through_front_api_and_worker(shop: Stand) -> None:
    assert shop.post("/api/orders", "tea").status == 201
    eventually(lambda: shop.get("/api/orders").body == {"waiting": 0, "done": 1})
    assert shop.get("/").body == "orders: 0 waiting, 1 done\n"
    assert shop.get("/api").status == 404  # it arrives at the API, as /


def test_the_worker_is_healthy_and_behind_no_load_balancer(shop: Stand) -> None:
    ecs = shop.client("ecs")
    [service] = ecs.describe_services(cluster="shop", services=["worker"])["services"]
    assert service["loadBalancers"] == []
    [arn] = ecs.list_tasks(cluster="shop", serviceName="worker")["taskArns"]
    assert ecs.describe_tasks(cluster="shop", tasks=[arn])["tasks"][0]["healthStatus"] == "HEALTHY"


def test_three_services_of_one_folder_have_one_image(shop: Stand) -> None:
    ecr = shop.client("ecr")
    names = {repository["repositoryName"] for repository in ecr.describe_repositories()["repositories"]}
    assert names == {"shop/front", "shop/api"}
    assert len(ecr.describe_images(repositoryName="shop/api")["imageDetails"]) == 1


def test_the_job_is_scheduled_shown_and_run_by_hand(shop: Stand) -> None:
    schedule = shop.client("scheduler").get_schedule(Name="shop-nightly")
    assert schedule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert "report:" in shop.culm("run-now", "nightly").out
    screen = shop.culm("status").out
    assert "nightly" in screen
    assert "exit code 0" in screen


def test_the_ready_image_shows_what_the_job_has_written_and_is_in_no_repository(shop: Stand) -> None:
    shop.culm("run-now", "nightly")
    report = f"{datetime.now(UTC).date()}.txt"
    assert report in shop.get("/reports/").body
    assert "orders done" in shop.get(f"/reports/{report}").body
    repositories = shop.client("ecr").describe_repositories()["repositories"]
    assert "shop/reports" not in {repository["repositoryName"] for repository in repositories}


def test_the_front_calls_the_api_inside_and_the_queues_url_is_in_no_task_definition(shop: Stand) -> None:
    ecs = shop.client("ecs")
    [front] = ecs.describe_services(cluster="shop", services=["front"])["services"]
    assert front["deployments"][0]["serviceConnectConfiguration"]["enabled"]
    definition = ecs.describe_task_definition(taskDefinition="shop-front")["taskDefinition"]
    [variable] = [v for v in definition["containerDefinitions"][0]["environment"] if v["name"] == "API"]
    assert f":{shop.port}" not in variable["value"]
    worker = ecs.describe_task_definition(taskDefinition="shop-worker")["taskDefinition"]
    assert "redis://" not in str(worker)


def test_a_run_that_takes_too_long_is_stopped_and_status_says_so(shop: Stand) -> None:
    shop.culm("run-now", "slow", status=137)
    [line] = [line for line in shop.culm("status").out.splitlines() if line.startswith("slow ")]
    assert "timed out, exit code" in line


def test_files_of_the_vault_are_in_place_before_the_container_begins(shop: Stand) -> None:
    read = shop.culm("run-now", "reader").out
    assert "good morning" in read
    assert "shop-queue-api" in read, "a part of the URL that culm has made"
    shop.culm("vault", "rm", "local/reader/greeting.txt")
    assert "local/reader/greeting.txt is not there" in shop.culm("run-now", "reader", status=1).err
    shop.culm("vault", "put", "local/reader/greeting.txt", "greeting.txt")


def test_a_second_up_changes_nothing_and_diff_agrees(shop: Stand) -> None:
    assert "nothing changed" in shop.culm("up").err
    assert shop.culm("diff").status == 0


def test_the_front_is_scaled_within_its_range_and_not_beyond_it(shop: Stand) -> None:
    assert "(1-3, requests 6000)" in shop.culm("status").out
    said = shop.culm("scale", "front", "4", status=2).err
    assert "front is scaled automatically between 1 and 3 tasks, and 4 lies outside" in said
    scaled = shop.client("application-autoscaling")
    [policy] = scaled.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    label = policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]["ResourceLabel"]
    assert label.startswith("app/shop/")
    assert "/targetgroup/shop-front/" in label


def test_a_worker_that_is_stopped_ends_in_order(shop: Stand) -> None:
    shop.culm("restart", "worker")
    eventually(lambda: "stopped in order" in shop.culm("logs", "worker").out)


def test_a_daemon_that_is_killed_when_a_schedule_fires_runs_it_once(shop: Stand) -> None:
    scheduler = shop.client("scheduler")
    nightly = scheduler.get_schedule(Name="shop-nightly")
    moment = datetime.fromtimestamp(time.time() + 4, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    scheduler.create_schedule(
        Name="shop-once",
        ScheduleExpression=f"at({moment})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=nightly["Target"],
    )
    eventually(lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S") >= moment)
    os.kill(shop.daemon(), signal.SIGKILL)
    shop.culm("cluster", "start")
    ecs = shop.client("ecs")

    def started() -> list[str]:
        listed = [
            ecs.list_tasks(cluster="shop", startedBy="chronos-schedule/shop-once", desiredStatus=status)
            for status in ("RUNNING", "STOPPED")
        ]
        return [arn for answer in listed for arn in answer["taskArns"]]

    eventually(started)
    eventually(lambda: shop.culm("logs", "nightly").out.count("report:") >= 2)
    assert len(started()) == 1


def test_a_changed_schedule_is_changed_there(shop: Stand) -> None:
    shop.edit("culm.yml", "0 3 * * * Europe/Berlin", "every 6 hours")
    assert "schedule of nightly" in shop.culm("diff", status=3).out
    assert "rescheduled" in shop.culm("up").err
    assert shop.client("scheduler").get_schedule(Name="shop-nightly")["ScheduleExpression"] == "rate(6 hours)"


def test_a_job_that_leaves_culm_yml_takes_its_schedule_with_it_also_the_last_one(shop: Stand) -> None:
    manifest = shop.project / "culm.yml"
    before = manifest.read_text()
    begin = before.index("  nightly:")
    rest = before[begin:].split("\n")
    end = next((n for n, line in enumerate(rest[1:], 1) if not line.startswith("    ")), len(rest))
    manifest.write_text(before[:begin] + "\n".join(rest[end:]))
    said = shop.culm("up").err
    assert "deleted schedule shop-nightly, whose job is not in culm.yml any more" in said
    names = [each["Name"] for each in shop.client("scheduler").list_schedules()["Schedules"]]
    assert "shop-nightly" not in names
    manifest.write_text(before)


def test_scaling_that_leaves_culm_yml_ends_with_the_next_up(shop: Stand) -> None:
    shop.edit("culm.yml", "    count: 1-3\n    scale: requests 6000\n", "")
    assert "scaling of front" in shop.culm("diff", status=3).out
    assert "stop scaling it" in shop.culm("up").err
    assert (
        shop.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        == []
    )
    shop.culm("up")


def test_down_takes_the_schedule_away(shop: Stand) -> None:
    assert "deleted schedule shop-nightly" in shop.culm("down").err
