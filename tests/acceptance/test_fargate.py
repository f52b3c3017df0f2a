"""A service on Fargate answers through the load balancer, at an address of each task's own.

Its containers find each other at `localhost`: the one that is reached asks the other.
"""

import urllib.request

from tests.acceptance.conftest import Cluster
from tests.scenarios.stand import eventually
from tests.traffic import free_port

FRONT = """
import http.server, urllib.request
class Front(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = urllib.request.urlopen("http://localhost:8080/").read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", 9000), Front).serve_forever()
"""
SUBNETS = ["subnet-0000000000000000a", "subnet-0000000000000000b"]


def test_a_service_on_fargate_answers_through_its_load_balancer(cluster: Cluster) -> None:
    ecs, elbv2 = cluster.ecs, cluster.elbv2
    ecs.create_cluster(clusterName="fargate", capacityProviders=["FARGATE"])
    balancer = elbv2.create_load_balancer(Name="fargate", Subnets=SUBNETS)["LoadBalancers"][0]["LoadBalancerArn"]
    [group] = elbv2.create_target_group(
        Name="fargate", Protocol="HTTP", Port=80, TargetType="ip", VpcId="vpc-00000000000000001",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
    )["TargetGroups"]  # fmt: skip
    target, port = group["TargetGroupArn"], free_port()
    action = {"Type": "forward", "TargetGroupArn": target}
    elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[action])
    container = {
        "name": "web",
        "image": cluster.images["web"],
        "portMappings": [{"containerPort": 8080}],
        "environment": [{"name": "PORT", "value": "8080"}, {"name": "HOST", "value": "0.0.0.0"}],
        "stopTimeout": 2,
    }
    front = {
        "name": "front",
        "image": cluster.images["web"],
        "entryPoint": ["python3", "-c", FRONT],
        "portMappings": [{"containerPort": 9000}],
        "stopTimeout": 2,
    }
    ecs.register_task_definition(
        family="fargate", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[container, front],
    )  # fmt: skip
    ecs.create_service(
        cluster="fargate", serviceName="web", taskDefinition="fargate", desiredCount=2, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": SUBNETS}},
        loadBalancers=[{"targetGroupArn": target, "containerName": "front", "containerPort": 9000}],
    )  # fmt: skip

    def healthy() -> bool:
        described = elbv2.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
        return [each["TargetHealth"]["State"] for each in described] == ["healthy", "healthy"]

    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    elbv2.modify_target_group_attributes(TargetGroupArn=target, Attributes=delay)
    eventually(healthy, within=60)
    described = elbv2.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
    assert len({each["Target"]["Id"] for each in described}) == 2
    assert {each["Target"]["Port"] for each in described} == {9000}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        assert answer.status == 200
    ecs.delete_service(cluster="fargate", service="web", force=True)
    eventually(lambda: not ecs.list_tasks(cluster="fargate")["taskArns"], within=60)
    ecs.delete_cluster(cluster="fargate")
    elbv2.delete_load_balancer(LoadBalancerArn=balancer)
