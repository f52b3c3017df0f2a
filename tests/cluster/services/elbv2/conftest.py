"""A load balancer with what it needs, made through the API."""

from typing import Any

import pytest

from culm.cluster.services.ec2.network import VPC_ID, subnet_id

SUBNETS = [subnet_id("a"), subnet_id("b")]


class Balancing:
    """Shorthand for what most tests begin with."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.api = cloud.client("elbv2")

    def load_balancer(self, name: str = "bamboo") -> str:
        made = self.api.create_load_balancer(Name=name, Subnets=SUBNETS)
        return made["LoadBalancers"][0]["LoadBalancerArn"]

    def target_group(self, name: str = "web", **settings: Any) -> str:
        settings = {"Protocol": "HTTP", "Port": 80, "VpcId": VPC_ID, **settings}
        return self.api.create_target_group(Name=name, **settings)["TargetGroups"][0]["TargetGroupArn"]

    def listener(self, load_balancer: str, port: int = 8080, action: dict[str, Any] | None = None) -> str:
        not_found = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        made = self.api.create_listener(
            LoadBalancerArn=load_balancer, Protocol="HTTP", Port=port, DefaultActions=[action or not_found]
        )
        return made["Listeners"][0]["ListenerArn"]

    def rule(self, listener: str, target_group: str, path: str = "/web/*", priority: int = 10) -> str:
        made = self.api.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": [path]}],
            Actions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )
        return made["Rules"][0]["RuleArn"]


@pytest.fixture
def elb(cloud: Any) -> Balancing:
    return Balancing(cloud)
