"""docker/entrypoint.sh against an S3 that checks signatures with botocore, fetched by curl and by python3."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

BAMBOO = Path(__file__).parents[2] / "examples/bamboo"
SERVICES = sorted(path.parent.parent.name for path in BAMBOO.glob("*/docker/entrypoint.sh"))

KEY = Credentials("ASIAEXAMPLE", "se/cr+et=", "token/with+all==")
IDENTITY = json.dumps(
    {"AccessKeyId": KEY.access_key, "SecretAccessKey": KEY.secret_key, "Token": KEY.token, "Expiration": "2030-01-01"}
).replace("/", "\\/")  # as some servers write it

TOOLS = {
    name: shutil.which(name)
    for name in "sh dirname mktemp rm mv mkdir cat tr sed paste grep find sleep curl".split()  # noqa: SIM905
} | {"python3": sys.executable}

Vault = dict[str, str]


class S3(BaseHTTPRequestHandler):
    """One bucket, `vault`, and the credentials endpoint."""

    vault: Vault
    refused: set[str]
    broken: list[str]
    """What goes wrong with the next requests for objects: `500`, or `cut` for a body that ends too early."""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        query = dict(parse_qsl(urlsplit(self.path).query))
        if path == "/credentials":
            ok = self.headers["Authorization"] == "task-token"
            self.answer(*((200, IDENTITY) if ok else (401, "")))
        elif not self.is_signed():
            self.error(403, "SignatureDoesNotMatch")
        elif path == "/vault":
            keys = [key for key in self.vault if key.startswith(query["prefix"])]
            listed = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys)
            xml = '<?xml version="1.0"?>\n<ListBucketResult><IsTruncated>false</IsTruncated>'
            self.answer(200, f"{xml}{listed}</ListBucketResult>")
        elif not path.startswith("/vault/"):
            self.error(404, "NoSuchBucket")
        elif self.broken:
            broken = self.broken.pop()
            if broken == "cut":
                self.answer(200, "half", length=8)
                self.close_connection = True
            else:
                self.error(int(broken), "InternalError")
        elif path[7:] in self.refused:
            self.error(403, "AccessDenied")
        else:
            self.answer(200, self.vault[path[7:]])

    def is_signed(self) -> bool:
        """Sign the request again, as botocore does, and compare."""
        sent = self.headers["Authorization"]
        request = AWSRequest("GET", f"http://{self.headers['Host']}{self.path}")
        for name in re.search("SignedHeaders=([^,]*)", sent)[1].split(";"):
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = self.headers["x-amz-date"]
        judge = S3SigV4Auth(KEY, "s3", "eu-west-1")
        canonical = judge.canonical_request(request)
        signature = judge.signature(judge.string_to_sign(request, canonical), request)
        assert {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} <= {*request.headers}
        return sent.endswith(signature)

    def error(self, status: int, code: str) -> None:
        self.answer(status, f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>as told.</Message></Error>')

    def answer(self, status: int, body: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def s3() -> Iterator[ThreadingHTTPServer]:
    kind = type("S3", (S3,), {"vault": {}, "refused": set(), "broken": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A service as it is in an image, unpacked in some other place."""
    root = tmp_path / "image/app"
    shutil.copytree(BAMBOO / "orders/docker/conf", root / "conf")
    (root / "docker").mkdir()
    shutil.copy(BAMBOO / "orders/docker/entrypoint.sh", root / "docker")
    return root


@pytest.fixture(params=["curl", "python3"])
def run(request: pytest.FixtureRequest, folder: Path, s3: ThreadingHTTPServer) -> Callable[..., str]:
    """Run the entrypoint, with curl or with python3 alone; returns its stdout, and its stderr when it fails."""
    bin = folder.parents[1] / "bin"
    bin.mkdir()
    for tool, path in TOOLS.items():
        if path and (tool == request.param or tool not in ("curl", "python3")):
            (bin / tool).symlink_to(path)
    if request.param == "curl" and not re.match(r"curl (7\.(8[89]|9)|[89]|\d\d)", version_of(bin / "curl")):
        pytest.skip("curl is older than 7.88")

    def run(*command: str, **env: str) -> str:
        url = f"http://127.0.0.1:{s3.server_port}"
        ran = subprocess.run(
            [folder / "docker/entrypoint.sh", *(command or ("cat", "conf/database.url"))],
            cwd="/",
            env={
                "PATH": str(bin),
                "SERVICE": "orders",
                "MYENV": "stg",
                "VAULT": "s3://vault",
                "AWS_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL_S3": url,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "task-token",
                "http_proxy": "http://127.0.0.1:9",
                "no_proxy": "127.0.0.1",
                **env,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "secret" not in ran.stderr
        assert list((folder / "conf").glob(".new*")) == []
        if ran.returncode:
            assert (ran.returncode, ran.stdout) == (78, ""), ran.stderr
            return ran.stderr
        return ran.stdout

    return run


def version_of(curl: Path) -> str:
    return subprocess.run([curl, "--version"], capture_output=True, text=True).stdout if curl.exists() else ""


def whole() -> Vault:
    return {
        "stg/orders/database.url": "postgresql://stg\n",
        "stg/orders/load-balancer.url": "http://stg",
        "stg/orders/certs/ca.pem": "pem",
        "stg/orders-too/database.url": "another's",
        "prd/orders/database.url": "postgresql://prd\n",
    }


def conf(folder: Path) -> Vault:
    root = folder / "conf"
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_the_script_is_the_same_in_every_service():
    assert len(SERVICES) == 4
    assert len({(BAMBOO / service / "docker/entrypoint.sh").read_bytes() for service in SERVICES}) == 1


@pytest.mark.parametrize("script", ["docker/entrypoint.sh", "dkr-run.sh", "dkr-push.sh"])
def test_shellcheck_finds_nothing(script):
    shellcheck = Path(sys.executable).parent / "shellcheck"
    for service in SERVICES:
        subprocess.run([shellcheck, BAMBOO / service / script], check=True)


def test_without_myenv_the_configuration_of_the_image_is_used(run, folder):
    before = conf(folder)
    assert run("cat", "conf/database.url", MYENV="") == before["database.url"]
    assert conf(folder) == before


def test_the_command_gets_its_arguments_unchanged(run, s3):
    s3.RequestHandlerClass.vault = whole()
    assert run("sh", "-c", 'printf "%s|" "$@"', "sh", "a b", "", "*") == "a b||*|"


def test_the_files_of_the_environment_go_over_those_of_the_image(run, folder, s3):
    s3.RequestHandlerClass.vault = whole()
    settings = conf(folder)["settings.toml"]

    assert run() == "postgresql://stg\n"
    assert conf(folder) == {
        "database.url": "postgresql://stg\n",
        "load-balancer.url": "http://stg",
        "certs/ca.pem": "pem",
        "settings.toml": settings,
    }
    assert stat.S_IMODE(os.stat(folder / "conf/database.url").st_mode) == 0o600


def test_a_second_start_takes_what_has_changed(run, s3):
    s3.RequestHandlerClass.vault = whole()
    run()
    s3.RequestHandlerClass.vault["stg/orders/database.url"] = "postgresql://new"
    assert run() == "postgresql://new"


def test_passing_trouble_is_waited_out(run, s3):
    s3.RequestHandlerClass.vault = whole()
    s3.RequestHandlerClass.broken = ["cut", "500"]
    assert run() == "postgresql://stg\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"missing": "database.url"},
            "s3://vault/stg/orders/database.url does not exist.*try: put it there: aws s3 cp",
        ),
        (
            {"refused": "load-balancer.url"},
            "may not read s3://vault/stg/orders/load-balancer.url: AccessDenied.*s3:Get",
        ),
        ({"named": "../../run.sh"}, "cannot use s3://vault/stg/orders/../../run.sh: its name makes no plain file"),
        ({"named": "a b"}, "cannot use s3://vault/stg/orders/a b: its name"),
        ({"env": {"MYENV": "empty"}}, "s3://vault/empty/orders/database.url does not exist"),
        ({"env": {"VAULT": "s3://other"}}, "s3://other does not exist.*try: create the bucket, or correct VAULT"),
        ({"env": {"VAULT": ""}}, "MYENV is stg, but VAULT is ''.*try: set VAULT=s3://bucket"),
        ({"env": {"SERVICE": ""}}, "SERVICE is not set.*try: set it in the Dockerfile"),
        ({"env": {"MYENV": "a/../b"}}, "'s3://vault/a/../b/orders' is not a place in a bucket"),
        ({"env": {"AWS_REGION": "us-east-1"}}, "may not read s3://vault/stg/orders/: SignatureDoesNotMatch as told"),
        ({"env": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": ""}}, "no credentials to read s3://vault/stg/orders/ with"),
        ({"env": {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "x"}}, "no credentials from http://127.0.0.1:.*/credentials: "),
        ({"env": {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}}, "cannot reach s3://vault/stg/orders/ at http://127"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_failure_names_object_and_remedy_and_changes_nothing(run, folder, s3, change, said):
    vault = s3.RequestHandlerClass.vault = whole()
    before = conf(folder)
    match change:
        case {"missing": name}:
            del vault[f"stg/orders/{name}"]
        case {"refused": name}:
            s3.RequestHandlerClass.refused = {f"stg/orders/{name}"}
        case {"named": name}:
            vault[f"stg/orders/{name}"] = "x"

    complaint = run(**change.get("env", {}))

    assert re.search(said, complaint, re.DOTALL), complaint
    assert len(complaint.splitlines()) == 2, complaint
    assert conf(folder) == before


def test_neither_curl_nor_python3_is_said(run, folder, s3):
    for tool in ("curl", "python3"):
        (folder.parents[1] / "bin" / tool).unlink(missing_ok=True)
    assert "there is neither curl 7.88 nor python3" in run()
