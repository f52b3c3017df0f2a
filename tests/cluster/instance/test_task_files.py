"""Files that a container fetches for its task are read as the task's role may, and as no other."""

import json
from collections.abc import Callable
from sqlite3 import Connection
from typing import Any, TypeVar

import pytest

from culm.cluster.instance.task_files import TaskFiles
from culm.cluster.store.db import transact
from culm.core.model.agent import ContainerPayload, TaskPayload
from culm.core.model.task_definitions import FILES_LABEL
from culm.errors import RuntimeFailure

ROLE = "arn:aws:iam::000000000000:role/shop-docs"
TRUST = {
    "Statement": {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
}
T = TypeVar("T")


class InlineStore:
    def __init__(self, db: Connection) -> None:
        self.db = db

    async def run(self, work: Callable[[Connection], T]) -> T:
        return transact(self.db, work)


@pytest.fixture
def files(cloud: Any) -> TaskFiles:
    """The vault has a file of docs and one of web, and the role may read those of docs."""
    s3, iam = cloud.client("s3"), cloud.client("iam")
    s3.create_bucket(Bucket="vault")
    for key in ("stg/docs/site.conf", "stg/web/site.conf"):
        s3.put_object(Bucket="vault", Key=key, Body=key.encode())
    iam.create_role(RoleName="shop-docs", AssumeRolePolicyDocument=json.dumps(TRUST))
    may = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::vault/stg/docs/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": may})
    iam.put_role_policy(RoleName="shop-docs", PolicyName="p", PolicyDocument=document)
    return TaskFiles(InlineStore(cloud.db))  # type: ignore[arg-type]


def fetching(**wanted: str) -> ContainerPayload:
    """A container that fetches these objects of the vault."""
    label = json.dumps({f"/culm/files-0/{name}": f"s3://vault/{key}" for name, key in wanted.items()})
    return ContainerPayload(name="files", container_arn="arn:container", image="x", docker_labels={FILES_LABEL: label})


def task(role: str | None) -> TaskPayload:
    return TaskPayload(arn="arn:task", desired_status="RUNNING", task_role_arn=role)


async def test_what_the_role_may_read_is_read_whole(files: TaskFiles) -> None:
    assert await files(task(ROLE), fetching(conf="stg/docs/site.conf")) == {"/culm/files-0/conf": b"stg/docs/site.conf"}


@pytest.mark.parametrize(
    ("role", "key", "why"),
    [
        (ROLE, "stg/web/site.conf", f"{ROLE} may not read s3://vault/stg/web/site.conf"),
        (None, "stg/docs/site.conf", "may not read s3://vault/stg/docs/site.conf"),
        (f"{ROLE}-gone", "stg/docs/site.conf", f"{ROLE}-gone may not read s3://vault/stg/docs/site.conf"),
        (ROLE, "stg/docs/other.conf", "s3://vault/stg/docs/other.conf is not there"),
    ],
)
async def test_what_it_may_not_read_or_is_not_there_keeps_the_task_from_starting(
    files: TaskFiles, role: str | None, key: str, why: str
) -> None:
    with pytest.raises(RuntimeFailure, match=why) as refusal:
        await files(task(role), fetching(a="stg/docs/site.conf", b=key) if role == ROLE else fetching(b=key))
    assert refusal.value.name == "ResourceInitializationError"


async def test_a_container_without_the_label_fetches_nothing(files: TaskFiles) -> None:
    plain = ContainerPayload(name="web", container_arn="arn:container", image="x")
    assert await files(task(None), plain) == {}
