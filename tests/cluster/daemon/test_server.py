"""The daemon's HTTP server, where it differs from uvicorn's."""

import asyncio
import os
import resource
import socket

from tests.traffic import eventually

from culm.cluster.daemon.server import ACCEPTED_AT_ONCE, Server

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


async def answers(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_while_no_more_files_can_be_opened_accepting_pauses_and_then_goes_on(monkeypatch):
    monkeypatch.setattr(asyncio.constants, "ACCEPT_RETRY_DELAY", 0.2)
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["message"]))
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(answers, lambda *_: None)  # nothing of the AWS API is asked for here
    serving = asyncio.create_task(server.serve([listening]))
    await eventually(lambda: server.started, 5)
    clients = [socket.create_connection(listening.getsockname()) for _ in range(5)]  # the kernel takes them
    for client in clients:
        client.sendall(REQUEST)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)  # the kernel gives the lowest number that is free, and none from the limit on
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        await eventually(lambda: bool(failures), 5)
        assert len(failures) <= ACCEPTED_AT_ONCE, "it pauses after one round"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for client in clients:
        client.setblocking(False)
        got = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100), 10)
        assert got.startswith(b"HTTP/1.1 200 OK")
        client.close()
    server.should_exit = True
    await serving
    listening.close()
