"""The shop's front: a page with what the API knows. Standard library alone."""

import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API = os.environ["API"]


class Front(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(200, "well\n")
            return
        if self.path != "/":
            self.answer(404, "no such page\n")
            return
        with urllib.request.urlopen(f"{API}/orders", timeout=5) as response:
            orders = json.load(response)
        self.answer(200, f"orders: {orders['waiting']} waiting, {orders['done']} done\n")

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    address = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8000"))
    ThreadingHTTPServer(address, Front).serve_forever()
