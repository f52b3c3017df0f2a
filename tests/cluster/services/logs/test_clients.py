"""Other people's clients against the real server: both generations of the AWS CLI, and Docker's awslogs driver."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import pytest
from tests.serving import served

from culm.cluster import clock

KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
ENVIRONMENT = {
    **os.environ,
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
CLI_1 = str(Path(sys.executable).with_name("aws"))
CLI_2 = "/usr/bin/aws"


class Logs:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.client = boto3.client("logs", endpoint_url=endpoint, region_name="us-east-1", **KEYS)
        self.client.create_log_group(logGroupName="g")
        for stream in ("app/1", "app/2"):
            self.client.create_log_stream(logGroupName="g", logStreamName=stream)

    def put(self, stream, *events):
        batch = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
        self.client.put_log_events(logGroupName="g", logStreamName=stream, logEvents=batch)

    def messages(self):
        return [event["message"] for event in self.client.filter_log_events(logGroupName="g")["events"]]


@pytest.fixture
def logs(tmp_path):
    with served(tmp_path) as endpoint:
        yield Logs(endpoint)


@pytest.fixture
def now_ms():
    return int(clock.now() * 1000)


def test_the_first_cli_searches_over_pages(logs, now_ms):
    logs.put("app/1", (now_ms - 3, "ERROR a"), (now_ms - 1, "INFO"))
    logs.put("app/2", (now_ms - 2, "ERROR b"))
    command = [CLI_1, "--endpoint-url", logs.endpoint, "logs", "filter-log-events", "--log-group-name", "g"]
    command += ["--filter-pattern", "ERROR", "--page-size", "1"]

    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=60, check=True)

    assert [event["message"] for event in json.loads(done.stdout)["events"]] == ["ERROR a", "ERROR b"]


@pytest.mark.skipif(not shutil.which(CLI_2), reason="needs version 2 of the AWS CLI from Debian")
def test_the_second_cli_follows(logs, now_ms):
    logs.put("app/1", (now_ms - 2000, "first"))
    command = [CLI_2, "--endpoint-url", logs.endpoint, "logs", "tail", "g", "--follow", "--since", "1h"]
    command += ["--format", "short"]
    with subprocess.Popen(
        command, env={**ENVIRONMENT, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    ) as tail:
        limit = threading.Timer(60, tail.kill)
        limit.start()
        try:
            assert tail.stdout.readline().endswith("first\n")
            logs.put("app/2", (now_ms - 1000, "second"))
            logs.put("app/1", (now_ms, "third"))
            assert [tail.stdout.readline().split()[-1] for _ in range(2)] == ["second", "third"]
        finally:
            limit.cancel()
            tail.kill()


class Credentials(http.server.BaseHTTPRequestHandler):
    """What a task's credentials endpoint says, to whoever asks."""

    def do_GET(self):
        answer = {"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c", "Expiration": "2099-01-01T00:00:00Z"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def credentials():
    """The path of a credentials endpoint at 169.254.170.2:80, where Docker's driver looks, as on an ECS instance."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("needs root and iproute2 to take the address 169.254.170.2")
    added = subprocess.run(["ip", "address", "add", "169.254.170.2/32", "dev", "lo"], capture_output=True)
    with http.server.ThreadingHTTPServer(("169.254.170.2", 80), Credentials) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield "/v2/credentials/1"
        server.shutdown()
        thread.join()
    if added.returncode == 0:
        subprocess.run(["ip", "address", "del", "169.254.170.2/32", "dev", "lo"], check=True)


@pytest.mark.docker
def test_docker_streams_a_container_into_its_own_stream(logs, credentials):
    options = {
        "awslogs-endpoint": logs.endpoint,
        "awslogs-credentials-endpoint": credentials,
        "awslogs-region": "us-east-1",
        "awslogs-group": "g",
        "awslogs-stream": "app/3",
    }
    command = ["docker", "run", "--rm", "--log-driver", "awslogs"]
    for name, value in options.items():
        command += ["--log-opt", f"{name}={value}"]
    command += ["culm-base:bookworm", "sh", "-c", "echo one; echo; echo two"]

    subprocess.run(command, capture_output=True, timeout=60, check=True)

    assert logs.messages() == ["one", "two"]
    (stream,) = logs.client.describe_log_streams(logGroupName="g", logStreamNamePrefix="app/3")["logStreams"]
    assert stream["logStreamName"] == "app/3"
