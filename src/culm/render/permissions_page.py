"""docs/reference/deploy-policy.md: what a deploy has to be allowed, for a project as an example."""

import json
import sys
from pathlib import Path
from typing import Any

from culm.project.load import load
from culm.project.project import Project
from culm.render import Surroundings, permissions, vault_bucket

ACCOUNT, REGION = "123456789012", "us-east-1"
HEAD = """# What a deploy has to be allowed

<!-- Printed from src/culm/render/permissions.py by `make docs`; a test keeps it fresh. -->

The least policy for `up`, `deploy`, `migrate`, `rollback`, `scale`, `restart`, `logs`, `status` and `down` where the
base stack is; making and changing the stack itself needs an administrator. Here for the project `{name}`, environment
`stg`, account {account}; `culm aws policy` prints it for your own target, ready for `aws iam put-role-policy`.

A test deploys, rolls back, scales, migrates without spare room and takes down under exactly this policy, each call
judged by the evaluator of the local cluster; and without any one of its actions, one of those calls is refused (or
docker, S3, or a rarer command is the one that needs it: the test names which).

| statement | actions | on | if |
|---|---|---|---|
"""


def page(project: Project) -> str:
    surroundings = Surroundings(
        env="stg",
        region=REGION,
        account=ACCOUNT,
        vault=vault_bucket(project.name, ACCOUNT, REGION),
        vpc="",
        subnets=(),
        port=80,
        instances="",
    )
    policy = permissions.deploy_policy(project, surroundings)
    rows = "\n".join(map(row, policy["Statement"]))
    return f"{HEAD.format(name=project.name, account=ACCOUNT)}{rows}\n"


def row(statement: dict[str, Any]) -> str:
    def cell(value: str | list[str]) -> str:
        return "<br>".join(f"`{each}`" for each in (value if isinstance(value, list) else [value]))

    condition = f"`{json.dumps(statement['Condition'])}`" if "Condition" in statement else ""
    return f"| {statement['Sid']} | {cell(statement['Action'])} | {cell(statement['Resource'])} | {condition} |"


if __name__ == "__main__":
    print(page(load(Path(sys.argv[1]))), end="")
