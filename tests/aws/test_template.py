"""The stack's template: a document that people read, judged by AWS's own linter."""

import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.aws.conftest import ACCOUNT, REGION, Team

from culm import render
from culm.aws import protection
from culm.aws.document import Template, read, written
from culm.aws.template import INLINE_BYTES, S3_BYTES, body, template
from culm.errors import UsageError

GOLDEN = Path(__file__).parents[1] / "golden" / "aws"
OWN = "vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3d, subnet-1a2b3c4d]"
VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": ("stg: {provider: aws, region: us-east-1}",),
    "default-vpc": ("stg: {provider: aws, vpc: default, port: 8080, retention: 30}",),
    "own-subnets": (f"stg: {{provider: aws, {OWN}, allow: [203.0.113.0/24, 198.51.100.7/32]}}",),
    "private": (
        f"stg: {{provider: aws, {OWN}, private-subnets: [subnet-2a1b2c3d, subnet-3a1b2c3d], internal: true}}",
        "databases: {main: {engine: postgres, rds: {}}}",
    ),
    "cidr": ("stg: {provider: aws, cidr: 172.20.8.0/22}",),
    "https": (
        "stg: {provider: aws, domain: staging.example.com, "
        f"certificate: 'arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'}}",
    ),
    "https-zone": ("stg: {provider: aws, domain: staging.example.com, zone: Z0123456789ABCDEF}",),
    "spot": ("stg: {provider: aws, spot: true}",),
    "arm": ("stg: {provider: aws, instances: 2 x t4g.micro}",),
    "mixed": ("stg: {provider: aws, instances: 2 x t3.micro + 1 x t3.small}",),
    "perf": ("perf: {provider: aws, instances: 4 x c7g.large, env: prf, name: bamboo-perf}",),
    "ci": ("stg: {provider: aws, github: example/bamboo}",),
    "ci-stack": ("stg: {provider: aws, github: example/bamboo, ci-changes-stack: true}",),
    "notify": (
        "stg: {provider: aws, instances: 2 x t3.micro + 1 x t3.small, "
        "notify: {email: ops@example.com, webhook: bamboo/webhook}}",
    ),
    "ci-gitlab": ("stg: {provider: aws, gitlab: example/apps/bamboo}",),
    "calls": ("stg: {provider: aws}",),
    "files": ("stg: {provider: aws}",),
    "jobs": ("stg: {provider: aws, github: example/bamboo, ci-changes-stack: true, environment: staging}",),
    "sleep": (
        "stg: {provider: aws, instances: 2 x t3.micro + 1 x t3.small, "
        "sleep: {hours: 'mon-fri 08:00-20:00 Europe/Berlin', wake: on-request, ignore: [UptimeRobot]}}",
        "databases: {main: {engine: postgres, rds: {sleep: true}}}",
    ),
    "sleep-hours": ("stg: {provider: aws, sleep: {hours: 'sun-mon 00:05-23:55 UTC', never: [accounts]}}",),
    "sleep-page": ("stg: {provider: aws, sleep: {hours: 'mon-fri 08:00-20:00 Europe/Berlin'}}",),
    "rds": ("stg: {provider: aws}", "databases: {main: {engine: postgres, rds: {storage: 40}}}"),
    "engines": (
        "stg: {provider: aws}",
        "databases: {shop: {engine: mysql, rds: {}}, blog: {engine: mariadb, rds: {}}, "
        "queue: {engine: valkey, elasticache: {}}, old: {engine: redis, elasticache: {instance: cache.t4g.small}}}",
    ),
}

SERVICES = {
    "jobs": "  accounts: {buckets: [receipts], count: 1-3, scale: cpu 60}\n"
    "  web: {path: /*, secrets: {TOKEN: {from: /bamboo/token, reason: another program writes it}}}\n"
    "  nightly: {build: web, command: [sh], schedule: {when: every day, timeout: 1h}}\n"
    "buckets: [receipts]\n",
    "calls": "  accounts: {path: none, port: 8000}\n  web: {path: /*, calls: [accounts]}\n",
    "sleep": "  accounts: {path: none, port: 8000, count: 2}\n"
    "  web: {path: /*, calls: [accounts], count: 1-3, scale: cpu 60}\n",
    "files": "  accounts:\n"
    "  docs: {image: 'nginx:1.27', port: 80, path: /*, files: {/etc/nginx/conf.d/site.conf: site.conf}}\n",
}
"""Of variants, where services themselves make the difference."""


def rendered(team: Team) -> str:
    project = team.project
    bucket = render.vault_bucket(project.name, ACCOUNT, REGION)
    return written(template(project, team.target().settings, bucket))


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_reads_as_it_was_reviewed(team: Team, name: str) -> None:
    """CULM_GOLDEN=write writes them anew, to be reviewed."""
    team.writes(*VARIANTS[name], services=SERVICES.get(name, ""))
    file = GOLDEN / f"{name}.yml"
    if os.environ.get("CULM_GOLDEN") == "write":
        file.write_text(rendered(team))
    assert rendered(team) == file.read_text()


def test_the_linter_of_aws_has_nothing_to_say_of_any() -> None:
    files = sorted(map(str, GOLDEN.glob("*.yml")))
    assert {Path(file).stem for file in files} == set(VARIANTS)
    linter = Path(sys.executable).parent / "cfn-lint"
    said = subprocess.run([linter, "--regions", REGION, "--", *files], capture_output=True, text=True)
    assert (said.stdout, said.stderr, said.returncode) == ("", "", 0)


@pytest.mark.parametrize("name", VARIANTS)
def test_what_holds_data_is_never_replaced_or_deleted_with_the_stack(name: str) -> None:
    resources = read((GOLDEN / f"{name}.yml").read_text())["Resources"]
    fates = {
        body["Type"]: {body.get("DeletionPolicy"), body.get("UpdateReplacePolicy")}
        for body in resources.values()
        if body["Type"] in (*protection.DATA, protection.IMAGES)
    }
    assert fates.pop("AWS::RDS::DBInstance", {"Snapshot"}) == {"Snapshot"}
    kept = {"Retain", "RetainExceptOnCreate"}
    assert fates == {kind: kept for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::ECR::Repository")}


@pytest.mark.parametrize("name", VARIANTS)
def test_services_of_aws_take_roles_for_this_account_alone(name: str) -> None:
    """EC2, CloudFormation and Lambda are handed theirs by iam:PassRole, which no other account has here.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    resources = read((GOLDEN / f"{name}.yml").read_text())["Resources"]
    documents = [
        r["Properties"]["AssumeRolePolicyDocument"] for r in resources.values() if r["Type"] == "AWS::IAM::Role"
    ]
    for statement in (statement for document in documents for statement in document["Statement"]):
        service = statement["Principal"].get("Service")
        if service not in (None, "ec2.amazonaws.com", "cloudformation.amazonaws.com", "lambda.amazonaws.com"):
            assert "aws:SourceAccount" in statement["Condition"]["StringEquals"], service


@pytest.mark.parametrize("name", VARIANTS)
def test_whoever_terminates_an_instance_ecs_drains_it_first(name: str) -> None:
    resources = read((GOLDEN / f"{name}.yml").read_text())["Resources"]
    kinds = {name: body["Type"].removeprefix("AWS::") for name, body in resources.items()}
    fleets = {name for name, kind in kinds.items() if kind == "AutoScaling::AutoScalingGroup"}
    drained = {
        body["Properties"]["AutoScalingGroupProvider"]["AutoScalingGroupArn"]["Ref"]: name
        for name, body in resources.items()
        if kinds[name] == "ECS::CapacityProvider"
        and body["Properties"]["AutoScalingGroupProvider"]["ManagedDraining"] == "ENABLED"
    }
    assert set(drained) == fleets
    [of_cluster] = [name for name, kind in kinds.items() if kind == "ECS::ClusterCapacityProviderAssociations"]
    providers = resources[of_cluster]["Properties"]["CapacityProviders"]
    assert sorted(each["Ref"] for each in providers) == sorted(drained.values())
    for fleet in fleets:
        assert "AmazonECSManaged" in [tag["Key"] for tag in resources[fleet]["Properties"]["Tags"]]


@pytest.mark.parametrize("name", VARIANTS)
def test_ec2_takes_the_words_that_security_groups_are_described_by(name: str) -> None:
    """No apostrophes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html"""
    resources = read((GOLDEN / f"{name}.yml").read_text())["Resources"]
    groups = [r["Properties"] for r in resources.values() if r["Type"].startswith("AWS::EC2::SecurityGroup")]
    rules = [rule for g in groups for way in ("Ingress", "Egress") for rule in g.get(f"SecurityGroup{way}", ())]
    told = [g.get("GroupDescription", g.get("Description")) for g in groups] + [rule["Description"] for rule in rules]
    assert len(told) >= 6
    for words in told:
        assert re.fullmatch(r"[A-Za-z0-9. _:/()#,@\[\]+=&;{}!$*-]{1,255}", words), words


def test_a_template_of_thirty_services_is_what_people_read(team: Team) -> None:
    wanted = many(team, 30)
    assert INLINE_BYTES < len(body(wanted)) < S3_BYTES
    assert body(wanted) == written(wanted)


def test_a_stack_of_more_resources_than_cloudformation_takes_is_refused_before_it_is_sent(team: Team) -> None:
    with pytest.raises(UsageError, match="CloudFormation takes 500 in one stack") as refusal:
        body(many(team, 121))
    assert "two projects" in refusal.value.hint


@pytest.mark.parametrize(("services", "fits"), [(30, True), (60, False)])
def test_what_ci_may_do_is_told_before_iam_refuses_its_length(team: Team, services: int, fits: bool) -> None:
    with nullcontext() if fits else pytest.raises(UsageError, match="IAM takes 10240"):
        many(team, services, "stg: {provider: aws, region: us-east-1, github: team/bamboo}")


def many(team: Team, services: int, target: str = "stg: {provider: aws, region: us-east-1}") -> Template:
    names = [f"service-{number}" for number in range(services)]
    for name in names:
        (team.folder / name).mkdir()
        for file in ("Dockerfile", "Dockerfile.migrate"):
            (team.folder / name / file).write_text("FROM base\nEXPOSE 8000\n")
    team.writes(target, services="".join(f"  {name}:\n" for name in names))
    return template(team.project, team.target().settings, render.vault_bucket("bamboo", ACCOUNT, REGION))
