"""Wakes what sleeps when a request comes: the code of the stack's Lambda function, which stands alone.

Each request looks first and does what is missing, so nothing is woken twice:
1. databases and instances start, if they are stopped;
2. services start, callees first, once the databases are there;
3. the load balancer's rule lets requests through, once each service has a healthy task.
"""

import json
import os
from contextlib import suppress
from typing import Any

import boto3

Json = dict[str, Any]
PAGE = "<!doctype html><meta http-equiv=refresh content={0}><title>waking</title><p>{1}"


def handler(event: Json, context: object) -> Json:
    wakes = json.loads(os.environ["WAKES"])
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    agent, path = headers.get("user-agent", "").lower(), event.get("path", "")
    if any(path.startswith(each) if "/" in each else each.lower() in agent for each in wakes["ignore"]):
        return answer(headers, 600, wakes["asleep"])
    if not based(wakes):
        return answer(headers, 15, wakes["waking"])
    if not served(wakes):
        return answer(headers, 5, wakes["waking"])
    elb, here = boto3.client("elbv2"), event["requestContext"]["elb"]["targetGroupArn"]
    awake: Any = [{"Field": "host-header", "HostHeaderConfig": {"Values": [wakes["nobody"]]}}]
    for rule in elb.describe_rules(ListenerArn=wakes["listener"])["Rules"]:
        if rule["Actions"][0].get("TargetGroupArn") == here:
            elb.modify_rule(RuleArn=rule["RuleArn"], Conditions=awake)
    return answer(headers, 3, "awake")


def based(wakes: Json) -> bool:
    rds, fleet = boto3.client("rds"), boto3.client("autoscaling")
    ready, counts = True, wakes["instances"]
    for name in wakes["databases"]:
        state = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]
        ready = ready and state == "available"
        if state == "stopped":
            with suppress(rds.exceptions.InvalidDBInstanceStateFault):  # another request was faster
                rds.start_db_instance(DBInstanceIdentifier=name)
    groups = fleet.describe_auto_scaling_groups(AutoScalingGroupNames=list(counts))["AutoScalingGroups"]
    for name, now in [(group["AutoScalingGroupName"], group["DesiredCapacity"]) for group in groups]:
        if now < (count := counts[name]):
            fleet.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=count, DesiredCapacity=count)
    return ready


def served(wakes: Json) -> bool:
    ecs, elb, ready = boto3.client("ecs"), boto3.client("elbv2"), True
    for name in wakes["services"]:
        of = {"cluster": wakes["cluster"]}
        for service in ecs.describe_services(services=[name], include=["TAGS"], **of)["services"]:
            tags = {tag["key"]: tag["value"] for tag in service.get("tags", ())}
            if service["desiredCount"] == 0:
                if service["status"] != "ACTIVE" or "culm:awake" not in tags:
                    continue
                ecs.update_service(service=name, desiredCount=int(tags["culm:awake"]), **of)
            ready = ready and service["runningCount"] > 0
            for each in service["loadBalancers"]:
                health = elb.describe_target_health(TargetGroupArn=each["targetGroupArn"])
                states = [target["TargetHealth"]["State"] for target in health["TargetHealthDescriptions"]]
                ready = ready and "healthy" in states
    return ready


def answer(headers: Json, seconds: int, text: str) -> Json:
    html = "text/html" in headers.get("accept", "")
    kind = "html" if html else "plain"
    more = {"Content-Type": f"text/{kind}; charset=utf-8", "Retry-After": str(seconds), "Cache-Control": "no-store"}
    body = PAGE.format(seconds, text) if html else text + "\n"
    status = {"statusCode": 503, "statusDescription": "503 Service Unavailable", "isBase64Encoded": False}
    return {**status, "headers": more, "body": body}
