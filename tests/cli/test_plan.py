"""`culm plan` as people see it: before anything is there."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests import culm_command

MANIFEST = """\
name: bamboo
targets:
  local: {{instances: {instances}}}
  perf: {{provider: aws, region: us-east-1, instances: 2 x c7g.large}}
services:
"""


def run(folder: Path, *arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.defpath,
        "CULM_HOME": str(folder / "home"),
        "HOME": str(folder),
        "COLUMNS": str(columns),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return culm_command.run(arguments, cwd=folder, environment=environment)


def write(folder: Path, services: dict[str, str], instances: str = "2 x t2.micro") -> None:
    lines = [MANIFEST.format(instances=instances)]
    for name, keys in services.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "Dockerfile").write_text('FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
        lines.append(f"  {name}: {keys}\n")
    (folder / "culm.yml").write_text("".join(lines))


def test_the_whole_screen_before_anything_is_there(tmp_path: Path) -> None:
    write(tmp_path, {"accounts": "", "catalog": ""})
    (tmp_path / "accounts" / "Dockerfile.migrate").write_text('FROM base\nCMD ["sh"]\n')
    done = run(tmp_path, "plan")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  accounts  new: its migration, then a task on #1; route /accounts/*\n" in done.stdout
    assert "  catalog   new on #2; route /catalog/*\n" in done.stdout
    assert "  #1 t2.micro  [+account" in done.stdout
    assert "$53.78 a month (us-east-1, prices of " in done.stdout
    assert "note: the local cluster does not run: planned as if nothing were there" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("columns", [80, 120])
def test_what_does_not_fit_exits_3_with_the_ways_out(tmp_path: Path, columns: int) -> None:
    write(tmp_path, {name: "" for name in "abcdefg"})
    done = run(tmp_path, "plan", columns=columns)
    assert done.returncode == 3
    assert "It does not fit; nothing is changed.\n" in done.stdout
    assert "  g  a new task needs 256 MiB and 128 CPU units: #1 RESOURCE:MEMORY" in done.stdout
    ways = done.stdout.partition("Ways out, cheapest first")[2].splitlines()[1:]
    assert ways[0].split()[:5] == ["-$9.26", "instances:", "1", "x", "t3a.small"]
    assert max(map(len, done.stdout.splitlines())) <= columns


def test_json_says_the_same(tmp_path: Path) -> None:
    write(tmp_path, {name: "" for name in "abcdefg"})
    done = run(tmp_path, "plan", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["fits"]) == (3, False)
    assert [o["service"] for o in found["obstacles"]] == ["g"]
    assert found["price"]["dollars"] == 53.78
    assert found["remedies"][0]["write"] == "instances: 1 x t3a.small"
    assert [len(i["tasks"]) for i in found["instances"]] == [3, 3]


def test_dead_percentages_are_found(tmp_path: Path) -> None:
    write(tmp_path, {"a": "{count: 2, roll: 75/100}", "b": "{count: 3, roll: 100/125}"})
    done = run(tmp_path, "plan")
    assert done.returncode == 3
    assert "minimumHealthyPercent 75 of 2 rounds up to 2" in " ".join(done.stdout.split())
    assert "maximumPercent 125 of 3 rounds down to 3" in " ".join(done.stdout.split())


def test_another_target_is_planned_without_credentials(tmp_path: Path) -> None:
    write(tmp_path, {"a": ""})
    done = run(tmp_path, "plan", "--target", "perf")
    assert done.returncode == 0, done.stderr
    assert "bamboo on perf, 2 x c7g.large" in done.stdout
    assert "note: there are no AWS credentials: planned as if nothing were there yet" in done.stdout


def test_a_region_without_prices_is_priced_as_the_one_that_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a": ""})
    manifest = tmp_path / "culm.yml"
    manifest.write_text(manifest.read_text().replace("us-east-1", "eu-north-1"))
    done = run(tmp_path, "plan", "--target", "perf")
    assert done.returncode == 0, done.stderr
    assert "a month (us-east-1, prices of " in done.stdout


def test_prices_of_ones_own(tmp_path: Path) -> None:
    write(tmp_path, {"a": ""})
    brought = Path(__file__).parents[2] / "src/culm/plan/prices/us-east-1.toml"
    (tmp_path / "mine.toml").write_text(brought.read_text().replace('"t2.micro" = 0.0116', '"t2.micro" = 1.0'))
    assert "$1,496.85 a month" in run(tmp_path, "plan", "--prices", "mine.toml").stdout
    done = run(tmp_path, "plan", "--region", "mars-1")
    assert (done.returncode, "no prices of mars-1" in done.stderr) == (2, True)


def test_an_instance_type_that_nobody_knows_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a": ""}, instances="1 x x9.huge")
    done = run(tmp_path, "plan")
    assert done.returncode == 2
    assert "x9.huge" in done.stderr


def test_capacity_is_planned_from_load_and_measurement(tmp_path: Path) -> None:
    write(tmp_path, {"a": "{load: 10}", "b": "{load: 60/min}", "c": ""})
    measured = {"rate": 4.0, "throughput": 4.0, "tasks": 1, "clients": 2, "p95": 0.1, "bound": 0.25, "path": "/"}
    (tmp_path / ".culm").mkdir()
    (tmp_path / ".culm" / "bench.json").write_text(
        json.dumps({"a": {**measured, "task_definition": "a:1", "at": "2026-11-23T00:00:00+00:00"}})
    )
    found = json.loads(run(tmp_path, "plan", "--capacity", "--json").stdout)
    assert [stage["tasks"]["a"] for stage in found["stages"]] == [4, 8, 50]
    assert [stage["requests"] for stage in found["stages"]] == [16.5, 33.0, 220.0]
    text = run(tmp_path, "plan", "--capacity").stdout
    assert "without `load:` in culm.yml the count stays: c" in text
    assert "not measured, so the count stays: b" in text
    assert "quotas, the fullest first: on-demand vCPUs of a new account" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_bench_file_that_is_none_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a": ""})
    (tmp_path / ".culm").mkdir()
    (tmp_path / ".culm" / "bench.json").write_text("{")
    done = run(tmp_path, "plan")
    assert (done.returncode, "bench.json cannot be read" in done.stderr) == (2, True)


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_no_line_of_a_plan_is_wider_than_the_terminal_and_no_price_is_torn(tmp_path: Path, columns: int) -> None:
    write(tmp_path, {"accounts": "", "catalog": ""})
    lines = run(tmp_path, "plan", columns=columns).stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert any("load balancer $16.43 (1 ALB)" in line for line in lines)
