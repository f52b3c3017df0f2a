"""`files:`: a container fetches files of the vault before the service's own begins."""

from pathlib import Path

import boto3
import pytest
from botocore.validate import validate_parameters

from culm import render
from culm.errors import UsageError
from culm.project.load import load
from culm.project.project import Project

SURROUNDINGS = render.Surroundings(
    env="stg",
    region="us-east-1",
    account="000000000000",
    vault="vault",
    vpc="vpc-1",
    subnets=("subnet-1", "subnet-2"),
    port=80,
    instances="1 x t2.micro",
)


def shop(folder: Path, files: str, more: str = "") -> Project:
    service = f"  docs: {{image: 'nginx:1.27', port: 80, path: /docs/*, files: {files}{more}}}\n"
    (folder / "culm.yml").write_text("name: shop\nservices:\n" + service)
    return load(folder / "culm.yml")


def test_files_are_copied_into_volumes_before_the_services_container_begins(tmp_path: Path) -> None:
    project = shop(
        tmp_path, "{/etc/nginx/conf.d/a.conf: a.conf, /etc/nginx/conf.d/b.conf: b.conf, /srv/page/x: x.html}"
    )
    made = render.task_definition(project, project.services["docs"], "nginx:1.27", None, SURROUNDINGS)
    shape = boto3.client("ecs", region_name="us-east-1").meta.service_model.operation_model("RegisterTaskDefinition")
    assert shape.input_shape is not None
    validate_parameters(made, shape.input_shape)
    main, fetch = made["containerDefinitions"]
    assert made["volumes"] == [{"name": "files-0", "host": {}}, {"name": "files-1", "host": {}}]
    assert [(each["containerPath"], each["readOnly"]) for each in main["mountPoints"]] == [
        ("/etc/nginx/conf.d", True),
        ("/srv/page", True),
    ]
    assert main["dependsOn"] == [{"containerName": "files", "condition": "SUCCESS"}]
    assert fetch["command"][0].splitlines() == [
        "aws s3 cp --only-show-errors s3://vault/stg/docs/a.conf /culm/files-0/a.conf",
        "aws s3 cp --only-show-errors s3://vault/stg/docs/b.conf /culm/files-0/b.conf",
        "aws s3 cp --only-show-errors s3://vault/stg/docs/x.html /culm/files-1/x",
    ]
    assert (fetch["essential"], fetch["memoryReservation"]) == (False, 8)


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ("{/etc/passwd: x}", "nothing but `files:` would be left in /etc"),
        ("{/usr/lib/app/x: x}", "nothing but `files:` would be left in /usr/lib/app"),
        ("{etc/x/y: x}", "is not the path of a file"),
        ("{/a/../b/x: x}", "is not the path of a file"),
        ("{/a/b/: x}", "is not the path of a file"),
        ("{/a/b/x: other/x}", "is not a file of the service's own folder"),
        ("{/a/b/x: ../x}", "is not a file of the service's own folder"),
        ("{/a/b/x: x}, volumes: {data: /a/b}", "/a/b is a volume or tmpfs, too"),
        ("{/a/b/x: x}, sidecars: {files: {image: y}}", "is what culm calls the container that fetches"),
    ],
)
def test_what_would_hide_an_image_or_is_of_others_is_refused(tmp_path: Path, files: str, what: str) -> None:
    with pytest.raises(UsageError) as refusal:
        shop(tmp_path, files)
    assert what in refusal.value.what
