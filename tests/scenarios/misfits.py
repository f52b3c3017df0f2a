"""Services of a few lines, for what goes wrong: nothing to install, up in a moment."""

from tests.scenarios.stand import Stand

PROGRAM = """\
import http.server
import os
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


class Answers(http.server.BaseHTTPRequestHandler):
    status = {status}

    def do_GET(self):
        body = b'"{said}"'
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


{first}
http.server.ThreadingHTTPServer(("0.0.0.0", {port}), Answers).serve_forever()
"""
OWN_PORT = 'int(os.environ.get("PORT", "8080"))'
DOCKERFILE = """\
ARG BASE_IMAGE=python:3.12-slim
FROM ${BASE_IMAGE}
WORKDIR /app
COPY serve.py .
EXPOSE 8080
CMD ["python3", "serve.py"]
"""


def service(
    stand: Stand, name: str, *, said: str = "well", first: str = "", port: str = OWN_PORT, status: int = 200
) -> None:
    """A service that answers everything with `said`. `first` is run before it listens, on `port`."""
    program = PROGRAM.format(said=said, first=first, port=port, status=status)
    stand.write(f"{name}/serve.py", program)
    stand.write(f"{name}/Dockerfile", DOCKERFILE)


def project(stand: Stand, name: str, *services: str, extra: str = "") -> None:
    lines = [f"name: {name}", f"targets: {{local: {{port: {stand.port}}}}}", "services:"]
    stand.write("culm.yml", "\n".join([*lines, *(f"  {each}: {{grace: 5}}" for each in services), extra]))
