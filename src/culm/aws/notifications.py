"""Messages of what goes wrong: EventBridge rules and one alarm, to a topic (e-mail) and to a webhook. Pure.

Nothing of ours runs for this: ECS, EC2 Auto Scaling and CloudWatch send events to the account's default event bus, a
rule picks those of this project and makes a sentence of each, EventBridge sends it on. A webhook gets it as Slack takes
it, `{"text": "..."}`, by an API destination. What a deploy alone knows, `culm up` puts on the bus itself.

    event                                          rule             by
    a roll failed                                  DeployFailed     ECS
    a deploy failed, or there was no room for it   ToldByDeploy     culm
    a container was out of memory                  OutOfMemory      ECS
    a target was unhealthy, its task was replaced  Unhealthy        ECS
    no room for a task                             NoRoom           ECS
    an instance was lost, or none could be started InstanceLost...  ECS, EC2 Auto Scaling
    more than a share of requests ended with 5xx   Alarm            CloudWatch

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/automating-ec2-auto-scaling-with-eventbridge.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from culm.aws.document import ACCOUNT, REGION, Att, Ref, Resources, Section, Sub, resource, substituted
from culm.core.decide import incidents
from culm.core.model.record import record
from culm.project.project import Notify, Project, TargetSettings
from culm.render import messages

CLUSTER = {"clusterArn": [Att("Cluster.Arn")]}
"""What events of the target's own cluster have."""


@record
class MessageRule:
    """What is told, and how."""

    pattern: Mapping[str, Any]
    paths: Mapping[str, str]
    """Names for parts of the event, which `sentence` has in angle brackets."""
    sentence: str


def section(project: Project, settings: TargetSettings) -> Section | None:
    """Return the topic, the webhook, the alarm and the rules that send to them; None without `notify:`."""
    notify = settings.notify
    if notify is None:
        return None
    resources: Resources = {}
    if notify.email is not None:
        resources |= topic(project, notify.email)
    if notify.webhook is not None:
        resources |= webhook(project, notify.webhook)
    resources["ErrorAlarm"] = alarm(project, notify)
    fleets = [str(number) for number in range(1, len(settings.instances) + 1)] if len(settings.instances) > 1 else [""]
    for name, rule in rules(project, [f"Instances{suffix}" for suffix in fleets]).items():
        resources[f"Rule{name}"] = rendered(project, notify, rule)
    return Section(
        title="Messages: what goes wrong is told by e-mail or a webhook. EventBridge makes the sentences.",
        resources=resources,
    )


def topic(project: Project, email: str) -> Resources:
    """Return the topic that sends e-mail, and who may publish to it: EventBridge, for this account."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": Ref("Messages"),
        "Condition": {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}},
    }
    return {
        "Messages": resource(
            "SNS::Topic",
            {"TopicName": f"{project.name}-messages", "Subscription": [{"Protocol": "email", "Endpoint": email}]},
        ),
        "MessagesPolicy": resource(
            "SNS::TopicPolicy",
            {
                "Topics": [Ref("Messages")],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            },
        ),
    }


def webhook(project: Project, secret: str) -> Resources:
    """Return the API destination of the URL that a secret holds, and the role by which EventBridge calls it.

    A connection has to have credentials; webhooks have theirs in the URL, and take no notice of a header more.
    """
    name = f"{project.name}-messages"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    calls = {
        "Effect": "Allow",
        "Action": "events:InvokeApiDestination",
        "Resource": f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/{name}/*",
    }
    return {
        "WebhookConnection": resource(
            "Events::Connection",
            {
                "Description": f"culm: the webhook of {project.name}",
                "AuthorizationType": "API_KEY",
                "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Sent-By", "ApiKeyValue": "culm"}},
            },
        ),
        "Webhook": resource(
            "Events::ApiDestination",
            {
                "Name": name,
                "Description": f"culm: messages of {project.name}",
                "ConnectionArn": Att("WebhookConnection.Arn"),
                "HttpMethod": "POST",
                "InvocationEndpoint": f"{{{{resolve:secretsmanager:{secret}}}}}",
                "InvocationRateLimitPerSecond": 1,
            },
        ),
        "WebhookRole": resource(
            "IAM::Role",
            {
                "RoleName": f"{project.name}.messages",
                "Description": f"culm: EventBridge, when it calls the webhook of {project.name}",
                "AssumeRolePolicyDocument": substituted({"Version": "2012-10-17", "Statement": [statement]}),
                "Policies": [
                    {
                        "PolicyName": "webhook",
                        "PolicyDocument": substituted({"Version": "2012-10-17", "Statement": [calls]}),
                    }
                ],
            },
        ),
    }


def alarm(project: Project, notify: Notify) -> dict[str, Any]:
    """Return the alarm of the share of answers with a status of 500 and more, of tasks and of the load balancer.

    The load balancer counts among its requests those alone that it has handed to a task:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """
    counts = {
        "requests": "RequestCount",
        "tasks": "HTTPCode_Target_5XX_Count",
        "balancer": "HTTPCode_ELB_5XX_Count",
    }
    metrics: list[dict[str, Any]] = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {
                "Stat": "Sum",
                "Period": incidents.ERRORS_SECONDS,
                "Metric": {
                    "Namespace": "AWS/ApplicationELB",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "LoadBalancer", "Value": Att("LoadBalancer.LoadBalancerFullName")}],
                },
            },
        }
        for name, metric in counts.items()
    ]
    whole = "(FILL(requests, 0) + FILL(balancer, 0))"
    share = f"IF({whole} >= {incidents.FEWEST_ANSWERS}, 100 * (FILL(tasks, 0) + FILL(balancer, 0)) / {whole}, 0)"
    metrics.append({"Id": "share", "Label": "answers with status 5xx, in percent", "Expression": share})
    return resource(
        "CloudWatch::Alarm",
        {
            "AlarmDescription": f"More than {notify.errors} percent of the answers of {project.name} have status 5xx",
            "Metrics": metrics,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": notify.errors,
            "EvaluationPeriods": 1,
            "TreatMissingData": "notBreaching",
        },
    )


def rules(project: Project, groups: Sequence[str]) -> dict[str, MessageRule]:
    """Return what is told, by name; `groups` are logical ids of auto scaling groups."""
    return {
        **about_deploys(project),
        **about_tasks(project),
        **about_instances(project, groups),
        "Alarm": MessageRule(
            pattern={
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "resources": [Att("ErrorAlarm.Arn")],
                "detail": {"state": {"value": ["ALARM", "OK"]}, "previousState": {"value": ["ALARM", "OK"]}},
            },
            paths={"state": "$.detail.state.value", "reason": "$.detail.state.reason"},
            sentence=worded(project, incidents.ERRORS),
        ),
    }


def about_deploys(project: Project) -> dict[str, MessageRule]:
    """Return the rules about deploys: those that ECS gives up, and what culm itself has to tell."""
    services = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{project.name}/"
    of_service = [{"prefix": Sub(services)}]
    return {
        "DeployFailed": MessageRule(
            pattern=ecs(
                "ECS Deployment State Change", {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}, resources=of_service
            ),
            paths={"service": "$.resources[0]", "reason": "$.detail.reason"},
            sentence=worded(project, incidents.DEPLOY_FAILED),
        ),
        "ToldByDeploy": MessageRule(
            pattern={
                "source": [messages.SOURCE],
                "detail-type": [messages.DETAIL_TYPE],
                "detail": {"project": [project.name]},
            },
            paths={"text": "$.detail.text"},
            sentence="<text>",
        ),
    }


def about_tasks(project: Project) -> dict[str, MessageRule]:
    """Return the rules about tasks that were stopped, or could not be placed."""
    stopped = {**CLUSTER, "lastStatus": ["STOPPED"]}
    of_task = {"group": "$.detail.group", "reason": "$.detail.stoppedReason"}
    return {
        "OutOfMemory": MessageRule(
            pattern=ecs("ECS Task State Change", {**stopped, "containers": {"reason": [{"prefix": incidents.KILLED}]}}),
            paths=of_task,
            sentence=worded(project, incidents.OUT_OF_MEMORY),
        ),
        "Unhealthy": MessageRule(
            pattern=ecs(
                "ECS Task State Change",
                {
                    **stopped,
                    "stoppedReason": [{"prefix": begin} for begin in incidents.UNHEALTHY_REASONS],
                },
            ),
            paths=of_task,
            sentence=worded(project, incidents.UNHEALTHY),
        ),
        "NoRoom": MessageRule(
            pattern=ecs(
                "ECS Service Action",
                {**CLUSTER, "eventName": ["SERVICE_TASK_PLACEMENT_FAILURE"]},
            ),
            paths={"service": "$.resources[0]", "reason": "$.detail.reason"},
            sentence=worded(project, incidents.NO_ROOM),
        ),
    }


def about_instances(project: Project, groups: Sequence[str]) -> dict[str, MessageRule]:
    """Return the rules about instances that were lost, or could not be started by these groups."""
    return {
        "InstanceLost": MessageRule(
            pattern=ecs("ECS Container Instance State Change", {**CLUSTER, "agentConnected": [False]}),
            paths={"instance": "$.detail.ec2InstanceId", "status": "$.detail.status"},
            sentence=worded(project, incidents.INSTANCE_LOST),
        ),
        "NoInstance": MessageRule(
            pattern={
                "source": ["aws.autoscaling"],
                "detail-type": ["EC2 Instance Launch Unsuccessful"],
                "detail": {"AutoScalingGroupName": [Ref(name) for name in groups]},
            },
            paths={"reason": "$.detail.StatusMessage"},
            sentence=f"{project.name}: an instance could not be started: <reason>",
        ),
    }


def ecs(kind: str, detail: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the pattern of an event of ECS."""
    return {"source": ["aws.ecs"], "detail-type": [kind], "detail": dict(detail), **more}


def worded(project: Project, sentence: str) -> str:
    """Return a sentence with the names of an input transformer, `<service>`, in its places."""
    fields = {name: f"<{name}>" for name in ("service", "group", "reason", "instance", "status", "state")}
    return sentence.format(project=project.name, **fields)


def rendered(project: Project, notify: Notify, rule: MessageRule) -> dict[str, Any]:
    """Return a rule with its targets."""
    targets: list[dict[str, Any]] = []
    if notify.email is not None:
        targets.append(
            {
                "Id": "topic",
                "Arn": Ref("Messages"),
                "InputTransformer": {"InputPathsMap": dict(rule.paths), "InputTemplate": f'"{rule.sentence}"'},
            }
        )
    if notify.webhook is not None:
        targets.append(
            {
                "Id": "webhook",
                "Arn": Att("Webhook.Arn"),
                "RoleArn": Att("WebhookRole.Arn"),
                "InputTransformer": {
                    "InputPathsMap": dict(rule.paths),
                    "InputTemplate": f'{{"text": "{rule.sentence}"}}',
                },
                # a message of yesterday is of no use
                "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10},
            }
        )
    return resource("Events::Rule", {"EventPattern": dict(rule.pattern), "Targets": targets})
