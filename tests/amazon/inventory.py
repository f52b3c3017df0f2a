"""What there is in an account, as its own API lists it: people's things, less what AWS makes by itself."""

from typing import Any

from tests.amazon.amazon import Amazon


def inventory(account: Amazon) -> set[str]:
    """`cluster bamboo`, `role bamboo-web`, ..."""
    ecs, elb, iam = account.client("ecs"), account.client("elbv2"), account.client("iam")
    clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
    active = [one["clusterName"] for one in clusters if one["status"] == "ACTIVE"]
    found: dict[str, list[Any]] = {
        "cluster": active,
        "service": [
            service["serviceName"]
            for name in active
            if (arns := ecs.list_services(cluster=name)["serviceArns"])
            for service in ecs.describe_services(cluster=name, services=arns)["services"]
            if service["status"] == "ACTIVE"
        ],
        "task": [arn for name in active for arn in ecs.list_tasks(cluster=name, desiredStatus="RUNNING")["taskArns"]],
        "task definition": [last(arn) for arn in ecs.list_task_definitions()["taskDefinitionArns"]],
        "load balancer": [one["LoadBalancerName"] for one in elb.describe_load_balancers()["LoadBalancers"]],
        "target group": [one["TargetGroupName"] for one in elb.describe_target_groups()["TargetGroups"]],
        "role": [one["RoleName"] for one in iam.list_roles()["Roles"]],
        "repository": [one["repositoryName"] for one in account.client("ecr").describe_repositories()["repositories"]],
        "log group": [one["logGroupName"] for one in account.client("logs").describe_log_groups()["logGroups"]],
        "bucket": [one["Name"] for one in account.client("s3").list_buckets()["Buckets"]],
        "database": [
            one["DBInstanceIdentifier"] for one in account.client("rds").describe_db_instances()["DBInstances"]
        ],
        "stack": [one["StackName"] for one in account.client("cloudformation").describe_stacks()["Stacks"]],
    }
    return {f"{kind} {name}" for kind, names in found.items() for name in names}


def last(arn: str) -> str:
    return arn.rpartition("/")[2]
