"""EventBridge Scheduler and Lambda, played for the parts of a stack that sleep.

A schedule that is due is carried out as Scheduler does: its operation, by its name, with its input. The function is run
here, not in a container.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore import xform_name
from tests.amazon.amazon import REGION, Amazon

from culm.aws.document import read
from culm.core.decide.firing import next_firing, parse

CLIENTS = {"elasticloadbalancingv2": "elbv2"}


def stack(account: Amazon) -> dict[str, Any]:
    """The resources of bamboo's template."""
    body = account.client("cloudformation").get_template(StackName="culm-bamboo")["TemplateBody"]
    resources: dict[str, Any] = read(body)["Resources"]
    return resources


def filled(account: Amazon, value: Any) -> str:
    """A text of the template, with physical ids for the logical ones."""
    if isinstance(value, str):
        return value
    listed = account.client("cloudformation").list_stack_resources(StackName="culm-bamboo")["StackResourceSummaries"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}
    return re.sub(r"\$\{(\w+)\}", lambda match: ids[match[1]], value["Fn::Sub"])


def schedules(account: Amazon) -> dict[str, dict[str, Any]]:
    """The schedules of the account, by name."""
    scheduler = account.client("scheduler")
    names = [each["Name"] for each in scheduler.list_schedules()["Schedules"]]
    return {name: scheduler.get_schedule(Name=name) for name in sorted(names)}


def pass_time(account: Amazon, begin: str, end: str) -> Iterator[str]:
    """Carry out what is due after `begin` until `end`, ISO times in Berlin; yields the name of each, done."""
    berlin, due, listed = ZoneInfo("Europe/Berlin"), [], schedules(account)
    first, last = (datetime.fromisoformat(each).replace(tzinfo=berlin).timestamp() for each in (begin, end))
    for name, each in listed.items():
        expression, zone = parse(each["ScheduleExpression"]), ZoneInfo(each["ScheduleExpressionTimezone"])
        at: float | None = first
        while (at := next_firing(expression, zone, at, first)) is not None and at <= last:
            due.append((at, name))
    for _, name in sorted(due):
        carry_out(account, listed[name]["Target"])
        yield name


def carry_out(account: Amazon, target: dict[str, Any]) -> None:
    """Call the operation of a universal target. Its members are in the capitals of another SDK than botocore."""
    _, service, operation = target["Arn"].rsplit(":", 2)
    client = account.client(CLIENTS.get(service, service))
    models = client.meta.service_model
    [name] = [each for each in models.operation_names if each.lower() == operation.lower()]
    members = {each.lower(): each for each in models.operation_model(name).input_shape.members}
    given = {members[key.lower()]: value for key, value in json.loads(target["Input"]).items()}
    getattr(client, xform_name(name))(**given)


def function(account: Amazon, patch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The stack's Lambda function, run as Lambda does: its code, its environment, and requests as ALB hands them on."""
    body = stack(account)["WakeFunction"]["Properties"]
    patch.setenv("WAKES", filled(account, body["Environment"]["Variables"]["WAKES"]))
    patch.setenv("AWS_ENDPOINT_URL", account.url)
    patch.setenv("AWS_DEFAULT_REGION", REGION)
    code: dict[str, Any] = {}
    exec(compile(body["Code"]["ZipFile"], "index.py", "exec"), code)
    group = filled(account, {"Fn::Sub": "${WakeGroup}"})

    def ask(path: str = "/", **headers: str) -> dict[str, Any]:
        event = {"requestContext": {"elb": {"targetGroupArn": group}}, "path": path, "headers": headers}
        answer: dict[str, Any] = code["handler"](event, None)
        return answer

    return ask
