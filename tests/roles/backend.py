"""What stands behind the proxy in its tests: tells what it was asked, is slow, takes uploads.

Runs on the host: ``python3 backend.py PORT``.
"""

import http.server
import json
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(0)

    def do_POST(self) -> None:
        left = length = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self._answer(length)

    def _answer(self, received: int) -> None:
        if self.path.endswith("/slow"):
            time.sleep(3)
        status = {"/eproc4/login": 302, "/eproc4/error": 500, "/eproc4/gone": 504}.get(
            self.path, 200
        )
        body = json.dumps(
            {"path": self.path, "received": received, "headers": dict(self.headers)}
        ).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"http://{self.headers['Host']}/eproc4/home?x=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
