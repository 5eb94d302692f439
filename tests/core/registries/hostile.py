"""A server that behaves as a test says, and what it was sent."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Callable

from mzbuild.core.registries.addresses import Registry


@dataclass
class Hostile:
    """A server on this machine; `requests` has each method, with headers and body."""

    port: int
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def registry(self) -> Registry:
        return Registry("r", f"localhost:{self.port}")

    @property
    def seen(self) -> str:
        """All that it was sent."""
        return "\n".join(" ".join(request) for request in self.requests)


class Exchange(http.server.BaseHTTPRequestHandler):
    """A request to the server, with what it takes to answer it."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def hostile(behave: Callable[[Exchange], None]) -> Iterator[Hostile]:
    """The server, whose answer to each request `behave` gives."""

    class Handler(Exchange):
        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            running.requests.append((self.command, str(self.headers), body))
            with contextlib.suppress(OSError):
                behave(self)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_request  # noqa: N815  # http.server's.

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = Hostile(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield running
        finally:
            server.shutdown()
