"""Another project's AWS on loopback: moto's server, with what moto leaves to the world outside played beside it.

moto judges the calls: their names, parameters, order and answers are its own. What it has not is here:

- machines (`machines.py`): moto keeps tasks and services as records, nobody runs them;
- members of ECS's answers that moto forgets, and the history of services' deploys (`ecs.py`, `rolls.py`);
- a registry: moto serves ECR's API, not `/v2/`. The front takes pushes as ECR does, by ECR's own API operations.

There are two accounts, ACCOUNT and OTHER: whose keys sign a request says which it is about, and each has a registry at
an address of its own, as Amazon's have.
"""

import hashlib
import io
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import boto3
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.ecs.exceptions import ECSException
from moto.iam.models import get_account_id_from
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from tests.amazon.ecs import Ecs
from tests.amazon.machines import Machines
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

ACCOUNT, OTHER = "123456789012", "999988887777"
REGION = "us-east-1"
SIGNED_BY = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/")
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html"""
Answer = Iterable[bytes]


class Quiet(MotoRequestHandler):
    """Writes no line for each request: some tests make hundreds, and `--trace` has them all."""

    def log_request(self, *_: Any) -> None:
        pass


class Amazon:
    """`url` is the endpoint; `machines` plays the first account's container instances and ECS's service scheduler."""

    def __init__(self) -> None:
        self.pushes: list[str] = []
        """What was sent to a registry: `blob` or `manifest`, and where."""
        self._clients: dict[tuple[str, str], Any] = {}
        self._blobs: dict[str, bytes] = {}
        """By digest; moto keeps their digests alone."""
        self._parts: dict[str, bytes] = {}
        """What has arrived of blobs that are being sent, by upload."""
        self._ecs: dict[tuple[str, str], Ecs] = {}
        """By account and region."""
        self.empty()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._servers = {
            account: make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
            for account in (ACCOUNT, OTHER)
        }
        self._registries = {account: f"127.0.0.1:{server.server_port}" for account, server in self._servers.items()}
        self._acting = threading.Lock()
        """moto's records are not made for two threads at a time."""
        self.url = f"http://{self._registries[ACCOUNT]}"

    @property
    def machines(self) -> Machines:
        return self.ecs(ACCOUNT, REGION).machines

    def empty(self) -> None:
        """Accounts as they are on their first day."""
        BackendDict.reset()
        self._ecs.clear()
        self.pushes.clear()

    def fail_launches(self, reason: str) -> None:
        """From now on auto scaling groups of the first account start nothing, for this reason; empty: they do."""
        self.backend("autoscaling").launch_failure = reason

    def client(self, service: str, region: str = REGION, account: str = ACCOUNT) -> Any:
        """A boto3 client of an account's owner; the first one's are made once, which takes a twentieth of a second."""
        if account != ACCOUNT:  # moto keeps an account for each number; the keys of a role are of the role's
            role = f"arn:aws:iam::{account}:role/owner"
            given = self.client("sts").assume_role(RoleArn=role, RoleSessionName="owner")["Credentials"]
            keys = {"aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"]}
            keys["aws_session_token"] = given["SessionToken"]
            return boto3.client(service, endpoint_url=self.url, region_name=region, **keys)  # type: ignore[call-overload]
        if (service, region) not in self._clients:
            keys = {"aws_access_key_id": "AKIAOWNER", "aws_secret_access_key": "secret"}
            made = boto3.client(service, endpoint_url=self.url, region_name=region, **keys)  # type: ignore[call-overload]
            self._clients[service, region] = made
        return self._clients[service, region]

    def launch(self, count: int = 2, account: str = ACCOUNT, region: str = REGION) -> None:
        """What an auto scaling group does."""
        self.client("ec2", region, account).run_instances(
            ImageId="ami-12c6146b", InstanceType="t2.micro", MinCount=count, MaxCount=count
        )

    @staticmethod
    def backend(service: Any, account: str = ACCOUNT, region: str = REGION) -> Any:
        return get_backend(service)[account]["global" if service in ("iam", "s3") else region]  # type: ignore[index]

    def ecs(self, account: str, region: str) -> Ecs:
        """What is played of ECS there."""
        if (account, region) not in self._ecs:
            self._ecs[account, region] = Ecs(*(self.backend(name, account, region) for name in ("ecs", "ec2", "elbv2")))
        return self._ecs[account, region]

    def serve(self) -> None:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def close(self) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Answer:
        with self._acting:
            if environ["PATH_INFO"].startswith("/v2/"):
                return self._registered(Request(environ))(environ, start)
            signed = SIGNED_BY.search(environ.get("HTTP_AUTHORIZATION", ""))
            account = get_account_id_from(signed["key"]) if signed else ACCOUNT
            region = signed["region"] if signed else REGION
            service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
            if service.startswith("AmazonEC2ContainerServiceV"):
                return self._of_ecs(self.ecs(account, region), operation, environ, start)
            answer = list(self._moto(environ, start))
            for repository in self.backend("ecr", account, region).repositories.values():
                repository.uri = f"{self._registries.get(account, self._registries[ACCOUNT])}/{repository.name}"
            return answer

    def _of_ecs(self, ecs: Ecs, operation: str, environ: dict[str, Any], start: Callable[..., Any]) -> Answer:
        data = Request(environ).get_data()
        environ["wsgi.input"] = io.BytesIO(data)
        asked = json.loads(data or b"{}")
        ecs.machines.act(operation, asked)
        if operation in ecs.served:
            try:
                status, told = 200, ecs.served[operation](asked)
            except ECSException as refusal:
                status, told = 400, {"__type": refusal.code, "message": str(refusal.message)}
            return Response(json.dumps(told), status, mimetype="application/x-amz-json-1.1")(environ, start)
        ran = ecs.runs(asked)
        answer = list(self._moto(environ, start))
        ecs.answered(operation, asked, ran)
        return answer

    def _registered(self, request: Request) -> Response:
        """https://github.com/opencontainers/distribution-spec/blob/main/spec.md, as far as pushes and pulls go."""
        path = request.path.removeprefix("/v2/")
        if not path:  # an engine asks first whether this is a registry
            return Response("{}", mimetype="application/json")
        name = re.split(r"/(?:blobs|manifests)/", path)[0]
        ecr = self._registry(request.host, name)
        if "/blobs/uploads/" in path:
            return self._uploaded(ecr, request, *path.split("/blobs/uploads/"))
        if "/blobs/" in path:
            name, _, digest = path.partition("/blobs/")
            there = ecr.batch_check_layer_availability(name, [digest])["layers"]
            if not there or request.method == "HEAD":
                size = {"Content-Length": str(len(self._blobs.get(digest, b"")))}
                return Response(status=200, headers=size) if there else Response(status=404)
            return Response(self._blobs[digest])
        name, _, tag = path.partition("/manifests/")
        if request.method in ("GET", "HEAD"):
            for image in ecr.repositories[name].images:
                if tag in (digest := image.get_image_digest(), *image.image_tags):
                    named = {"Docker-Content-Digest": digest}
                    return Response(image.image_manifest, headers=named, mimetype=image.image_manifest_media_type)
            return Response(status=404)
        manifest = request.get_data()
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        ecr.put_image(name, manifest.decode(), tag, request.content_type, digest)
        self.pushes.append(f"manifest {name}")
        return Response(status=201, headers={"Docker-Content-Digest": digest})

    def _uploaded(self, ecr: Any, request: Request, name: str, upload: str) -> Response:
        """A blob comes whole with PUT, as culm sends it, or with PATCH before, as an engine does."""
        if request.method == "POST":
            upload = ecr.initiate_layer_upload(name)["uploadId"]
        where = {"Location": f"http://{request.host}/v2/{name}/blobs/uploads/{upload}", "Docker-Upload-UUID": upload}
        if request.method == "POST":
            return Response(status=202, headers={**where, "Range": "0-0"})
        self._parts[upload] = self._parts.get(upload, b"") + request.get_data()
        if request.method == "PATCH":
            return Response(status=202, headers={**where, "Range": f"0-{len(self._parts[upload]) - 1}"})
        data, digest = self._parts.pop(upload), parse_qs(request.query_string.decode())["digest"][0]
        ecr.upload_layer_part(name, upload, 0, len(data) - 1, data)
        same = ecr.complete_layer_upload(name, upload, [digest])["layerDigest"] == digest
        self._blobs[digest] = data
        self.pushes.append(f"blob {name}")
        return Response(status=201 if same else 400, headers={"Docker-Content-Digest": digest})

    def _registry(self, host: str, name: str) -> Any:
        """ECR of the account at this address, in the region that has the repository."""
        account = next((each for each, address in self._registries.items() if address == host), ACCOUNT)
        regions = get_backend("ecr")[account]
        return next((each for each in regions.values() if name in each.repositories), regions[REGION])


@contextmanager
def amazon() -> Iterator[Amazon]:
    made = Amazon()
    made.serve()
    try:
        yield made
    finally:
        made.close()
