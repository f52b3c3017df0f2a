"""`culm aws` as people type it, on moto."""

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from tests.aws.conftest import ACCOUNT, REGION, Account, Team

from culm.cli import culm
from culm.cli.agreement import ensure
from culm.console import Console
from culm.errors import CulmError, UsageError

Run = Callable[..., Result]


@pytest.fixture
def run(team: Team, account: Account, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types a command in the project's folder; CulmErrors come as exceptions."""
    monkeypatch.chdir(team.folder)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    on(team, account)

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(culm, list(arguments), input=typed)

    return run


def on(team: Team, account: Account, more: str = "", services: str = "") -> None:
    target = f"stg: {{provider: aws, region: {REGION}, endpoint_url: '{account.endpoint}'{more}}}"
    team.writes(target, services=services)


def test_the_whole_life_of_a_target(team: Team, account: Account, run: Run) -> None:
    made = run("aws", "bootstrap", "--yes")
    assert made.exit_code == 0, made.output
    assert f"Stack culm-bamboo in account {ACCOUNT}, {REGION}, would cost:" in made.stderr
    assert "$54.78" in made.stderr
    assert made.stderr.endswith("stack culm-bamboo is there\n")
    again = run("aws", "bootstrap")
    assert again.stderr == "stack culm-bamboo is as culm.yml says\n"
    assert run("aws", "diff").output == "0 differences\n"

    account.client("logs").put_retention_policy(logGroupName="/culm/bamboo/web", retentionInDays=365)
    on(team, account, ", retention: 30", services="  accounts:\n  web: {path: /*}\n  orders:\n")
    differs = run("aws", "diff")
    assert differs.exit_code == 3
    assert differs.stdout.splitlines() == [
        "AgentLogs RetentionInDays: 30, live 14 (culm.yml)",
        "RoleOfOrders: AWS::IAM::Role, live None (culm.yml)",
        "ImagesOfOrders: AWS::ECR::Repository, live None (culm.yml)",
        "LogsOfAccounts RetentionInDays: 30, live 14 (culm.yml)",
        "LogsOfWeb RetentionInDays: 30, live 14 (culm.yml)",
        "LogsOfOrders: AWS::Logs::LogGroup, live None (culm.yml)",
        "LogsOfWeb RetentionInDays: 14, live 365 (left as is)",
    ]
    rows = json.loads(run("aws", "diff", "--no-drift", "--json").stdout)
    assert (len(rows), rows[3]["wanted"], rows[3]["live"]) == (6, 30, 14)

    changed = run("aws", "bootstrap", "--yes")
    assert "  add RoleOfOrders (IAM::Role)\n" in changed.stderr
    assert "and would then cost $54.78 a month (prices of us-east-1).\n" in changed.stderr
    assert "modify LogsOfWeb (Logs::LogGroup)" in changed.stderr
    assert run("aws", "diff", "--no-drift").exit_code == 0  # moto does not change the retention of a group that it has

    gone = run("aws", "destroy", "--yes")
    assert gone.exit_code == 0, gone.output
    assert f"the vault culm-bamboo-{ACCOUNT}-{REGION}: 0 files" in gone.stderr.partition("and stays:")[2]
    assert run("aws", "destroy", "--yes").exception.args == (  # type: ignore[union-attr]
        f"there is no stack culm-bamboo in account {ACCOUNT}",
    )
    assert len(account.client("ecr").describe_repositories()["repositories"]) == 4


def test_a_change_that_cannot_be_confirmed_is_withdrawn(team: Team, account: Account, run: Run) -> None:
    run("aws", "bootstrap", "--yes")
    on(team, account, ", retention: 30")
    refused = run("aws", "bootstrap")
    assert isinstance(refused.exception, UsageError), refused.output
    sets = account.client("cloudformation").list_change_sets(StackName="culm-bamboo")["Summaries"]
    assert [each for each in sets if each["ExecutionStatus"] == "AVAILABLE"] == []


def test_destroyed_with_everything_the_account_is_empty_again(account: Account, run: Run) -> None:
    run("aws", "bootstrap", "--yes")
    bucket, s3 = f"culm-bamboo-{ACCOUNT}-{REGION}", account.client("s3")
    for text in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="stg/web/settings.toml", Body=text)
    s3.delete_object(Bucket=bucket, Key="stg/web/settings.toml")
    gone = run("aws", "destroy", "--vault", "--repositories", "--yes")
    assert gone.exit_code == 0, gone.output
    assert "and stays:" not in gone.stderr
    assert "is deleted in 7 days" in gone.stderr
    assert s3.list_buckets()["Buckets"] == []
    assert account.client("ecr").describe_repositories()["repositories"] == []


def test_retained_vault_and_images_can_be_deleted_later(account: Account, run: Run) -> None:
    run("aws", "bootstrap", "--yes")
    assert run("aws", "destroy", "--yes").exit_code == 0
    gone = run("aws", "destroy", "--vault", "--repositories", "--yes")
    assert gone.exit_code == 0, gone.output
    lost = gone.stderr.partition("will be lost:")[2]
    assert "services:" not in lost
    assert "the vault culm-bamboo-" in lost
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert "there is no stack" in str(run("aws", "destroy", "--vault", "--yes").exception)


def test_a_retained_vault_is_adopted_by_the_next_stack(account: Account, run: Run) -> None:
    run("aws", "bootstrap", "--yes")
    bucket, s3 = f"culm-bamboo-{ACCOUNT}-{REGION}", account.client("s3")
    s3.put_object(Bucket=bucket, Key="stg/web/settings.toml", Body=b"one")
    assert run("aws", "destroy", "--yes").exit_code == 0
    [key] = [one["KeyId"] for one in account.client("kms").list_keys()["Keys"] if described(account, one["KeyId"])]
    again = run("aws", "bootstrap", "--yes")
    assert again.exit_code == 0, again.output
    assert f"adopting vault {bucket} and its key {key}\n" in again.stderr
    assert [one["KeyId"] for one in account.client("kms").list_keys()["Keys"] if described(account, one["KeyId"])] == [
        key
    ]
    assert s3.get_object(Bucket=bucket, Key="stg/web/settings.toml")["Body"].read() == b"one"
    assert run("aws", "diff").exit_code == 0
    run("aws", "destroy", "--yes")
    account.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    refused = run("aws", "bootstrap", "--yes").exception
    assert isinstance(refused, CulmError)
    assert "is about to be deleted" in refused.what
    assert f"aws kms cancel-key-deletion --key-id {key}" in refused.hint


def described(account: Account, key: str) -> bool:
    """Whether a key is one of ours."""
    found = account.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    return str(found["Description"]).startswith("culm: ")


def test_without_a_terminal_nothing_is_created_or_deleted(account: Account, run: Run) -> None:
    refused = run("aws", "bootstrap")
    assert isinstance(refused.exception, UsageError)
    assert "--yes" in refused.exception.hint
    assert account.client("cloudformation").list_stacks()["StackSummaries"] == []
    run("aws", "bootstrap", "--yes")
    assert isinstance(run("aws", "destroy").exception, UsageError)
    assert len(account.client("cloudformation").list_stacks()["StackSummaries"]) == 1


def test_down_leaves_what_the_stack_made(account: Account, run: Run) -> None:
    run("aws", "bootstrap", "--yes")
    down = run("down", "--target", "stg")
    assert down.exit_code == 0, down.output
    assert run("aws", "diff").exit_code == 0
    assert len(account.client("elbv2").describe_load_balancers()["LoadBalancers"]) == 1
    assert isinstance(run("down", "--target", "stg", "--volumes", "--yes").exception, UsageError)


def test_a_deploy_begins_with_the_stack(team: Team, account: Account, run: Run) -> None:
    target, project = team.target(), team.project
    with pytest.raises(UsageError, match="stdin is not a terminal"):
        ensure(target, project, Console(), yes=False)
    ensure(target, project, Console(), yes=True)
    ensure(target, project, Console(), yes=False)  # it is there: nothing to ask
    on(team, account, services="  accounts:\n  web: {path: /*}\n  orders:\n")
    with pytest.raises(UsageError, match="stdin is not a terminal"):
        ensure(team.target(), team.project, Console(), yes=False)


def test_the_template_is_printed_without_an_account(team: Team, run: Run) -> None:
    team.writes()
    printed = run("aws", "bootstrap", "--print")
    assert printed.stdout.startswith('AWSTemplateFormatVersion: "2010-09-09"\n')
    assert "BucketName: !Sub 'culm-bamboo-${AWS::AccountId}-us-east-1'" in printed.stdout


def test_which_target_is_asked_where_there_are_several(team: Team, run: Run) -> None:
    team.writes("stg: {provider: aws}", "  perf: {provider: aws}")
    asked = run("aws", "diff").exception
    assert isinstance(asked, CulmError)
    assert (asked.what, asked.hint) == ("culm.yml has 2 aws targets: which one?", "--target stg or perf")
    team.writes("stg: {provider: local}")
    assert "has none" in str(run("aws", "diff").exception)
    assert "is local" in str(run("aws", "diff", "--target", "stg").exception)


def test_ci_that_may_not_change_the_stack_is_sent_to_an_administrator(
    team: Team, account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("aws", "bootstrap", "--yes")
    on(team, account, services="  accounts:\n  web: {path: /*}\n  orders:\n")

    def denied(*_: object, **__: object) -> None:
        answer = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform CreateChangeSet"}}
        raise ClientError(answer, "CreateChangeSet")  # type: ignore[arg-type]

    monkeypatch.setattr("culm.aws.stack.change_set", denied)
    with pytest.raises(CulmError, match=r"stack culm-bamboo is behind culm\.yml, and you may not change it") as refusal:
        ensure(team.target(account.endpoint), team.project, Console(), yes=True)
    assert refusal.value.hint == "an administrator runs: culm aws bootstrap --target stg"
