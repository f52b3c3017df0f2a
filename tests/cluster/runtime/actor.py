"""The program in the test images: it does what actor.json beside it says. `actor.py listen ADDRESS:PORT | ...`."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SICK = os.path.join(HERE, "sick")


def main(words: list[str]) -> int:
    with open(os.path.join(HERE, "actor.json")) as file:
        part = json.load(file)
    if words[:1] == ["probe"]:
        return int(part["health"] != "HEALTHY" or os.path.exists(SICK))
    if words[:1] == ["sicken"]:
        with open(SICK, "w"):
            return 0
    if words[:1] == ["fail"]:
        print("told to fail")
        return 3
    signal.signal(signal.SIGTERM, (lambda *_: os._exit(143)) if part["obeys_sigterm"] else signal.SIG_IGN)
    sys.stdout.buffer.write(base64.b64decode(part["output"]))
    if part["describes"]:
        told = {"argv": words, "env": dict(os.environ), "cwd": os.getcwd(), "uid": os.getuid()}
        print(json.dumps(told))
    sys.stdout.flush()
    if words[:1] == ["listen"]:
        listen(words[1])
    if part["leaves"]:
        subprocess.Popen([sys.executable, "-c", part["leaves"]], start_new_session=True)
    held = bytearray(part["memory"] * 1024 * 1024)
    for at in range(0, len(held), 4096):
        held[at] = 1
    if part["exit_code"] is not None:
        return int(part["exit_code"])
    while True:
        time.sleep(3600)


def listen(endpoint: str) -> None:
    address, _, port = endpoint.rpartition(":")
    server = socket.create_server((address, int(port)))

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            connection.sendall(b"hello")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()


sys.exit(main(sys.argv[1:]))
