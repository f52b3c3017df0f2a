"""`culm up` and what comes after it, on another project's AWS: the client half alone is judged here."""

import json

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.inventory import inventory
from tests.amazon.machines import Fate
from tests.amazon.test_diff import differences

from culm.cli.planning import of_target
from culm.cli.screens.plan import screen
from culm.cli.up import probed
from culm.console import Console
from culm.deploy.build.host import HostBuilder
from culm.deploy.up import Up
from culm.errors import CulmError, Differs, UsageError
from culm.plan.steps import text_of

BUCKET = "culm-bamboo-123456789012-us-east-1"
KEPT = {
    *("repository bamboo/accounts", "repository bamboo/accounts-migrate", "repository bamboo/web"),
    *("log group /culm/bamboo/accounts", "log group /culm/bamboo/web"),
    f"bucket {BUCKET}",
    "cluster bamboo",
}
"""What `down` leaves: people's data, and the cluster, which is the base stack's."""


def test_up_brings_the_services_into_an_empty_account_and_a_second_up_writes_nothing(shop: Shop) -> None:
    assert inventory(shop.account) == set()
    assert [outcome.changed for outcome in shop.up()] == [True, True]
    assert inventory(shop.account) >= {
        *KEPT,
        *("service accounts", "service web", "role bamboo-accounts", "role bamboo-web", "load balancer bamboo"),
        *("task definition bamboo-accounts:1", "task definition bamboo-accounts-migrate:1"),
    }
    [migrated, *_] = shop.account.machines.history
    assert migrated.startswith("family:bamboo-accounts-migrate: bamboo-accounts-migrate:1 stopped")
    assert "ecs.CreateService" in shop.writes()
    assert [outcome.changed for outcome in shop.up()] == [False, False]
    assert shop.writes() == []


def test_more_services_than_threads_come_up_in_one_wave(shop: Shop) -> None:
    names = [f"s{number:02}" for number in range(18)]
    for name in names:
        shop.write(f"{name}/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    kept = next(line for line in (shop.folder / "culm.yml").read_text().splitlines() if line.startswith("targets"))
    services = "".join(f"  {name}: {{memory: 32, cpu: 32}}\n" for name in names)
    shop.write("culm.yml", f"name: bamboo\n{kept}\ndefaults: {{settle: 0}}\nservices:\n{services}")
    assert [outcome.changed for outcome in shop.up()] == [True] * len(names)
    assert [outcome.changed for outcome in shop.up()] == [False] * len(names)


def test_a_changed_service_is_all_that_is_written_and_its_old_layers_are_not_sent_again(shop: Shop) -> None:
    shop.up()
    shop.calls()
    shop.account.pushes.clear()
    shop.write("web/new.txt", "new")
    shop.write("web/Dockerfile", 'FROM base\nCOPY new.txt /\nEXPOSE 8000\nCMD ["sh"]\n')
    [outcome] = shop.up("web")
    assert outcome.changed
    assert shop.writes() == ["ecs.RegisterTaskDefinition", "ecs.UpdateService"]
    assert shop.account.pushes[-1] == "manifest bamboo/web"
    assert {push.rpartition(" ")[2] for push in shop.account.pushes} == {"bamboo/web"}
    shop.account.pushes.clear()
    shop.write("web/Dockerfile", 'FROM base\nCOPY new.txt /\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    shop.up("web")
    assert shop.account.pushes == ["blob bamboo/web", "manifest bamboo/web"], "the configuration alone"


def test_jobs_are_planned_with_slots_and_price_scheduled_run_and_taken_away(shop: Shop) -> None:
    scheduler = shop.account.client("scheduler")
    manifest = (shop.folder / "culm.yml").read_text().replace("services: {accounts: , web: {path: /*}}\n", "")
    job = "{build: web, command: [sh], schedule: {when: every hour, timeout: 1h}}"
    services = "services:\n  accounts:\n  web: {path: /*}\n"
    shop.write("culm.yml", manifest + services + f"  nightly: {job}\n  weekly: {job}\n")
    project = shop.project
    planned = of_target(project, shop.target, HostBuilder(), list(project.everything))
    assert planned.jobs == ("nightly", "weekly")
    assert "a run takes 272 MiB (2 slots) while it lasts" in screen(planned, 200)
    assert "its schedule costs $0" in screen(planned, 200, short=True)
    assert [outcome.changed for outcome in shop.up()] == [True] * 4
    names = sorted(each["Name"] for each in scheduler.list_schedules()["Schedules"])
    assert names == ["bamboo-nightly", "bamboo-weekly"]
    shop.writes()
    assert [outcome.changed for outcome in shop.up()] == [False] * 4
    assert shop.writes() == []

    shop.write("culm.yml", manifest + services + f"  nightly: {job}\n".replace("every hour", "every day"))
    project = shop.project
    planned = of_target(project, shop.target, HostBuilder(), list(project.everything))
    listed = [line for line in text_of(planned.steps).splitlines() if "schedule" in line]
    assert [line.split(maxsplit=1)[1] for line in listed] == [
        "nightly        update its schedule, rate(1 day) in UTC: ScheduleExpression: rate(1 hour) -> rate(1 day); "
        "if web ended well; commits",
        "the schedules  delete schedule bamboo-weekly: its job is not in culm.yml any more",
    ]
    shop.up()
    assert sorted(shop.writes()) == ["iam.PutRolePolicy", "scheduler.DeleteSchedule", "scheduler.UpdateSchedule"]

    shop.culm("run-now", "nightly", "--no-wait")
    [told] = json.loads(shop.culm("status", "--json"))["jobs"]
    assert told["schedule"] == "rate(1 day) in UTC"
    assert told["next"] is not None
    assert told["last"]["started_by"] == "culm run-now"
    shop.culm("down")
    assert scheduler.list_schedules()["Schedules"] == []


def test_a_file_that_the_vault_lacks_is_named_before_anything_is_made(shop: Shop) -> None:
    manifest = (shop.folder / "culm.yml").read_text()
    shop.write("culm.yml", manifest.replace("web: {path: /*}", "web: {path: /*, files: {/srv/conf/a: a.conf}}"))
    with pytest.raises(Differs, match=r"^stg/web/a\.conf is not in the vault") as refusal:
        shop.up()
    assert shop.writes() == []
    shop.write("a.conf", "listen 80;")
    shop.culm(*refusal.value.hint.removeprefix("culm ").removesuffix(" --target stg").split())
    shop.writes()
    assert [outcome.changed for outcome in shop.up()] == [True, True]
    assert [outcome.changed for outcome in shop.up()] == [False, False]


def test_rollback_scale_and_restart(shop: Shop) -> None:
    shop.up()
    shop.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    shop.up("web")
    ecs = shop.account.client("ecs")

    def web() -> tuple[str, int]:
        [service] = ecs.describe_services(cluster="bamboo", services=["web"])["services"]
        return service["taskDefinition"].rpartition("/")[2], service["runningCount"]

    assert web() == ("bamboo-web:2", 1)
    shop.culm("rollback", "web")
    assert web() == ("bamboo-web:1", 1)
    shop.culm("scale", "web", "2")
    assert web() == ("bamboo-web:1", 2)
    told = json.loads(shop.culm("status", "--json"))
    assert {one["name"]: one["running"] for one in told["services"]} == {"accounts": 1, "web": 2}

    shop.culm("scale", "web", "1")
    shop.up()
    before = differences(shop)
    shop.writes()
    slept = json.loads(shop.culm("sleep", "--json"))
    assert {each["name"]: each["asleep"] for each in slept["services"]} == {"accounts": 1, "web": 1}
    assert shop.writes() == ["ecs.TagResource", "ecs.UpdateService"] * 2
    assert differences(shop) == before
    assert json.loads(shop.culm("sleep", "--json"))["saved"]["dollars_an_hour"] > 0
    assert shop.writes() == []
    shop.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "once more"]\n')
    shop.up("web")
    assert web() == ("bamboo-web:3", 0)
    shop.writes()
    shop.culm("wake")
    assert sorted(shop.writes()) == ["ecs.UntagResource"] * 2 + ["ecs.UpdateService"] * 2
    assert web() == ("bamboo-web:3", 1)
    assert differences(shop) == before


def test_rollback_passes_over_a_revision_whose_deploy_failed_and_says_so(shop: Shop) -> None:
    def deploys(text: str) -> None:
        shop.write("web/Dockerfile", f'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "{text}"]\n')
        shop.up("web")

    shop.up()
    shop.account.machines.fates["bamboo-web:2"] = Fate(exit_code=7)
    with pytest.raises(CulmError, match="rolled back to bamboo-web:1"):
        deploys("fails")
    deploys("runs")
    shop.culm("rollback", "web")
    [service] = shop.account.client("ecs").describe_services(cluster="bamboo", services=["web"])["services"]
    assert service["taskDefinition"].endswith("/bamboo-web:1")
    passed = (
        "rolling back to bamboo-web:1: the last before #3 whose deploy ended well (passed over: #2: failed, gone back)"
    )
    assert passed in shop.told.getvalue()
    rows = {words[0]: words for line in shop.culm("history", "web").splitlines() if (words := line.split())}
    assert "ready" in rows["3"] and "failed," in rows["2"] and "live" in rows["1"]


def test_going_back_across_a_migration_asks_for_consent(shop: Shop) -> None:
    shop.up()
    shop.write("accounts/Dockerfile.migrate", 'FROM base\nCMD ["sh", "-c", "true"]\n')
    shop.up("accounts")
    with pytest.raises(Differs, match="another migration has run"):
        shop.culm("rollback", "accounts")
    shop.culm("rollback", "accounts", "--across-migration")


def test_a_failed_migration_leaves_the_service_as_it_was(shop: Shop) -> None:
    shop.up()
    shop.calls()
    shop.write("accounts/Dockerfile.migrate", 'FROM base\nCMD ["sh", "-c", "exit 3"]\n')
    shop.account.machines.fates["bamboo-accounts-migrate"] = Fate(exit_code=3)
    with pytest.raises(CulmError, match="the migration of accounts ended with exit code 3; accounts stays as it was"):
        shop.up()
    assert "ecs.UpdateService" not in shop.writes()


def test_a_service_that_stops_again_is_told_with_its_exit_code(shop: Shop) -> None:
    shop.account.machines.fates["bamboo-web"] = Fate(exit_code=7)
    with pytest.raises(CulmError, match=r"(?s)web did not start.*container web: exit code 7"):
        shop.up()


def test_down_leaves_what_holds_data_and_with_volumes_nothing_of_it(shop: Shop) -> None:
    shop.up()
    shop.culm("down")
    assert inventory(shop.account) == KEPT
    shop.up()
    shop.culm("down", "--volumes", "--yes")
    assert inventory(shop.account) == {f"bucket {BUCKET}", "cluster bamboo"}
    [*objects] = shop.account.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())
    assert [one["Key"] for one in objects] == []


def test_a_service_says_how_long_its_migration_and_its_roll_may_take(shop: Shop) -> None:
    shop.account.machines.fates["bamboo-accounts-migrate"] = Fate(ends=False)
    shop.write(
        "culm.yml", (shop.folder / "culm.yml").read_text().replace("{settle: 0}", "{settle: 0, migrate-timeout: 1s}")
    )
    with pytest.raises(CulmError, match="the migration of accounts still runs after 1 s"):
        shop.up("accounts")


def test_a_probe_asks_what_serves_already_and_is_to_change(shop: Shop) -> None:
    def asked(wanted: str | None) -> list[str]:
        project, builder = shop.project, HostBuilder()
        plan = of_target(project, shop.target, builder, list(project.services))
        return probed(Up(project, shop.target, builder, Console(shop.told)), plan, wanted)

    assert asked("") == [], "nothing serves yet"
    shop.up()
    assert asked("") == [], "nothing is to change"
    shop.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    [url] = asked("")
    assert url.startswith("http://") and url.endswith("/web/health"), "its health page is behind its path"
    assert asked("https://shop.example.com/") == ["https://shop.example.com/"]
    assert asked(None) == []
    with pytest.raises(UsageError, match="this is no URL"):
        asked("accounts")
