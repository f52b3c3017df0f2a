"""The API and the registry in TLS, with clients that check whom they speak to."""

import asyncio
import contextlib
import socket
import ssl
import threading
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError

from culm.cluster import clock, operations
from culm.cluster.daemon import https
from culm.cluster.daemon.server import Server
from culm.cluster.registry.app import application as registry_application
from culm.cluster.registry.registry import Registry
from culm.cluster.store.db import Store
from culm.cluster.store.sealing import Sealer
from culm.cluster.wire.api import Api
from culm.cluster.wire.asgi import answering, application


def issue(store, now):
    return asyncio.run(store.run(lambda db: https.issue(db, ["127.0.0.1"], now)))


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of an API in TLS; its authority's certificate is in `authority.pem` beside the fixture's folder."""
    home = tmp_path_factory.mktemp("https")
    operations.load("ecs")
    operations.load("s3")
    listener = socket.create_server(("127.0.0.1", 0))
    at = listener.getsockname()[1]
    store = Store(home / "state.db", Sealer.fresh())
    api = Api(region="us-east-1", endpoint=f"https://localhost:{at}", now=clock.now, new_id=clock.new_id)
    answer = answering(api, store, wake=lambda service: None)
    registry = registry_application(Registry(store, home / "registry", now=clock.now, new_id=clock.new_id))
    app = application(answer, [(lambda scope: scope["path"].startswith("/v2/"), registry)])
    issued = issue(store, clock.now())
    server = Server(app, answer, https.context(home, *issued))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield at, home
    server.should_exit = True
    thread.join()
    listener.close()
    store.close()


@contextlib.contextmanager
def client(service, url, trusted):
    made = boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        verify=trusted,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    with contextlib.closing(made):
        yield made


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_clients_that_trust_the_authority_are_served_by_name_and_by_address(port, name):
    at, home = port
    trusted = str(home / https.AUTHORITY_FILE)
    with client("ecs", f"https://{name}:{at}", trusted) as ecs:
        ecs.create_cluster(clusterName=name.replace(".", "-"))
        assert any(name.replace(".", "-") in each for each in ecs.list_clusters()["clusterArns"])


def test_a_large_body_goes_there_and_back(port):
    at, home = port
    body = bytes(range(256)) * 8192
    with client("s3", f"https://localhost:{at}", str(home / https.AUTHORITY_FILE)) as s3:
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=body)
        assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == body


def test_the_registry_asks_for_a_password_there_as_well(port):
    at, home = port
    trusting = ssl.create_default_context(cafile=home / https.AUTHORITY_FILE)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"https://localhost:{at}/v2/", context=trusting)
    refused.value.close()
    assert refused.value.code == 401
    assert refused.value.headers["WWW-Authenticate"].startswith(f'Basic realm="https://localhost:{at}/"')


def test_who_does_not_trust_the_authority_sends_nothing(port):
    at, _ = port
    with client("ecs", f"https://localhost:{at}", None) as ecs, pytest.raises(SSLError):
        ecs.list_clusters()


def test_the_private_key_does_not_stay_on_the_disk(port):
    _, home = port
    assert not [file for file in home.iterdir() if file.is_file() and b"PRIVATE KEY" in file.read_bytes()]
    assert (home / https.AUTHORITY_FILE).stat().st_mode & 0o077 == 0


def test_the_authority_stays_the_one_that_acm_uses(tmp_path):
    store = Store(tmp_path / "state.db", Sealer.fresh())
    (first, authority), (second, authority_again) = issue(store, 1.0), issue(store, 2.0)
    assert authority == authority_again
    assert first.private_key != second.private_key
    store.close()
