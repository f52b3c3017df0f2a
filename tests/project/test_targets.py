"""Targets on aws: what is filled in, what they are called there, and what is refused before AWS is asked."""

from pathlib import Path

import pytest

from culm import render
from culm.errors import UsageError
from culm.project.load import load
from culm.project.project import Project, named


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "Dockerfile").write_text("FROM base\nEXPOSE 8080\n")
    return tmp_path


def read(folder: Path, *lines: str, name: str = "bamboo", more: str = "") -> Project:
    text = "\n".join([f"name: {name}", "targets:", *(f"  {line}" for line in lines), more, "services: {catalog: }"])
    (folder / "culm.yml").write_text(text)
    return load(folder / "culm.yml")


def test_what_is_left_out_is_the_cheapest_that_works(folder: Path) -> None:
    stg = read(folder, "stg: {provider: aws}").targets["stg"]
    assert (stg.vpc, stg.subnets, stg.allow, stg.domain) == (None, (), ("0.0.0.0/0",), None)
    assert (stg.spot, stg.retention, stg.account, stg.role, stg.github) == (False, 14, None, None, None)


def test_the_first_aws_target_is_called_as_the_project_and_the_others_after_it(folder: Path) -> None:
    project = read(
        folder,
        "stg: {provider: aws}",
        "perf: {provider: aws, instances: 4 x c7g.large}",
        "prd: {provider: aws, name: shop}",
        "elsewhere: {provider: local, endpoint_url: 'http://127.0.0.1:1'}",
    )
    called = {name: named(project, target).name for name, target in project.targets.items()}
    assert called == {
        "local": "bamboo",
        "stg": "bamboo",
        "perf": "bamboo-perf",
        "prd": "shop",
        "elsewhere": "bamboo",
    }


def test_a_databases_server_may_be_the_stacks(folder: Path) -> None:
    project = read(folder, "stg: {provider: aws}", more="databases: {main: {rds: {storage: 40}}, other: }")
    [main] = project.rds.items()
    assert (main[0], main[1].instance, main[1].storage, main[1].backups) == ("main", "db.t4g.micro", 40, 7)


ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
REFUSALS = {
    "an account that is none": ("account: 1234", "account: '1234' is no account", ""),
    "a role that is none": ("role: deploy", "role: 'deploy' is no role's ARN", ""),
    "a network that is none": ("vpc: main", "vpc: 'main' is no network", ""),
    "a subnet that is none": ("vpc: vpc-1, subnets: [a, b]", "subnets.0: 'a' is no subnet's id", ""),
    "a network without subnets": ("vpc: vpc-1", "vpc: needs two of its public subnets", "subnets: ["),
    "one subnet": ("vpc: vpc-1, subnets: subnet-1", "subnets: needs two of its public subnets", ""),
    "subnets of no network": ("subnets: [subnet-1, subnet-2]", "subnets: are of which network?", "vpc: vpc-..."),
    "private subnets of no network": (
        "private-subnets: [subnet-1, subnet-2]",
        "private-subnets: are of which network?",
        "vpc: vpc-...",
    ),
    "one private subnet": (
        "vpc: vpc-1, subnets: [subnet-1, subnet-2], private-subnets: [subnet-3]",
        "private-subnets: needs two, in two zones",
        "",
    ),
    "a private subnet with a public load balancer": (
        "vpc: vpc-1, subnets: [subnet-1, subnet-2], private-subnets: [subnet-2, subnet-3]",
        "private-subnets: subnet-2 is in `subnets`, too",
        "internal: true",
    ),
    "an internal load balancer for nobody": ("internal: true", "internal: is in a network of its own", "vpc:"),
    "addresses for another's network": ("vpc: default, cidr: 10.0.0.0/24", "cidr: is for the stack's own network", ""),
    "addresses that are too few": ("cidr: 10.0.0.0/27", "cidr: /27 is not from /16 to /26", ""),
    "addresses that are too many": ("cidr: 10.0.0.0/8", "cidr: /8 is not from /16 to /26", ""),
    "addresses that others have": ("cidr: 8.8.8.0/24", "cidr: is of public addresses", "10.0.0.0/8"),
    "an address that is no block": ("allow: [203.0.113.7/24]", "allow.0: '203.0.113.7/24' is no block", ""),
    "a domain that is none": ("domain: Staging", "domain: 'Staging' is no domain", ""),
    "a domain without a certificate": ("domain: a.example.com", "domain: needs a certificate, or a zone", "zone:"),
    "a domain with two": (
        f"domain: a.example.com, zone: Z1, certificate: '{ARN}'",
        "domain: needs a certificate, or a zone to make one in: one of the two",
        "",
    ),
    "a certificate of no domain": (f"certificate: '{ARN}'", "certificate: is of which domain?", "domain:"),
    "a certificate that is none": (
        "domain: a.example.com, certificate: a.pem",
        "certificate: 'a.pem' is no ARN of an ACM certificate",
        "",
    ),
    "a certificate of another region": (
        f"region: eu-west-1, domain: a.example.com, certificate: '{ARN}'",
        "certificate: is in us-east-1; the load balancer, in eu-west-1, cannot use it",
        "",
    ),
    "a zone of no domain": ("zone: Z1", "zone: is of which domain?", ""),
    "a zone that is none": ("domain: a.example.com, zone: example.com", "zone: 'example.com' is no hosted zone", ""),
    "a port beside a domain": (
        f"domain: a.example.com, certificate: '{ARN}', port: 8443",
        "port: a domain is served on 443, and 80 leads to it",
        "leave one of them out",
    ),
    "a retention that CloudWatch lacks": ("retention: 10", "retention: 10 days is not one of CloudWatch's: 1, 3", ""),
    "a repository that is none": ("github: bamboo", "github: 'bamboo' is no repository", ""),
    "a project that is none": ("gitlab: bamboo", "gitlab: 'bamboo' is no project of gitlab.com: write group/name", ""),
    "GitHub and GitLab": ("github: a/b, gitlab: a/b", "gitlab: stands beside github:", "leave one out"),
    "instances that nobody knows": ("instances: 2 x u7.huge", "instances: instance type u7.huge is not known", ""),
    "processors of two kinds": (
        "instances: 1 x t3.micro + 1 x t4g.micro",
        "instances: mixes x86_64 and arm64",
        "one architecture",
    ),
    "a type twice": ("instances: 1 x t3.micro + 2 x t3.micro", "instances: names a type twice", ""),
    "a name that AWS refuses": ("name: Bamboo", "name: 'Bamboo' cannot be a name", ""),
}


@pytest.mark.parametrize(("written", "what", "hint"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_names_line_target_and_key(folder: Path, written: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read(folder, f"stg: {{provider: aws, {written}}}")
    assert f"culm.yml:3: targets.stg.{what}" in refusal.value.what
    assert hint in refusal.value.hint


@pytest.mark.parametrize(
    "word", ["vpc: default", "spot: true", "retention: 14", "name: shop", "github: a/b", "gitlab: a/b"]
)
def test_what_does_nothing_on_a_local_target_is_refused(folder: Path, word: str) -> None:
    with pytest.raises(UsageError, match=rf":3: targets.stg.{word.partition(':')[0]}: does nothing here"):
        read(folder, f"stg: {{provider: local, {word}}}")


def test_two_targets_never_share_a_name(folder: Path) -> None:
    with pytest.raises(UsageError, match=r":4: targets.prd.name: is called bamboo, as target stg is"):
        read(folder, "stg: {provider: aws}", "prd: {provider: aws, name: bamboo}")


def test_names_are_measured_before_aws_measures_them(folder: Path) -> None:
    too_long = r":4: targets.performance: the target group of catalog, .* has 33 characters"
    with pytest.raises(UsageError, match=too_long) as refusal:
        read(folder, "stg: {provider: aws}", "performance: {provider: aws}", name="bamboo-grove1")
    assert "name: ..." in refusal.value.hint


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("storage: 10", "storage: 10 GiB is not from 20"),
        ("backups: 40", "backups: 40 days is not"),
        ("instance: t4g.micro", "instance: 't4g.micro' is no class of RDS instances"),
    ],
)
def test_rds_is_asked_for_what_it_has(folder: Path, written: str, what: str) -> None:
    with pytest.raises(UsageError, match=rf"databases.main.rds.{what}"):
        read(folder, "stg: {provider: aws}", more=f"databases: {{main: {{rds: {{{written}}}}}}}")


def test_services_sleep_by_themselves_where_their_target_says_so(folder: Path) -> None:
    (folder / "worker").mkdir()
    (folder / "worker" / "Dockerfile").write_text("FROM base\nEXPOSE 8080\n")
    (folder / "quiet").mkdir()
    (folder / "quiet" / "Dockerfile").write_text("FROM base\nEXPOSE 8080\n")
    (folder / "culm.yml").write_text(
        "name: bamboo\n"
        "targets:\n"
        "  local: {sleep: {after: 30m, ignore: [UptimeRobot, /catalog/ping], never: [quiet]}}\n"
        "  stg: {provider: aws}\n"
        "services: {catalog: , worker: {path: none, health: {command: 'true'}}, quiet: }\n"
    )
    project = load(folder / "culm.yml")
    local = named(project, project.targets["local"])
    sleep = local.services["catalog"].sleep
    assert sleep is not None
    assert (sleep.after, sleep.ignore) == (1800, ("UptimeRobot", "/catalog/ping"))
    assert render.sleep_tags(local.services["worker"]) == {}
    assert local.services["quiet"].sleep is None
    assert named(project, project.targets["stg"]).services["catalog"].sleep is None


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("local: {sleep: {after: 30s}}", "culm.yml:3: targets.local.sleep.after: 30 s is less than 60 s"),
        ("local: {sleep: }", "targets.local.sleep: says neither when nor after what"),
        ("local: {sleep: {hours: mon-fri 8-20}}", "targets.local.sleep.hours: 'mon-fri 8-20' is not office hours"),
        ("local: {sleep: {hours: mon 08:00-20:00 Moon/Sea}}", "'Moon/Sea' is no time zone"),
        ("local: {sleep: {after: 1h, holidays: [2026-12-25]}}", "holidays: are days without office hours"),
        ("local: {sleep: {hours: mon 08:00-20:00 UTC, holidays: [2026-02-29]}}", "'2026-02-29' is no date"),
        ("local: {sleep: {hours: mon 08:00-20:00 UTC, ignore: [x]}}", "ignore: is about requests"),
        ("local: {sleep: {after: 1h, never: [pets]}}", "targets.local.sleep.never.0: there is no service 'pets'"),
        ("local: {sleep: {after: 1h, ignore: ['a*b']}}", "targets.local.sleep.ignore.0: 'a*b': letters, digits"),
        ("local: {sleep: {after: 1h, rds: true}}", "targets.local.sleep.rds: each database says so by itself"),
        ("local: {sleep: {after: 1h, load-balancer: true}}", "targets.local.sleep.load-balancer: it stays: one that"),
        ("local: {sleep: {wake: on-request}}", "targets.local.sleep: says neither when nor after what"),
        ("local: {sleep: {after: 1h, wake: often}}", "targets.local.sleep.wake: 'often' where on-request is wanted"),
        ("stg: {provider: aws, sleep: {after: 1h}}", "targets.stg.sleep.after: does nothing on aws: CloudWatch"),
        (
            "stg: {provider: aws, sleep: {hours: mon 08:00-20:00 UTC, holidays: [2026-12-25]}}",
            "targets.stg.sleep.holidays: are not known on aws",
        ),
        (
            "stg: {provider: aws, sleep: {hours: mon 08:00-20:00 UTC, ignore: [x]}}",
            "targets.stg.sleep.ignore: is about requests, and none wakes anybody",
        ),
        (
            "stg: {provider: aws, sleep: {wake: on-request, never: [quiet]}}",
            "targets.stg.sleep.wake: needs that all services sleep, and quiet never does",
        ),
    ],
)
def test_sleep_that_would_not_happen_is_refused(folder: Path, written: str, what: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read(folder, written)
    assert what in str(refusal.value)
