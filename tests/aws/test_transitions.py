"""From any kind of entrance to any other on a living stack, judged by the order in which CloudFormation works."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.aws.conftest import ACCOUNT, QUIET, REGION, Account, Team

from culm import render
from culm.aws import base, look, stack
from culm.aws.document import read
from culm.aws.template import template, written
from culm.aws.transitions import LISTENER, first_update

CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012"
OWN = f"domain: a.example.com, certificate: '{CERTIFICATE}'"
ENTRANCES = {
    "http": "stg: {provider: aws, region: us-east-1}",
    "http on 8080": "stg: {provider: aws, region: us-east-1, port: 8080}",
    "own certificate": f"stg: {{provider: aws, region: us-east-1, {OWN}}}",
    "zone": "stg: {provider: aws, region: us-east-1, domain: a.example.com, zone: Z0123456789}",
    "another domain": "stg: {provider: aws, region: us-east-1, domain: b.example.com, zone: Z0123456789}",
}


def rendered(team: Team, entrance: str) -> dict[str, Any]:
    team.writes(ENTRANCES[entrance])
    bucket = render.vault_bucket(team.project.name, ACCOUNT, REGION)
    return read(written(template(team.project, team.target().settings, bucket)))


def names_in(value: Any) -> Iterator[str]:
    """Logical ids that a resource refers to."""
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case Mapping():
            for inner in value.values():
                yield from names_in(inner)
        case list():
            for inner in value:
                yield from names_in(inner)


def in_order(resources: Mapping[str, Any]) -> list[str]:
    """Each after what it refers to or depends on; the latest that the rules allow for listeners on port 80."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        body = resources[name]
        depends = body.get("DependsOn", [])
        for other in [*names_in(body), *([depends] if isinstance(depends, str) else depends)]:
            if other in resources and other != name:
                visit(other)
        if name not in ordered:
            ordered.append(name)

    for name in sorted(resources, key=lambda n: resources[n]["Type"] != LISTENER or "Redirect" not in n):
        visit(name)
    return ordered


def update(ports: dict[str, int], after: Mapping[str, Any]) -> None:
    """Carry out one update as CloudFormation does: creations and changes in order, deletions last."""
    for name in in_order(after["Resources"]):
        body = after["Resources"][name]
        if body["Type"] != LISTENER:
            continue
        port = body["Properties"]["Port"]
        others = {other: taken for other, taken in ports.items() if other != name}
        assert port not in others.values(), f"DuplicateListener: {name} on {port} beside {others}"
        ports[name] = port
    for name in set(ports) - set(after["Resources"]):
        del ports[name]


@pytest.mark.parametrize(("before", "after"), [*itertools.permutations(ENTRANCES, 2)])
def test_no_update_ever_puts_two_listeners_on_one_port(team: Team, before: str, after: str) -> None:
    live, wanted = rendered(team, before), rendered(team, after)
    ports: dict[str, int] = {}
    update(ports, live)
    if (first := first_update(live, wanted)) is not None:
        update(ports, first)
        assert first_update(first, wanted) is None
    update(ports, wanted)
    assert ports == {
        name: body["Properties"]["Port"] for name, body in wanted["Resources"].items() if body["Type"] == LISTENER
    }


def test_going_back_from_https_is_two_updates_that_are_both_shown(team: Team, account: Account) -> None:
    arn = account.client("acm").request_certificate(DomainName="a.example.com")["CertificateArn"]
    team.writes(f"stg: {{provider: aws, region: us-east-1, domain: a.example.com, certificate: '{arn}'}}")
    target = team.target(account.endpoint)
    base.bootstrap(target, team.project, QUIET)
    team.writes(ENTRANCES["http"])
    shown: list[list[str]] = []

    def agree(proposal: stack.Proposal | None) -> bool:
        assert proposal is not None
        shown.append([f"{change.action} {change.name}" for change in proposal.changes])
        return True

    target = team.target(account.endpoint)
    assert base.bootstrap(target, team.project, replace(QUIET, agree=agree))
    assert shown[0] == ["Remove RedirectListener"]
    assert "Modify Listener" in shown[1]
    assert look.as_wanted(target, team.project)
    arn = account.physical_ids()["Listener"]
    [listener] = account.client("elbv2").describe_listeners(ListenerArns=[arn])["Listeners"]
    assert (listener["Protocol"], listener["Port"]) == ("HTTP", 80)
