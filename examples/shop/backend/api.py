"""The shop's API. The load balancer takes /api away: what people ask for as /api/orders arrives as /orders."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orders


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(200, {"status": "well"})
        elif self.path == "/orders":
            self.answer(200, orders.counts())
        else:
            self.answer(404, {"error": f"no {self.path}"})

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode(errors="replace")
        self.answer(201, {"id": orders.add(text)})

    def answer(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    address = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8000"))
    ThreadingHTTPServer(address, Api).serve_forever()
