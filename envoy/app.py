"""The application of docker-compose.yaml: answers with what it was sent, so that one sees what Envoy passes on.

Its log has the first line of each request and no header, so no token. /health is not logged.
"""

import http.server
import json
import sys


class Echo(http.server.BaseHTTPRequestHandler):
    def body(self):
        if self.headers.get("transfer-encoding") is None:
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def answer(self):
        sent = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers),
            "body": self.body().decode(errors="replace"),
        }
        answer = (json.dumps(sent, indent=2) + "\n").encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = answer

    def log_request(self, *details):
        if self.path != "/health":
            super().log_request(*details)


http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Echo).serve_forever()
