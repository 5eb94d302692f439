"""A proxy as companies have them: the only way out, by CONNECT or by whole URLs, with a login."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import select
import socket
import threading
import urllib.parse
from collections.abc import Mapping


class ForwardProxy:
    """The proxy, on loopback. It knows hosts that nobody else does: `hosts` leads from `HOST:PORT`
    to where that really is. It serves who sends `authorization`. A context manager."""

    def __init__(self, hosts: Mapping[str, str], authorization: str) -> None:
        self.requests: list[str] = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                upstream = self._upstream(self.path)
                if upstream:
                    host, port = upstream.split(":")
                    with socket.create_connection((host, int(port))) as remote:
                        self.send_response(200)
                        self.end_headers()
                        _tunnel(self.connection, remote)

            def do_HEAD(self) -> None:
                url = urllib.parse.urlsplit(self.path)
                upstream = self._upstream(url.netloc)
                if upstream:
                    connection = http.client.HTTPConnection(upstream)
                    connection.request("HEAD", url.path, headers={"Accept": self.headers["Accept"]})
                    response = connection.getresponse()
                    self.send_response(response.status)
                    for name, value in response.getheaders():
                        self.send_header(name, value)
                    self.end_headers()

            def _upstream(self, host: str) -> str | None:
                proxy.requests.append(f"{self.command} {self.path}")
                if self.headers["Proxy-Authorization"] != authorization:
                    self.send_error(407)
                    return None
                return hosts[host]

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ForwardProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _tunnel(one: socket.socket, other: socket.socket) -> None:
    peers = {one: other, other: one}
    with contextlib.suppress(OSError):
        while True:
            for ready in select.select(list(peers), [], [])[0]:
                content = ready.recv(65536)
                if not content:
                    return
                peers[ready].sendall(content)
