"""A local preview of the site, as a host of static files would show it."""

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmark.errors import CallError

HOST = "127.0.0.1"
MISSING = "404.html"


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder; the site's own page where there is none."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The site's own page for what is missing."""
        page = Path(self.directory) / MISSING
        if code != HTTPStatus.NOT_FOUND or not page.is_file():
            super().send_error(code, message, explain)
            return
        body = page.read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of `folder` for this machine alone, not yet serving."""
    try:
        return ThreadingHTTPServer((HOST, port), partial(Handler, directory=str(folder.resolve())))
    except (OSError, OverflowError) as problem:
        raise CallError(
            f"--port {port}: {problem}; choose another, or 0 for a free one"
        ) from problem
