"""A proxy in front of a registry that does to its answers what networks and bad days do.

What it is told to do, it does so many times to the requests that match, and passes all others on.
It keeps what it was asked for, so that a test can count.
"""

from __future__ import annotations

import http.client
import http.server
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Request:
    """A request that came, complete with its body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer, complete with its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def to_bytes(self, method: str) -> bytes:
        """The answer as it is sent to a request of this method."""
        length = {} if "Content-Length" in self.headers else {"Content-Length": len(self.body)}
        lines = [f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Strange')}"]
        lines += [f"{name}: {value}" for name, value in {**length, **self.headers}.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        return head if method == "HEAD" else head + self.body


# Given a connection, a request and what gets the registry's answer to it: answers or fails, and
# returns whether the connection is still good.
Fault = Callable[[socket.socket, Request, Callable[[], Answer]], bool]


def answer(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answers with a status, and does not ask the registry. `Retry_After="1"` is a header."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(connection: socket.socket, request: Request, ask: Callable[[], Answer]) -> bool:
        connection.sendall(Answer(status, fields, body).to_bytes(request.method))
        return True

    return fault


def accept_then_fail(status: int = 500) -> Fault:
    """Has the registry do what is asked for, and then answers as if it had failed."""

    def fault(connection: socket.socket, request: Request, ask: Callable[[], Answer]) -> bool:
        ask()
        return answer(status)(connection, request, ask)

    return fault


def truncate(connection: socket.socket, request: Request, ask: Callable[[], Answer]) -> bool:
    """Ends half-way through the body; where there is none, after the first line."""
    content = ask().to_bytes(request.method)
    head, body = content.split(b"\r\n\r\n", 1)
    end = len(content) - len(body) // 2 - 1 if body else head.index(b"\r\n") + 2
    connection.sendall(content[:end])
    return False


def reset(connection: socket.socket, request: Request, ask: Callable[[], Answer]) -> bool:
    """Breaks the connection off without an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def slow(seconds: float) -> Fault:
    """Answers as the registry does, but late."""

    def fault(connection: socket.socket, request: Request, ask: Callable[[], Answer]) -> bool:
        time.sleep(seconds)
        connection.sendall(ask().to_bytes(request.method))
        return True

    return fault


def silent(connection: socket.socket, request: Request, ask: Callable[[], Answer]) -> bool:
    """Says nothing until whoever asked has gone, and does not ask the registry."""
    connection.recv(1)
    return False


def trickle(seconds: float) -> Fault:
    """Sends an endless answer a byte at a time, for so many seconds: never silent, never done."""

    def fault(connection: socket.socket, request: Request, ask: Callable[[], Answer]) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Trickle: ")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            connection.sendall(b"x")
            time.sleep(0.05)
        return False

    return fault


@dataclass
class _Order:
    fault: Fault
    times: int
    method: str
    path: str


class FaultProxy:
    """The proxy, on loopback without TLS, in front of the plain registry at `upstream`
    (`HOST:PORT`). A context manager."""

    def __init__(self, upstream: str, port: int = 0) -> None:
        """`port` is where to listen; by default any that is free."""
        self.requests: list[Request] = []
        self._upstream = upstream
        self._orders: list[_Order] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 0
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                request = Request(
                    self.command, self.path, dict(self.headers.items()), self._read_body()
                )
                try:
                    good = proxy._handle(self.connection, request)
                except OSError:  # Whoever asked has gone.
                    good = False
                self.close_connection = self.close_connection or not good

            def _read_body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    chunks = []
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        chunks.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(chunks)
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        class Server(http.server.ThreadingHTTPServer):
            def shutdown_request(self, request: object) -> None:
                # A connection that is to be reset must not be ended in good order before.
                assert isinstance(request, socket.socket)
                request.close()

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self.address = f"localhost:{self._server.server_port}"

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def inject(self, fault: Fault, times: int = 1, method: str = "", path: str = "") -> None:
        """Has the next requests of a method, whose path has a match of a pattern, meet a fault.

        Orders are carried out in the order in which they were given.
        """
        with self._lock:
            self._orders.append(_Order(fault, times, method, path))

    def clear(self) -> None:
        """Forgets all faults that have not happened yet, and what was asked for."""
        with self._lock:
            self._orders.clear()
            self.requests.clear()

    def inject_stale_token(self, times: int = 1, path: str = "/v2/") -> None:
        """Has the next requests be told that their token is out of date; there are new ones here.

        The registry behind must be one that wants none.
        """
        realm = f'Bearer realm="http://{self.address}/token",service="proxy",error="invalid_token"'
        self.inject(answer(401, WWW_Authenticate=realm), times, path=path)

    def count(self, method: str = "", path: str = "") -> int:
        """How many requests of a method came whose path has a match of a pattern."""
        with self._lock:
            return sum(
                method in ("", request.method) and re.search(path, request.path) is not None
                for request in self.requests
            )

    def _handle(self, connection: socket.socket, request: Request) -> bool:
        fault = self._next_fault(request)
        if fault:
            return fault(connection, request, lambda: self._ask(request))
        connection.sendall(self._ask(request).to_bytes(request.method))
        return True

    def _next_fault(self, request: Request) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            for order in self._orders:
                matches = order.method in ("", request.method)
                if order.times > 0 and matches and re.search(order.path, request.path):
                    order.times -= 1
                    return order.fault
        return None

    def _ask(self, request: Request) -> Answer:
        if request.path.startswith("/token"):
            return Answer(200, {}, json.dumps({"token": f"token-{time.time_ns()}"}).encode())
        connection = http.client.HTTPConnection(self._upstream)
        hop_by_hop = ("transfer-encoding", "content-length", "connection", "expect")
        headers = {k: v for k, v in request.headers.items() if k.lower() not in hop_by_hop}
        # With the name under which it is spoken to, the registry makes URLs that lead back here.
        connection.request(request.method, request.path, request.body, headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        fields = {k: v for k, v in response.getheaders() if k.lower() != "transfer-encoding"}
        return Answer(response.status, fields, body)
