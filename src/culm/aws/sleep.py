"""Sleep on aws: schedules that stop and start all, the rule that answers meanwhile, and what a request wakes. Pure.

EventBridge Scheduler calls ECS, EC2 Auto Scaling, RDS and the load balancer itself, so nothing of ours runs for it. For
`hours: mon-fri 08:00-20:00 Europe/Berlin`, and `web` that calls `accounts`:

    07:45  databases with `sleep: true` start: RDS takes up to a quarter of an hour
    07:52  instances start: the groups have their counts again
    07:55  accounts starts        callees first, a minute later those that call them
    07:56  web starts
    08:00  the rule of sleepers lets requests through
    20:00  the rule takes every request, and says until when
    20:01  web stops, 20:02 accounts
    20:10  the groups go to 0; ECS drains what is left
    20:12  databases stop

Each count is the one of culm.yml, and the deploy has noted it as the tag `culm:awake` of the service, so a service that
the clock has stopped is one that sleeps, as if `culm sleep` had done it. Of a service that is not there yet, or a
database that is stopping still, a call fails; it is tried again for five minutes, and then no more, as it would come
at a wrong time. A time that is skipped when clocks are set forward is skipped by EventBridge Scheduler, too: hours that
begin between 2 and 3 on a Sunday do not begin on that one.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from culm import render
from culm.aws import roles
from culm.aws.document import ACCOUNT, REGION, Att, Ref, Resources, Section, Sub, logical, resource, substituted
from culm.core.decide.office_hours import OfficeHours, clock_as_text, days_as_text, parse_hours
from culm.core.model.record import record
from culm.plan import sleep
from culm.project.project import Project, TargetSettings
from culm.render import jobs, permissions, stack_role
from culm.render.stack_role import allow

DATABASES_BEFORE, INSTANCES_BEFORE, SERVICES_BEFORE = 15, 8, 5
"""Minutes before office hours begin."""
INSTANCES_AFTER, DATABASES_AFTER = 10, 12
"""Minutes after they end: tasks have two minutes to stop, and targets five to drain."""
MINUTES_A_DAY = 24 * 60
DEEPEST = 4
"""Of chains of services that are longer, the last ones start together."""
CODE = Path(__file__).with_name("wake_function.py")
RUNTIME = "python3.13"
FUNCTION_SECONDS = 20
BALANCER = ("elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeRules")


@record
class Entry:
    """A schedule: what it calls, and when."""

    name: str
    """What it is about, as a logical id ends: `DatabaseMain`, `Instances`, `Web`."""
    wakes: bool
    minutes: int
    """After the boundary: the beginning of office hours where it `wakes`, else their end. Negative: before it."""
    operation: str
    """As EventBridge Scheduler names it: `ecs:updateService`."""
    given: Mapping[str, Any]
    """Its input, in the capitals of the SDK that EventBridge Scheduler calls by."""


def section(project: Project, settings: TargetSettings, surroundings: render.Surroundings) -> Section | None:
    """Return the schedules, the rule and the function with their roles; None for a target that does not sleep."""
    if settings.sleep is None:
        return None
    resources: Resources = {}
    if settings.sleep.hours is not None:
        resources["SleepRole"] = role(project, surroundings)
        hours = parse_hours(settings.sleep.hours)
        for entry in entries(project, settings):
            name = f"{'Wake' if entry.wakes else 'Sleep'}{entry.name}"
            resources[name] = schedule(project, hours, entry)
    if render.sleeps_whole(project, settings):
        if settings.sleep.on_request:
            resources |= function(project, settings)
        resources["SleepersRule"] = rule(settings)
    return Section(
        title="Sleep: by the clock, EventBridge Scheduler calls AWS itself. SleepersRule answers while all sleep;\n"
        "what it takes is changed by ModifyRule: every request then, and else those for a host that nobody has.",
        resources=resources,
    )


def groups(settings: TargetSettings) -> dict[str, int]:
    """Return the logical ids of the auto scaling groups, and how many instances each has when it is awake."""
    numbers = range(1, len(settings.instances) + 1)
    suffixes = [str(number) for number in numbers] if len(settings.instances) > 1 else [""]
    return {f"Instances{suffix}": group.count for suffix, group in zip(suffixes, settings.instances, strict=True)}


def entries(project: Project, settings: TargetSettings) -> Iterator[Entry]:
    """Yield the schedules of a target with office hours, wakes before sleeps, each in the order of the clock."""
    whole = render.sleeps_whole(project, settings)
    if whole:
        yield from of_base(project, settings, wakes=True)
    assert settings.sleep is not None, "it is for targets that sleep"
    sleepers = [name for name in project.services if name not in settings.sleep.never]
    depths = {name: min(sleep.depth(project, name), DEEPEST) for name in sleepers}
    deepest = max(depths.values(), default=0)
    for name in sleepers:
        count = render.count_that_wakes(project.services[name])
        yield of_service(project, name, count, minutes=depths[name] - SERVICES_BEFORE)
    for wakes in (True, False) if whole else ():
        given = {"RuleArn": "${SleepersRule}", "Conditions": render.sleeping_conditions(asleep=not wakes)}
        operation = "elasticloadbalancingv2:modifyRule"
        yield Entry(name="SleepersRule", wakes=wakes, minutes=0, operation=operation, given=given)
    for name in sleepers:
        yield of_service(project, name, 0, minutes=1 + deepest - depths[name])
    if whole:
        yield from of_base(project, settings, wakes=False)


def of_service(project: Project, name: str, count: int, *, minutes: int) -> Entry:
    """Return what sets a service's count; one of 0 puts it to sleep."""
    given = {"Cluster": project.name, "Service": name, "DesiredCount": count}
    where = f"Of{logical(name)}"
    return Entry(name=where, wakes=count > 0, minutes=minutes, operation="ecs:updateService", given=given)


def of_base(project: Project, settings: TargetSettings, *, wakes: bool) -> Iterator[Entry]:
    """Yield what starts and stops databases and instances."""
    verb, before = ("start", -DATABASES_BEFORE) if wakes else ("stop", DATABASES_AFTER)
    databases = [
        Entry(
            name=f"Database{logical(name)}",
            wakes=wakes,
            minutes=before,
            operation=f"rds:{verb}DBInstance",
            given={"DbInstanceIdentifier": f"{project.name}-{name}"},
        )
        for name in sleep.stopping(project)
    ]
    instances = [
        Entry(
            name=name,
            wakes=wakes,
            minutes=-INSTANCES_BEFORE if wakes else INSTANCES_AFTER,
            operation="autoscaling:updateAutoScalingGroup",
            given={
                "AutoScalingGroupName": f"${{{name}}}",
                "MinSize": count if wakes else 0,
                "DesiredCapacity": count if wakes else 0,
            },
        )
        for name, count in groups(settings).items()
    ]
    yield from [*databases, *instances] if wakes else [*instances, *databases]


def schedule(project: Project, hours: OfficeHours, entry: Entry) -> dict[str, Any]:
    """Return the schedule of an entry, by the clock of the office hours' time zone."""
    given = json.dumps(entry.given)
    return resource(
        "Scheduler::Schedule",
        {
            "Name": f"{project.name}.{'wakes' if entry.wakes else 'sleeps'}.{entry.name}",
            "ScheduleExpression": cron(hours, entry),
            "ScheduleExpressionTimezone": hours.zone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": f"arn:aws:scheduler:::aws-sdk:{entry.operation}",
                "RoleArn": Att("SleepRole.Arn"),
                "Input": Sub(given) if "${" in given else given,
                "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 300},
            },
        },
    )


def cron(hours: OfficeHours, entry: Entry) -> str:
    """Return when an entry is carried out, as EventBridge Scheduler takes it: `cron(52 7 ? * MON-FRI *)`."""
    minute = (hours.opens if entry.wakes else hours.closes) + entry.minutes
    shift, of_day = divmod(minute, MINUTES_A_DAY)
    days = {(day + shift) % 7 for day in hours.days}
    named = "MON-SUN" if len(days) == 7 else days_as_text(days).upper()
    return f"cron({of_day % 60} {of_day // 60} ? * {named} *)"


def role(project: Project, surroundings: render.Surroundings) -> dict[str, Any]:
    """Return the role that EventBridge Scheduler calls by: these operations, of this project's things."""
    here = f"{REGION}:{ACCOUNT}"
    services = f"arn:aws:ecs:{here}:service/{project.name}/*"
    rules = f"arn:aws:elasticloadbalancing:{here}:listener-rule/app/{project.name}/*"
    statements = [
        allow("Services", "ecs:UpdateService", services),
        allow("Rule", "elasticloadbalancing:ModifyRule", rules),
        *permissions.sleepers(project, surroundings),
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    return resource(
        "IAM::Role",
        {
            "RoleName": f"{project.name}.sleep",
            "Description": f"culm: office hours of {project.name}",
            "AssumeRolePolicyDocument": substituted(jobs.trust(surroundings)),
            "Policies": [{"PolicyName": "sleep", "PolicyDocument": substituted(document)}],
        },
    )


def rule(settings: TargetSettings) -> dict[str, Any]:
    """Return the rule of sleepers, which takes nothing as long as nobody sleeps."""
    assert settings.sleep is not None, "it is for targets that sleep"
    fixed = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": until(settings)}
    action = {"Type": "fixed-response", "FixedResponseConfig": fixed}
    if settings.sleep.on_request:
        action = {"Type": "forward", "TargetGroupArn": Ref("WakeGroup")}
    return resource(
        "ElasticLoadBalancingV2::ListenerRule",
        {
            "ListenerArn": Ref("Listener"),
            "Priority": render.RULE_PRIORITY,
            "Conditions": render.sleeping_conditions(asleep=False),
            "Actions": [action],
        },
    )


def until(settings: TargetSettings) -> str:
    """Return what sleepers answer: `asleep until 08:00 (mon-fri, Europe/Berlin); wake it: culm wake --target stg`."""
    assert settings.sleep is not None, "it is for targets that sleep"
    when = ""
    if settings.sleep.hours is not None:
        hours = parse_hours(settings.sleep.hours)
        when = f" until {clock_as_text(hours.opens)} ({days_as_text(hours.days)}, {hours.zone})"
    return f"asleep{when}; wake it: culm wake --target {settings.name}"


def function(project: Project, settings: TargetSettings) -> Resources:
    """Return the Lambda function by which a request wakes all, with its role, log and target group.

    The group's name is fixed, so that the right to call the function names it before it is there.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
    """
    name = f"{project.name}-wake"
    group = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{render.wake_group(project)}/*"
    return {
        "WakeLogs": resource("Logs::LogGroup", {"LogGroupName": f"/culm/{project.name}.wake", "RetentionInDays": 14}),
        "WakeRole": wake_role(project),
        "WakeFunction": resource(
            "Lambda::Function",
            {
                "FunctionName": name,
                "Description": f"culm: a request wakes {project.name}",
                "Runtime": RUNTIME,
                "Handler": "index.handler",
                "Timeout": FUNCTION_SECONDS,
                "MemorySize": sleep.FUNCTION_MB,
                "Role": Att("WakeRole.Arn"),
                "LoggingConfig": {"LogGroup": Ref("WakeLogs")},
                "Environment": {"Variables": {"WAKES": Sub(json.dumps(about(project, settings)))}},
                "Code": {"ZipFile": CODE.read_text()},
            },
        ),
        "WakePermission": resource(
            "Lambda::Permission",
            {
                "FunctionName": Ref("WakeFunction"),
                "Action": "lambda:InvokeFunction",
                "Principal": "elasticloadbalancing.amazonaws.com",
                "SourceArn": Sub(group),
            },
        ),
        "WakeGroup": resource(
            "ElasticLoadBalancingV2::TargetGroup",
            {"Name": render.wake_group(project), "TargetType": "lambda", "Targets": [{"Id": Att("WakeFunction.Arn")}]},
            DependsOn="WakePermission",
        ),
    }


def about(project: Project, settings: TargetSettings) -> dict[str, Any]:
    """Return what the function is about: its variable WAKES."""
    assert settings.sleep is not None, "it is for targets that sleep"
    return {
        "cluster": project.name,
        "services": sleep.order(project, project.services),
        "instances": {f"${{{name}}}": count for name, count in groups(settings).items()},
        "databases": [f"{project.name}-{name}" for name in sleep.stopping(project)],
        "listener": "${Listener}",
        "nobody": render.NOBODY,
        "ignore": list(settings.sleep.ignore),
        "asleep": until(settings),
        "waking": f"waking: this takes about {sleep.minutes_to_wake(project)} minutes",
    }


def wake_role(project: Project) -> dict[str, Any]:
    """Return the role of the function: what it looks at, what it starts, and its log."""
    here = f"{REGION}:{ACCOUNT}"
    looks = ("autoscaling:DescribeAutoScalingGroups", "rds:DescribeDBInstances", *BALANCER)
    rules = f"arn:aws:elasticloadbalancing:{here}:listener-rule/app/{project.name}/*"
    services = f"arn:aws:ecs:{here}:service/{project.name}/*"
    logs = f"arn:aws:logs:{here}:log-group:/culm/{project.name}.wake:*"
    group = f"arn:aws:autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/{stack_role.stack_name(project)}-*"
    databases = [f"arn:aws:rds:{here}:db:{project.name}-{name}" for name in sleep.stopping(project)]
    statements = [
        allow("Look", list(looks), "*"),
        allow("Services", ["ecs:DescribeServices", "ecs:UpdateService"], services),
        allow("Instances", "autoscaling:UpdateAutoScalingGroup", group),
        *([allow("Databases", "rds:StartDBInstance", databases)] if databases else []),
        allow("Rule", "elasticloadbalancing:ModifyRule", rules),
        allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], logs),
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    return resource(
        "IAM::Role",
        {
            "RoleName": f"{project.name}.wake",
            "Description": f"culm: a request wakes {project.name}",
            "AssumeRolePolicyDocument": roles.trust("lambda.amazonaws.com"),
            "Policies": [{"PolicyName": "wake", "PolicyDocument": substituted(document)}],
        },
    )
