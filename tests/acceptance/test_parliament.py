"""parliament, another project's linter of IAM policies, on every role of every variant of the base stack.

It knows each action, its resources and its condition keys; what it finds is answered here, line by line.
"""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from tests.acceptance.workshop import Workshop

from culm import render
from culm.aws import administration
from culm.project.load import load
from culm.project.project import ElastiCache, Rds

GOLDEN = Path(__file__).parents[1] / "golden" / "aws"
EXAMPLE = GOLDEN.parents[2] / "examples" / "bamboo" / "culm.yml"
LINTER = """
import json, sys, parliament
for name, policy in json.load(sys.stdin).items():
    for finding in parliament.analyze_policy_string(json.dumps(policy)).findings:
        print(json.dumps([name, finding.issue, finding.detail]))
"""
ANSWERS = {
    ("RESOURCE_STAR", "ecs:RegisterTaskDefinition"): "a revision takes part in nothing before RunTask or a service, "
    "which are bounded; its roles are bounded by PassRole",
    (
        "RESOURCE_STAR",
        "application-autoscaling:RegisterScalableTarget",
    ): "AWS names scalable targets by ids of its own; the condition keeps to ECS services' counts",
    ("RESOURCE_STAR", "application-autoscaling:DeregisterScalableTarget"): "as RegisterScalableTarget",
    ("RESOURCE_STAR", "application-autoscaling:PutScalingPolicy"): "as RegisterScalableTarget",
    ("UNKNOWN_ACTION", "ecs:StopServiceDeployment"): "younger than the linter's list",
    ("RESOURCE_MISMATCH", "s3:GetObject"): "in a boundary beside other actions; the files are named `bucket/*` there",
    ("RESOURCE_MISMATCH", "elasticloadbalancing:CreateRule"): "it asks for network load balancers' listeners, too",
    ("RESOURCE_MISMATCH", "elasticloadbalancing:ModifyRule"): "as CreateRule",
    ("RESOURCE_MISMATCH", "elasticloadbalancing:DeleteRule"): "as CreateRule",
    ("RESOURCE_MISMATCH", "elasticloadbalancing:SetRulePriorities"): "as CreateRule",
    ("RESOURCE_MISMATCH", "ecs:Poll"): "of Service Connect's agent, which polls for tasks",
}
ADMINISTRATOR, BROAD = "the administrator", ("RESOURCE_STAR", "RESOURCE_MISMATCH")
"""Who makes networks and keys has whole services of a region; of that policy the names of actions are judged."""
READS = re.compile(r"\w[\w-]*:(Describe|List|Get)\w+$")
"""Looking knows no better resource in most services, and shows no configuration."""


class Plain(yaml.SafeLoader):
    """A template without CloudFormation's functions: `!Sub text` is the text."""


def constructed(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    match node:
        case yaml.ScalarNode():
            return loader.construct_scalar(node)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)


Plain.add_multi_constructor("!", constructed)


def policies() -> dict[str, Any]:
    """Every policy of the stacks' roles and boundaries, with stand-ins filled in."""
    result = {}
    for path in sorted(GOLDEN.glob("*.yml")):
        for name, body in yaml.load(path.read_text(), Plain)["Resources"].items():
            properties = body.get("Properties", {})
            documents = [each["PolicyDocument"] for each in properties.get("Policies", ())]
            documents += [properties["PolicyDocument"]] if body["Type"] == "AWS::IAM::ManagedPolicy" else []
            for number, document in enumerate(documents):
                text = json.dumps(document).replace("${AWS::AccountId}", "123456789012")
                text = re.sub(r"\$\{[A-Z][\w.]*\}", "x", text.replace("${AWS::Region}", "us-east-1"))
                result[f"{path.stem} {name} {number}"] = json.loads(text)
    project = load(EXAMPLE)
    around = render.Surroundings(
        env="stg",
        region="us-east-1",
        account="123456789012",
        vault="culm-bamboo-123456789012-us-east-1",
        vpc="",
        subnets=(),
        port=0,
        instances="",
    )
    everything = replace(
        project,
        rds={"main": Rds(instance="db.t4g.micro", storage=20, backups=7)},
        elasticache={"queue": ElastiCache(instance="cache.t4g.micro")},
    )
    settings = replace(project.targets["local"], provider="aws", github="example/bamboo", zone="Z0123456789ABCDEF")
    result[ADMINISTRATOR] = administration.administrators_policy(everything, settings, around)
    return result


def actions(issue: str, detail: Any) -> set[str]:
    """The actions that a finding is of."""
    if issue == "RESOURCE_MISMATCH":
        return {each["action"] for each in detail}
    return set(detail) if isinstance(detail, list) else {str(detail).rpartition(" ")[2]}


def test_each_finding_is_answered_and_each_answer_has_its_finding(workshop: Workshop) -> None:
    python = workshop.python("parliament==1.6.4", "setuptools<81") / "python"
    given = policies()
    assert len(given) > 60
    command = [python, "-W", "ignore", "-c", LINTER]
    said = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    findings = [json.loads(line) for line in said.stdout.splitlines()]
    findings = [each for each in findings if each[0] != ADMINISTRATOR or each[1] not in BROAD]
    kinds = {(issue, action) for _, issue, detail in findings for action in actions(issue, detail)}
    open_ones = {kind for kind in kinds if not (kind[0] == "RESOURCE_STAR" and READS.match(kind[1]))}
    assert open_ones - set(ANSWERS) == set()
    assert set(ANSWERS) - open_ones == set()
