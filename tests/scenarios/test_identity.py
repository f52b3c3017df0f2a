"""Every task is somebody of its own: what a task may do with what it is given, and where no secret is to be found."""

import json
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.scenarios.stand import Said, Stand

AWS = Path(sys.executable).parent / "aws"
VAULT = "culm-bamboo-000000000000-us-east-1"
OWN = "local/accounts/database.url"
OTHER = "local/orders/database.url"


class Inside:
    """A task of `accounts`: its own environment, and the AWS CLI in it."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        [pid, *_] = (pid for pid, line in stand.processes().items() if "-m accounts" in line)
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        self.endpoint = self.environment["AWS_ENDPOINT_URL"]

    def aws(self, *words: str) -> Said:
        command = [str(AWS), "--endpoint-url", self.endpoint, *words]
        told = {name: value for name, value in self.environment.items() if name.startswith(("AWS_", "PATH"))}
        return self.stand.run(command, environment={**told, "AWS_PAGER": "", "HOME": "/nonexistent"})

    def identity(self) -> dict[str, str]:
        with urllib.request.urlopen(self.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]) as answer:
            found: dict[str, str] = json.load(answer)
            return found

    def signed(self, key: str) -> dict[str, str]:
        """The headers of a GET of this object."""
        keys = self.identity()
        given = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"])
        request = AWSRequest(method="GET", url=f"{self.endpoint}/{VAULT}/{key}")
        S3SigV4Auth(given, "s3", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    def get(self, key: str, headers: dict[str, str]) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{VAULT}/{key}", headers=headers)) as a:
                return a.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode().partition("<Code>")[2].partition("</Code>")[0]


@pytest.fixture
def inside(bamboo: Stand) -> Inside:
    return Inside(bamboo)


def test_a_task_is_its_service_s_role(inside: Inside) -> None:
    arn = json.loads(inside.aws("sts", "get-caller-identity").out)["Arn"]

    assert arn.startswith("arn:aws:sts::000000000000:assumed-role/bamboo-accounts/")


def test_a_task_finds_its_metadata(inside: Inside) -> None:
    with urllib.request.urlopen(f"{inside.environment['ECS_CONTAINER_METADATA_URI_V4']}/task") as answer:
        told = json.load(answer)

    assert (told["Family"], told["ServiceName"], told["LaunchType"]) == ("bamboo-accounts", "accounts", "EC2")
    assert told["Containers"][0]["KnownStatus"] == "RUNNING"


def test_a_task_reads_its_own_configuration(inside: Inside) -> None:
    assert inside.aws("s3", "cp", f"s3://{VAULT}/{OWN}", "-").out.startswith("postgresql://")
    assert "database.url" in inside.aws("s3", "ls", f"s3://{VAULT}/local/accounts/").out


@pytest.mark.parametrize(
    "words",
    [
        ("s3api", "get-object", "--bucket", VAULT, "--key", OTHER, "/dev/null"),
        ("s3api", "get-object", "--bucket", "elsewhere", "--key", OWN, "/dev/null"),
        ("s3api", "put-object", "--bucket", VAULT, "--key", OWN),
        ("s3api", "list-objects-v2", "--bucket", VAULT),
        ("s3api", "list-objects-v2", "--bucket", VAULT, "--prefix", "local/orders/"),
        ("s3api", "list-buckets"),
        ("ecs", "list-clusters"),
        ("ecs", "run-task", "--cluster", "bamboo", "--task-definition", "bamboo-orders"),
        ("iam", "put-role-policy", "--role-name", "bamboo-accounts", "--policy-name", "x", "--policy-document", "{}"),
        (
            "sts",
            "assume-role",
            "--role-arn",
            "arn:aws:iam::000000000000:role/bamboo-orders",
            "--role-session-name",
            "me",
        ),
        ("rds", "describe-db-instances"),
        ("logs", "describe-log-groups"),
    ],
    ids=" ".join,
)
def test_a_task_may_do_nothing_else(inside: Inside, words: tuple[str, ...]) -> None:
    said = inside.aws(*words)

    assert said.status != 0
    assert "AccessDenied" in said.err
    assert "is not authorized to perform" in said.err


def test_unsigned_changed_and_late_requests_are_refused(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = inside.signed(OWN)
    assert inside.get(OWN, headers) == (200, "")

    assert inside.get(OWN, {}) == (403, "AccessDenied")
    assert inside.get(OTHER, headers) == (403, "SignatureDoesNotMatch")
    assert inside.get(OWN, headers | {"X-Amz-Security-Token": "bm9uZQ=="})[1] == "InvalidToken"
    earlier = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=6)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: earlier)
    assert inside.get(OWN, inside.signed(OWN)) == (403, "RequestTimeTooSkewed")  # as if heard then, and sent again now


def test_another_task_s_keys_cannot_be_asked_for(inside: Inside, bamboo: Stand) -> None:
    [other] = [arn for arn, task in bamboo.tasks().items() if "/bamboo-orders:" in task["taskDefinitionArn"]]
    own = urlsplit(inside.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"])

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{own.scheme}://{own.netloc}/v2/credentials/{other.rpartition('/')[2]}")
    with refused.value:
        assert refused.value.code == 404


def test_no_secret_is_where_it_can_be_seen(inside: Inside, bamboo: Stand) -> None:
    url = bamboo.client("s3").get_object(Bucket=VAULT, Key=OWN)["Body"].read().decode()
    password = urlsplit(url.strip()).password
    assert password
    secrets = {"the vault's": password, "the task's": inside.identity()["SecretAccessKey"]}

    assert {name: where(bamboo, secret.encode()) for name, secret in secrets.items()} == {name: [] for name in secrets}
    operator = bamboo.aws["AWS_SECRET_ACCESS_KEY"]
    assert where(bamboo, operator.encode()) == ["home/cluster.json", "home/operator.json"]
    for file in ("cluster.json", "operator.json"):
        assert (bamboo.home / file).stat().st_mode & 0o077 == 0


def where(stand: Stand, secret: bytes) -> list[str]:
    """Everywhere that it is, but for the task's own folder, where its owner alone reads its configuration."""
    found = [
        str(file.relative_to(stand.home.parent))
        for folder in (stand.home, stand.keys)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "/rootfs/app/conf/" not in str(file) and secret in file.read_bytes()
    ]
    for pid in stand.processes():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:  # it has ended
            continue
        if secret in environment:
            found.append(f"environment of {pid}")
    return found + [name for name, told in api(stand).items() if secret.decode() in json.dumps(told, default=str)]


def api(stand: Stand) -> dict[str, Any]:
    """What the cluster tells of its tasks."""
    ecs, logs = stand.client("ecs"), stand.client("logs")
    tasks = stand.tasks()
    return {
        "describe-tasks": tasks,
        "describe-task-definition": [
            ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"]) for task in tasks.values()
        ],
        "logs": [
            logs.filter_log_events(logGroupName=group["logGroupName"])
            for group in logs.describe_log_groups()["logGroups"]
        ],
    }
