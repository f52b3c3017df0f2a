"""Another project's AWS on loopback: moto's server, with what moto leaves to the world outside played beside it.

moto judges the calls: their names, parameters, order and answers are its own. What it has not is here:

- the history of services' deploys, which moto does not keep (`rolls.py`);
- machines (`machines.py`): moto keeps tasks and services as records, nobody runs them;
- a registry: moto serves ECR's API, not `/v2/`. The front takes pushes as ECR does, by ECR's own API operations;
- some members of answers that AWS gives back and moto forgets (`FORGOTTEN`).
"""

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import boto3
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.utils import camelcase_to_underscores
from moto.ecs.exceptions import EcsClientException, ECSException, InvalidParameterException, ServiceNotFoundException
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from tests.amazon.machines import Machines
from tests.amazon.rolls import ACTIVE
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

ACCOUNT = "123456789012"
REGION = "us-east-1"
FORGOTTEN = (
    "placementStrategy",
    "healthCheckGracePeriodSeconds",
    "availabilityZoneRebalancing",
    "deploymentConfiguration",
)
"""Members of ecs.CreateService that moto's DescribeServices does not give back."""
MOST_REVISIONS = 20
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html"""
Answer = Iterable[bytes]


class Quiet(MotoRequestHandler):
    """Writes no line for each request: some tests make hundreds, and `--trace` has them all."""

    def log_request(self, *_: Any) -> None:
        pass


class Amazon:
    """An account. `url` is its endpoint; `machines` plays its container instances and ECS's service scheduler."""

    def __init__(self) -> None:
        self.pushes: list[str] = []
        """What was sent to the registry: `blob` or `manifest`, and where."""
        self._clients: dict[str, Any] = {}
        self._blobs: dict[str, bytes] = {}
        """By digest; moto keeps their digests alone."""
        self.empty()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self._registry = f"127.0.0.1:{self._server.server_port}"
        self._acting = threading.Lock()
        """moto's records are not made for two threads at a time."""
        self.url = f"http://{self._registry}"

    def empty(self) -> None:
        """An account as it is on its first day."""
        BackendDict.reset()
        self.machines = Machines(self.backend("ecs"), self.backend("ec2"), self.backend("elbv2"))
        self.pushes.clear()

    def client(self, service: str) -> Any:
        """A boto3 client of the account's owner; each is made once, which takes a twentieth of a second."""
        if service not in self._clients:
            keys: Any = {"aws_access_key_id": "AKIAOWNER", "aws_secret_access_key": "secret"}
            self._clients[service] = boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)  # type: ignore[call-overload]
        return self._clients[service]

    def launch(self, count: int = 2, instance_type: str = "t2.micro") -> None:
        """What an auto scaling group does."""
        self.client("ec2").run_instances(
            ImageId="ami-12c6146b", InstanceType=instance_type, MinCount=count, MaxCount=count
        )

    @staticmethod
    def backend(service: Any) -> Any:
        return get_backend(service)[ACCOUNT]["global" if service in ("iam", "s3") else REGION]  # type: ignore[index]

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Answer:
        with self._acting:
            if environ["PATH_INFO"].startswith("/v2/"):
                return self._registered(Request(environ))(environ, start)
            operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
            if environ.get("HTTP_X_AMZ_TARGET", "").startswith("AmazonEC2ContainerServiceV"):
                data = Request(environ).get_data()
                environ["wsgi.input"] = io.BytesIO(data)
                body = json.loads(data or b"{}")
                self.machines.act(operation, body)
                played = {
                    "ListTasks": self._tasks,
                    "ListServiceDeployments": self._deployments,
                    "DescribeServiceRevisions": self._revisions,
                    "StopServiceDeployment": self._stop_deployment,
                }
                if operation in played:
                    try:
                        status, told = 200, played[operation](body)
                    except ECSException as refusal:
                        status, told = 400, {"__type": refusal.code, "message": str(refusal.message)}
                    answer = Response(json.dumps(told), status, mimetype="application/x-amz-json-1.1")
                    return answer(environ, start)
                before = self._runs(body)
                answered = list(self._moto(environ, start))
                if operation in ("CreateService", "UpdateService"):
                    self._remember(body, before)
                if operation == "RegisterTaskDefinition":
                    self._sign(body["family"])
                return answered
            answer = list(self._moto(environ, start))
            for repository in self.backend("ecr").repositories.values():
                repository.uri = f"{self._registry}/{repository.name}"
            return answer

    def _sign(self, family: str) -> None:
        """When a task definition was registered, and by whom, which moto forgets."""
        newest = list(self.backend("ecs").task_definitions[family].values())[-1]
        newest.registered_at, newest.registered_by = datetime.now(UTC), f"arn:aws:iam::{ACCOUNT}:user/ada"

    def _service(self, asked: dict[str, Any]) -> Any:
        """The service that a request names; None: there is none."""
        name = str(asked.get("serviceName") or asked.get("service") or "").rpartition("/")[2]
        return self.backend("ecs").services.get(f"{asked.get('cluster', 'default').rpartition('/')[2]}:{name}")

    def _runs(self, asked: dict[str, Any]) -> str | None:
        service = self._service(asked)
        return service and service.task_definition

    def _remember(self, asked: dict[str, Any], before: str | None) -> None:
        """Keep what moto forgets of a service, and write down that a deploy of it has begun."""
        service = self._service(asked)
        if service is None:
            return
        for member in FORGOTTEN:
            if member in asked:
                setattr(service, camelcase_to_underscores(member), asked[member])
        if service.task_definition != before or asked.get("forceNewDeployment"):
            self.machines.rolls.begin(service)

    def _deployments(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As ecs.ListServiceDeployments: newest first."""
        service = self._service(asked)
        if service is None:
            raise ServiceNotFoundException
        wanted = asked.get("status") or None
        rolls = [roll for roll in reversed(self.machines.rolls.of(service)) if not wanted or roll.status in wanted]
        return {"serviceDeployments": [roll.brief() for roll in rolls]}

    def _revisions(self, asked: dict[str, Any]) -> dict[str, Any]:
        arns = asked["serviceRevisionArns"]
        if len(arns) > MOST_REVISIONS:
            raise InvalidParameterException(f"serviceRevisionArns: at most {MOST_REVISIONS}")
        known = {roll.revision_arn: roll for roll in self.machines.rolls.made}
        missing = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known]
        return {"serviceRevisions": [known[arn].revision() for arn in arns if arn in known], "failures": missing}

    def _stop_deployment(self, asked: dict[str, Any]) -> dict[str, Any]:
        arn = asked["serviceDeploymentArn"]
        for service in self.backend("ecs").services.values():
            rolls = self.machines.rolls.of(service)
            if rolls and rolls[-1].arn == arn and rolls[-1].status in ACTIVE and self.machines.rolls.go_back(service):
                return {"serviceDeploymentArn": arn}
        raise EcsClientException("The service deployment cannot be stopped.")

    def _tasks(self, asked: dict[str, Any]) -> dict[str, list[str]]:
        """As ecs.ListTasks: moto's does not know services, gives stopped tasks to who asks for none, and takes a
        cluster whose name begins with another one's for that one.
        """
        found = self.backend("ecs").list_tasks(
            asked.get("cluster"),
            asked.get("containerInstance"),
            asked.get("family"),
            asked.get("startedBy"),
            None,
            asked.get("desiredStatus", "RUNNING"),
        )
        group = f"service:{asked['serviceName']}" if "serviceName" in asked else None
        cluster = asked.get("cluster", "default").rpartition("/")[2]
        own = [task for task in found if task.cluster_arn.endswith(f"/{cluster}")]
        return {"taskArns": [task.task_arn for task in own if group in (None, task.group)]}

    def _registered(self, request: Request) -> Response:
        """https://github.com/opencontainers/distribution-spec/blob/main/spec.md, as far as pushes and pulls go."""
        ecr = self.backend("ecr")
        path = request.path.removeprefix("/v2/")
        if "/blobs/uploads/" in path:
            name, _, upload = path.partition("/blobs/uploads/")
            if request.method == "POST":
                made = ecr.initiate_layer_upload(name)["uploadId"]
                return Response(status=202, headers={"Location": f"/v2/{name}/blobs/uploads/{made}"})
            data, digest = request.get_data(), parse_qs(request.query_string.decode())["digest"][0]
            ecr.upload_layer_part(name, upload, 0, len(data) - 1, data)
            same = ecr.complete_layer_upload(name, upload, [digest])["layerDigest"] == digest
            self._blobs[digest] = data
            self.pushes.append(f"blob {name}")
            return Response(status=201 if same else 400)
        if "/blobs/" in path:
            name, _, digest = path.partition("/blobs/")
            there = ecr.batch_check_layer_availability(name, [digest])["layers"]
            if not there or request.method == "HEAD":
                return Response(status=200 if there else 404)
            return Response(self._blobs[digest])
        name, _, tag = path.partition("/manifests/")
        if request.method == "GET":
            for image in ecr.repositories[name].images:
                if tag in (image.get_image_digest(), *image.image_tags):
                    return Response(image.image_manifest, mimetype=image.image_manifest_media_type)
            return Response(status=404)
        manifest = request.get_data()
        ecr.put_image(
            name, manifest.decode(), tag, request.content_type, f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        )
        self.pushes.append(f"manifest {name}")
        return Response(status=201)


@contextmanager
def amazon() -> Iterator[Amazon]:
    made = Amazon()
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join()
