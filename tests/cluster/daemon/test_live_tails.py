"""Live tails over a real socket, with a client of AWS's own."""

import socket
import threading

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from culm.cluster import clock, operations
from culm.cluster.daemon.live_tails import LiveTails, claims
from culm.cluster.daemon.server import Server
from culm.cluster.store.db import Store
from culm.cluster.store.sealing import Sealer
from culm.cluster.wire.api import Api
from culm.cluster.wire.asgi import answering, application

G = "arn:aws:logs:us-east-1:000000000000:log-group:g"


@pytest.fixture
def logs(tmp_path):
    operations.load("logs")
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    store = Store(tmp_path / "state.db", Sealer.fresh())
    api = Api(region="us-east-1", endpoint=url, now=clock.now, new_id=clock.new_id)
    answer = answering(api, store, wake=lambda service: None)
    mounts = [(claims, LiveTails(api, store, now=clock.now, every=0.01))]
    server = Server(application(answer, mounts), answer)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield botocore.session.Session().create_client(
        "logs",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False),
    )
    server.should_exit = True
    thread.join()
    listener.close()
    store.close()


def test_events_arrive_while_the_response_goes_on(logs):
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    stream = logs.start_live_tail(logGroupIdentifiers=[G])["responseStream"]
    events = iter(stream)
    assert next(events)["sessionStart"]["logGroupIdentifiers"] == [G]
    assert next(events)["sessionUpdate"]["sessionResults"] == []

    at = int(clock.now() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": at, "message": "hello"}])

    (result,) = next(results for each in events if (results := each["sessionUpdate"]["sessionResults"]))
    assert (result["message"], result["logStreamName"], result["timestamp"]) == ("hello", "s", at)
    stream.close()
    with pytest.raises(ClientError, match="The specified log group does not exist"):
        logs.start_live_tail(logGroupIdentifiers=[f"{G}x"])
