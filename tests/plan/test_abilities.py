"""What a target cannot do is refused before anything is changed."""

from pathlib import Path

import pytest

from culm.errors import UsageError
from culm.plan.abilities import demand, notes
from culm.project.load import load
from culm.project.project import Project

MANIFEST = """\
name: shop
targets: {stg: {provider: aws, instances: 1 x t3.micro}}
VOLUMES
services:
  web: {SETTING}
"""


def shop(folder: Path, setting: str, volumes: str = "") -> Project:
    (folder / "web").mkdir(exist_ok=True)
    (folder / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 80\n")
    (folder / "culm.yml").write_text(MANIFEST.replace("SETTING", setting).replace("VOLUMES", volumes))
    return load(folder / "culm.yml")


def test_a_read_only_file_system_needs_containers(tmp_path: Path) -> None:
    project = shop(tmp_path, "read-only: true")
    with pytest.raises(UsageError, match="read-only: host processes"):
        demand(project, project.targets["local"], "host", ["web"])
    demand(project, project.targets["local"], "docker", ["web"])
    demand(project, project.targets["stg"], "docker", ["web"])


def test_a_volume_needs_a_file_system_on_aws(tmp_path: Path) -> None:
    project = shop(tmp_path, "volumes: {data: /data}")
    demand(project, project.targets["local"], "host", ["web"])
    with pytest.raises(UsageError, match="data is no EFS file system") as refusal:
        demand(project, project.targets["stg"], None, ["web"])
    assert "volumes: {data: {efs: fs-...}}" in refusal.value.hint
    known = shop(tmp_path, "volumes: {data: /data}", "volumes: {data: {efs: fs-01234567}}")
    demand(known, known.targets["stg"], None, ["web"])


def test_only_the_local_cluster_keeps_a_jobs_runs_from_overlapping(tmp_path: Path) -> None:
    text = "}\n  job: {build: web, schedule: {when: every hour, overlap: skip}"
    project = shop(tmp_path, text)
    demand(project, project.targets["local"], "host", ["web", "job"])
    demand(project, project.targets["stg"], None, ["web"])
    with pytest.raises(UsageError, match=r"job.schedule.overlap: skip cannot be done on target stg"):
        demand(project, project.targets["stg"], None, ["web", "job"])


def test_a_jobs_volume_needs_a_file_system_on_aws_too(tmp_path: Path) -> None:
    project = shop(tmp_path, "}\n  job: {build: web, schedule: every hour, volumes: {data: /data}")
    with pytest.raises(UsageError, match=r"services.job.volumes: data is no EFS"):
        demand(project, project.targets["stg"], None, ["job"])


def test_an_image_for_another_architecture_is_refused(tmp_path: Path) -> None:
    project = shop(tmp_path, "platform: linux/arm64")
    with pytest.raises(UsageError, match=r"linux/arm64 does not run on target stg, .* linux/amd64") as refusal:
        demand(project, project.targets["stg"], "docker", ["web"])
    assert refusal.value.hint == "take instances of that architecture, or set platform: linux/amd64"


def test_a_plan_for_processes_names_ready_images_that_this_machines_programs_stand_for(tmp_path: Path) -> None:
    project = shop(tmp_path, "}\n  docs: {image: 'python:3.12-slim', port: 80}\n  proxy: {image: 'nginx:1', port: 80")
    [note] = notes(project, "host", project.services)
    assert note.startswith("docs: python:3.12-slim is not pulled: ")
    assert notes(project, "docker", project.services) == []


def test_a_ready_image_that_runs_in_a_container_alone_is_refused_with_what_can_go_on(tmp_path: Path) -> None:
    others = "  api: {image: whoami, port: 81, after: [web]}\n  page: {image: whoami, port: 83, after: [api]}\n"
    others += "  queue: {image: 'rabbitmq:3', port: 5672, path: none}\n  ui: {image: whoami, port: 82"
    setting = f"image: mongo:4, port: 27017, path: none}}\n{others}"
    project = shop(tmp_path, setting)
    with pytest.raises(UsageError, match=r"services\.web\.image: mongo:4 runs in a container alone") as refusal:
        demand(project, project.targets["local"], "host", ["web", "api", "ui"])
    assert refusal.value.hint == (
        "start Docker or Podman, then: culm up --runtime docker; or leave it out for now: culm deploy ui"
    )
    demand(project, project.targets["local"], "docker", ["web"])
    demand(project, project.targets["local"], None, ["web"])
    demand(project, project.targets["local"], "host", ["api", "ui"])
