"""What a local cluster tells of by itself, with the words that EventBridge is given on aws."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from culm.cluster.instance.runtime.fake import Script
from culm.cluster.scheduler.messages import KEPT_SECONDS, Messages, post
from culm.cluster.store import metrics
from culm.core.decide.incidents import ERRORS_TAG, NOBODY, NOTIFY_TAG, SILENT_SECONDS
from culm.core.model.arn import resource
from culm.core.model.metrics import metric, sample


class Webhook:
    """Takes messages, or says why not."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.problem = ""

    async def post(self, url: str, text: str) -> str:
        assert url == "http://hook/secret"
        if not self.problem:
            self.texts.append(text)
        return self.problem


@pytest.fixture
def webhook() -> Webhook:
    return Webhook()


@pytest.fixture
def messages(world: Any, webhook: Webhook) -> Messages:
    world.cloud.client("secretsmanager").create_secret(Name="bamboo/webhook", SecretString="http://hook/secret\n")
    named(world, "bamboo/webhook")
    return Messages(world.store, now=world.cloud.clock, post=webhook.post)


def named(world: Any, secret: str) -> None:
    tagged(world, NOTIFY_TAG, secret)


def tagged(world: Any, key: str, value: str) -> None:
    [cluster] = world.ecs.describe_clusters()["clusters"]
    world.ecs.tag_resource(resourceArn=cluster["clusterArn"], tags=[{"key": key, "value": value}])


async def looks(world: Any, messages: Messages, times: int = 4) -> None:
    """A second passes before each look."""
    for _ in range(times):
        world.cloud.clock.advance(1)
        await messages.step()


async def test_a_task_that_was_out_of_memory_is_told_of_once(world: Any, messages: Messages, webhook: Webhook) -> None:
    world.register("greedy")
    await looks(world, messages)
    world.runtime.scripts["greedy:1"] = Script(memory=400)
    for _ in range(2):
        world.ecs.run_task(taskDefinition="greedy")
        await world.settle()
    await looks(world, messages)
    assert webhook.texts == [
        "default: a task of family:greedy was out of memory: Essential container in task exited"
    ], "two of one look are one message"
    world.register("modest")
    [task] = world.ecs.run_task(taskDefinition="modest")["tasks"]
    await world.settle()
    world.ecs.stop_task(task=task["taskArn"])
    await world.settle()
    await looks(world, messages)
    assert len(webhook.texts) == 1, "what ends well is not told"


async def test_what_a_service_has_no_room_for_is_told(world: Any, messages: Messages, webhook: Webhook) -> None:
    await looks(world, messages)
    world.register(memory=4000)
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    await looks(world, messages)
    [text] = webhook.texts
    assert text.startswith("default: there is no room for a task of web: was unable to place a task because")


async def test_an_instance_that_stays_away_is_lost_and_told_of_once(
    world: Any, messages: Messages, webhook: Webhook
) -> None:
    await looks(world, messages)
    await world.crash()
    await looks(world, messages, int(SILENT_SECONDS) - 1)
    assert webhook.texts == [], "it may be back in a moment"
    await looks(world, messages, 10)
    assert sorted(webhook.texts) == [f"default: instance i-{number:017x} does not answer (ACTIVE)" for number in (1, 2)]
    await looks(world, messages, int(SILENT_SECONDS) * 2)
    assert len(webhook.texts) == 2


async def test_an_instance_that_is_taken_away_under_its_tasks_is_told_of(
    world: Any, messages: Messages, webhook: Webhook
) -> None:
    await looks(world, messages)
    world.register()
    [task] = world.ecs.run_task(taskDefinition="web")["tasks"]
    await world.settle()
    world.ecs.deregister_container_instance(containerInstance=task["containerInstanceArn"], force=True)
    await world.settle()
    await looks(world, messages)
    [text] = webhook.texts
    assert text.startswith("default: instance i-") and text.endswith(" does not answer (INACTIVE)")


async def test_a_share_of_errors_is_told_of_when_it_begins_and_when_it_is_over(
    world: Any, messages: Messages, webhook: Webhook
) -> None:
    subnets = [each["SubnetId"] for each in world.cloud.client("ec2").describe_subnets()["Subnets"]]
    elbv2 = world.cloud.client("elbv2")
    [balancer] = elbv2.create_load_balancer(Name="default", Subnets=subnets)["LoadBalancers"]
    named_so = resource(balancer["LoadBalancerArn"]).removeprefix("loadbalancer/")

    async def carried(requests: int, of_tasks: int = 0, of_balancer: int = 0) -> None:
        counts = {
            "RequestCount": requests,
            "HTTPCode_Target_5XX_Count": of_tasks,
            "HTTPCode_ELB_5XX_Count": of_balancer,
        }
        points = [
            (metric("AWS/ApplicationELB", name, LoadBalancer=named_so), sample(world.cloud.clock(), value, "Count"))
            for name, value in counts.items()
        ]
        await world.store.run(lambda db: metrics.add(db, points))
        await looks(world, messages)

    await carried(19, 19)
    tagged(world, ERRORS_TAG, "5")
    await carried(0)
    assert webhook.texts == [], "of fewer than 20 a share says little"
    world.cloud.clock.advance(300)
    await carried(97, 2, 3)
    assert webhook.texts == [], "5 of 100 are not more than 5 percent"
    await carried(0, 1)
    alarm = "default: alarm of answers with status 5xx is"
    assert webhook.texts == [f"{alarm} ALARM: 6 percent in the last 5 minutes, more than 5"]
    await carried(1, 1)
    assert len(webhook.texts) == 1, "told once"
    world.cloud.clock.advance(300)
    await carried(0)
    assert webhook.texts[1:] == [f"{alarm} OK: 0 percent in the last 5 minutes, not more than 5"]


async def test_a_message_that_is_not_taken_is_sent_again_for_an_hour_and_no_longer(
    world: Any, messages: Messages, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    await looks(world, messages)
    webhook.problem = "the webhook answered with status 500"
    world.register(memory=4000)
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    await looks(world, messages, 30)
    assert caplog.text.count("nobody was told by `notify:`: the webhook answered with status 500") == 3
    webhook.problem = ""
    await looks(world, messages, 11)
    assert len(webhook.texts) == 1
    webhook.problem = "the webhook cannot be reached (ConnectError)"
    world.ecs.update_service(service="web", forceNewDeployment=True)
    await world.settle()
    await looks(world, messages)
    world.cloud.clock.advance(KEPT_SECONDS)
    webhook.problem = ""
    await looks(world, messages)
    assert len(webhook.texts) == 1


@pytest.mark.parametrize("tag", ["no/such/secret", NOBODY])
async def test_without_a_secret_nothing_is_sent(world: Any, messages: Messages, webhook: Webhook, tag: str) -> None:
    await looks(world, messages)
    named(world, tag)
    world.register(memory=4000)
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    await looks(world, messages)
    assert webhook.texts == []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if self.path == "/well" else 404)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def hook() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_webhook_that_refuses_is_told_without_its_url(hook: str) -> None:
    assert await post(f"{hook}/well", "text") == ""
    assert await post(f"{hook}/secret", "text") == "the webhook answered with status 404"
    assert await post("http://127.0.0.1:9/secret", "text") == "the webhook cannot be reached (ConnectError)"
