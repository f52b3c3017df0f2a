"""The schema that editors check culm.yml by: it takes what `load` takes, and nothing that a type forbids."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from culm.project.json_schema import json_schema

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in (ROOT / "examples").rglob("culm.yml") if ".culm" not in path.parts)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("schema") / "culm.schema.json"
    file.write_text(json.dumps(json_schema()))
    return file


def checked(schema: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_culm_yml_of_the_repository_is_valid(schema: Path) -> None:
    assert FILES
    done = checked(schema, *FILES)
    assert done.returncode == 0, done.stdout + done.stderr


WHOLE = """\
# yaml-language-server: $schema=culm.schema.json
name: shop
x-small: &small {memory: 64 MB}
placement: [{type: spread, field: 'attribute:ecs.availability-zone'}]
targets: {local: , stg: {provider: aws, spot: true, subnets: [subnet-0a, subnet-0b], vpc: vpc-0a}}
databases: {main: {engine: postgres, rds: {storage: 30}}}
volumes: {data: {efs: fs-01234567}}
services:
  accounts:
  web:
    <<: *small
    path: [/, /x/*]
    command: celery worker
    entrypoint: [tini, --]
    migrate: false
    environment: {DEBUG: true, N: 1}
    secrets: {SEALED: {vault: sealed}, A: {from: b, reason: c}}
    health: {command: [a, b], interval: 10s}
    ports: 9090
    roll: 50/150
    read-only: true
    tmpfs: {/tmp: 64}
    volumes: {data: /data}
    sidecars: {proxy: {image: envoy, ready: start}}
"""


def test_every_form_of_a_value_is_valid(schema: Path, tmp_path: Path) -> None:
    (tmp_path / "culm.yml").write_text(WHOLE)
    done = checked(schema, tmp_path / "culm.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "services: {a: }",
        "name: shop\nservices: {a: {memmory: 1}}",
        "name: shop\nservices: {a: {count: two}}",
        "name: shop\nservices: {a: {after: b}, b: {secrets: {A: {from: x}}}}",
        "name: shop\nservices: {b: {secrets: {A: }}}",
        "name: shop\nplacement: everywhere\nservices: {a: }",
    ],
)
def test_what_the_types_forbid_is_not_valid(schema: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "culm.yml").write_text(text + "\n")
    assert checked(schema, tmp_path / "culm.yml").returncode == 1
