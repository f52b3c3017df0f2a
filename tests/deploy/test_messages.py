"""`notify:` when a deploy fails: a real web server in place of Slack, and moto for the secret and the event bus."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import boto3
import pytest
from moto.server import ThreadedMotoServer

from culm.deploy import messages
from culm.project.load import load
from culm.project.project import Project
from culm.target.connection import StaticCredentials, Target
from culm.vault.redaction import remember


class Hook(BaseHTTPRequestHandler):
    """Takes what a webhook gets."""

    received: ClassVar[list[tuple[str, Any]]] = []
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    """The URL of a webhook."""
    Hook.received.clear()
    Hook.status = 200
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/services/T0/B0/secret"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def project(folder: Path, targets: str) -> Project:
    (folder / "web").mkdir()
    (folder / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    (folder / "culm.yml").write_text(f"name: bamboo\ntargets: {{{targets}}}\nservices: {{web: }}\n")
    return load(folder / "culm.yml")


def target(project: Project, name: str, endpoint: str) -> Target:
    return Target(project.targets[name], endpoint, StaticCredentials(access_key="AKIAEXAMPLE", secret_key="secret"))


def test_locally_the_webhook_gets_what_slack_takes(tmp_path: Path, aws: str, hook: str) -> None:
    made = project(tmp_path, "local: {notify: {webhook: bamboo/webhook}}")
    local = target(made, "local", aws)
    assert "ResourceNotFoundException" in messages.tell(local, made, ["web is down"])
    local.client("secretsmanager").create_secret(Name="bamboo/webhook", SecretString=f"{hook}\n")
    assert messages.tell(local, made, ["web was not steady", "the migration of accounts failed"]) == ""
    assert Hook.received == [
        (
            "/services/T0/B0/secret",
            {
                "text": "bamboo: a deploy to local failed: web was not steady; the migration of accounts failed",
            },
        )
    ]
    assert messages.tell(local, made, []) == ""
    assert len(Hook.received) == 1, "a deploy that went well tells nobody"
    Hook.status = 404
    assert messages.tell(local, made, ["web is down"]) == "the webhook answered with status 404"


def test_a_webhook_that_cannot_be_reached_fails_nothing_and_its_url_is_not_shown() -> None:
    said = messages.post("http://127.0.0.1:9/services/secret", "web is down")
    assert said == "the webhook cannot be reached (ConnectError)"


def test_secrets_are_cut_out_and_a_long_message_is_shortened(tmp_path: Path, aws: str, hook: str) -> None:
    made = project(tmp_path, "local: {notify: {webhook: long/webhook}}")
    local = target(made, "local", aws)
    local.client("secretsmanager").create_secret(Name="long/webhook", SecretString=hook)
    remember("database.url", "postgresql://web:hunter2hunter2@127.0.0.1/db")
    messages.tell(local, made, ["postgresql://web:hunter2hunter2@127.0.0.1/db refused " + "x" * 5000])
    [(_, body)] = Hook.received
    assert "hunter2hunter2" not in body["text"]
    assert len(body["text"]) <= 2000


def test_on_aws_it_is_an_event_that_the_stacks_rule_sends_on(tmp_path: Path, aws: str) -> None:
    made = project(tmp_path, "stg: {provider: aws, region: us-east-1, notify: {email: ops@example.com}}")
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}
    clients = {
        name: boto3.client(name, endpoint_url=aws, region_name="us-east-1", **keys)  # type: ignore[call-overload]
        for name in ("events", "logs")
    }
    clients["logs"].create_log_group(logGroupName="/aws/events/told")
    clients["events"].put_rule(Name="told", EventPattern=json.dumps({"source": ["culm"]}))
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/told"
    clients["events"].put_targets(Rule="told", Targets=[{"Id": "1", "Arn": arn}])
    assert messages.tell(target(made, "stg", aws), made, ["there is no room for accounts"]) == ""
    [event] = clients["logs"].filter_log_events(logGroupName="/aws/events/told")["events"]
    detail = json.loads(event["message"])["detail"]
    assert detail == {"project": "bamboo", "text": "bamboo: a deploy to stg failed: there is no room for accounts"}
