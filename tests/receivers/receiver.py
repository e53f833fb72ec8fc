# A receiver of the widespread kind, on http.server: token, then the signature of the raw body.

import hashlib
import hmac
import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class AfterCall(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, text = self.check(raw)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text)

    def check(self, raw: bytes) -> tuple[int, bytes]:
        secret = os.environ["WEBHOOK_SECRET"]
        token = self.headers.get("X-Webhook-Token", "")
        if token != secret:
            return 401, b"unauthorized"
        sig = self.headers.get("X-Webhook-Signature")
        if sig:
            h = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(h, sig):
                return 401, b"bad signature"
        return 200, b"ok"

    def log_message(self, format: str, *args: object) -> None:
        pass


server = HTTPServer(("127.0.0.1", 0), AfterCall)
print(server.server_port, flush=True)  # noqa: T201 - the test reads it
server.serve_forever()
