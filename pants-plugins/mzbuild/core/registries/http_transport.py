"""HTTP requests over connections that are kept open. This module talks to the network.

It knows nothing of registries. What it raises says what went wrong and with whom, and never has
any of the request's headers or body in it.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import http.client
import re
import socket
import ssl
import threading
import time
import urllib.parse
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from types import TracebackType

from mzbuild.core.registries.addresses import Server, is_loopback
from mzbuild.core.registries.http_settings import proxy_for, tls_context
from mzbuild.core.registries.retry import FinalError, TransientError

# How long a server may be silent, at any point, before that counts as a fault.
_SILENCE = 10.0  # seconds
# In bytes. No registry has to take a larger manifest:
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
_LARGEST_BODY = 4 << 20
_PIECE = 1 << 16
_REDIRECTS = 5
_REFUSED_BY_PROXY = re.compile("Tunnel connection failed: 4")
# What a name that there may be is made of. Anything else would end in somebody's terminal.
_HOST = re.compile("[!-~]+")
_NO_URL = "there is a URL in the answer that is none of HTTP"
_USER_AGENT = "pants-mzbuild"


@dataclass(frozen=True)
class Response:
    """An answer, read to its end; `url` is where it came from after redirects."""

    status: int
    headers: Message
    body: bytes
    url: str


class Transport:
    """Sends requests; threads may share it. A context manager that closes the connections.

    What is still under way then is cut off: a server that sends a byte now and then would keep a
    thread for ever.
    """

    def __init__(self, env: Mapping[str, str]):
        """`env` is the environment of the user's command: see `http_settings` for what counts."""
        self._env = env
        self._lock = threading.Lock()
        self._idle: defaultdict[Server, list[http.client.HTTPConnection]] = defaultdict(list)
        # Not the connections, which let go of theirs while an answer is read that ends with it.
        self._busy: set[socket.socket] = set()
        self._contexts: dict[Server, ssl.SSLContext] = {}
        self._closed = False

    def __enter__(self) -> Transport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the idle connections, and ends what the others are waiting for."""
        with self._lock:
            self._closed = True
            idle = [connection for of_server in self._idle.values() for connection in of_server]
            self._idle.clear()
            for busy in self._busy:
                # Past what TLS would say first, since its state is that of another thread.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(busy, socket.SHUT_RDWR)
        for connection in idle:
            connection.close()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        deadline: float,
        body: bytes | None = None,
    ) -> Response:
        """Sends a request and follows redirects, until the deadline (of `time.monotonic`).

        A redirect to another server is told neither how to log in to this one nor what the body is,
        where a password may be; none leads from TLS to plain HTTP. Raises `TransientError` for what
        may go better another time (no connection, silence, an answer cut short), `FinalError` for
        what will not (a certificate that is not trusted, no such host), `MzbuildError` for settings
        that are wrong.
        """
        for _ in range(_REDIRECTS):
            server, target = split_url(url)
            response = self._send(server, method, target, headers, deadline, body)
            location = response.headers.get("Location")
            if response.status not in (301, 302, 303, 307, 308) or not location:
                return response
            url = join_url(url, location)
            next_server, _ = split_url(url)
            if server.scheme == "https" and next_server.scheme != "https":
                raise FinalError(f"{server} redirects to {next_server} without TLS")
            if response.status in (301, 302, 303) and method != "HEAD":
                method, body = "GET", None
            if next_server != server:
                headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
                if body:
                    raise FinalError(
                        f"{server} redirects to {next_server} what only {server} may see",
                        of_server=True,
                    )
        raise FinalError(f"{server} redirects again and again")

    def _send(
        self,
        server: Server,
        method: str,
        target: str,
        headers: Mapping[str, str],
        deadline: float,
        body: bytes | None,
    ) -> Response:
        exchange = functools.partial(
            self._exchange,
            server=server,
            method=method,
            target=target,
            headers=headers,
            deadline=deadline,
            body=body,
        )
        try:
            with self._lock:
                connection = self._idle[server].pop() if self._idle[server] else None
            if connection is not None:
                # The server may have closed it by now, which says nothing of how it is.
                with contextlib.suppress(ConnectionError):
                    return exchange(connection)
            return exchange(self._connect(server, deadline))
        except http.client.RemoteDisconnected:
            raise TransientError(f"{server} closed the connection without an answer") from None
        except http.client.IncompleteRead:
            raise TransientError(f"{server} cut its answer short") from None
        except http.client.HTTPException:
            raise TransientError(f"{server} does not answer in HTTP") from None
        except OSError as error:
            raise TransientError(f"{server}: {_why(error)}") from None

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        server: Server,
        method: str,
        target: str,
        headers: Mapping[str, str],
        deadline: float,
        body: bytes | None,
    ) -> Response:
        keep, busy = False, connection.sock
        try:
            with self._lock:
                if self._closed:
                    raise ConnectionAbortedError("no time left")
                self._busy.add(busy)
            busy.settimeout(_patience(deadline))
            url = server.url + target
            proxy = proxy_for(server, self._env) if server.scheme == "http" else None
            if proxy:
                headers = {**headers, **proxy.headers}
            headers = {"User-Agent": _USER_AGENT, "Host": str(server), **headers}
            connection.request(method, url if proxy else target, body, headers)
            response = connection.getresponse()
            content = _read(response, server)
            keep = not response.will_close
            return Response(response.status, response.headers, content, url)
        finally:
            with self._lock:
                self._busy.discard(busy)
                keep = keep and not self._closed
                if keep:
                    self._idle[server].append(connection)
            if not keep:
                connection.close()

    def _connect(self, server: Server, deadline: float) -> http.client.HTTPConnection:
        timeout = _patience(deadline)
        proxy = proxy_for(server, self._env)
        via = f"the proxy {proxy.host}:{proxy.port}" if proxy else str(server)
        host, port = (proxy.host, proxy.port) if proxy else (server.host, server.port)
        connection: http.client.HTTPConnection
        if server.scheme == "https":
            context = self._context(server)
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
            if proxy:
                connection.set_tunnel(server.host, server.port, dict(proxy.headers))
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            connection.connect()
        except OSError as error:
            raise _unconnected(error, server, via) from None
        except UnicodeError:
            raise FinalError(f"{via}: no host has such a name", of_server=True) from None
        return connection

    def _context(self, server: Server) -> ssl.SSLContext:
        # Reading the certificates of a whole system takes a while: once for each server.
        with self._lock:
            if server not in self._contexts:
                self._contexts[server] = tls_context(server, self._env)
            return self._contexts[server]


def _read(response: http.client.HTTPResponse, server: Server) -> bytes:
    """The body of an answer, which may or may not say beforehand how long it is."""
    body = bytearray()
    if response.length is not None and response.length <= _LARGEST_BODY:
        return response.read()
    if response.length is None:
        while piece := response.read(_PIECE):
            body += piece
            if len(body) > _LARGEST_BODY:
                break
        else:
            return bytes(body)
    raise FinalError(f"{server} answers with more than {_LARGEST_BODY} bytes")


def join_url(url: str, location: str) -> str:
    """The URL that a `Location` header means. Raises `FinalError` for what is none."""
    try:
        return urllib.parse.urljoin(url, location)
    except ValueError:
        raise FinalError(_NO_URL) from None


def split_url(url: str) -> tuple[Server, str]:
    """The server of a URL, and what to ask of it.

    Raises `FinalError` for what is no URL of HTTP.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not _HOST.fullmatch(host) or parts.scheme not in ("http", "https"):
        raise FinalError(_NO_URL)
    default = 443 if parts.scheme == "https" else 80
    target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    target = urllib.parse.quote(target, safe="%/:?=&;,+~!$'()*@[]")
    return Server(parts.scheme, host, port or default), target


def is_safe_for_secrets(server: Server, asked: Server) -> bool:
    """Whether a server may see a secret that is for `asked`: in clear only where that one does."""
    return server.scheme == "https" or asked.scheme == "http" or is_loopback(server.host)


def _unconnected(error: OSError, server: Server, via: str) -> TransientError | FinalError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return FinalError(
            f"{server}: its certificate is not trusted ({error.verify_message}). Put that of its "
            f"authority into /etc/docker/certs.d/{server}/ca.crt, or name it in SSL_CERT_FILE",
            of_server=True,
        )
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return FinalError(
            f"{server} does not speak TLS. If that is as it should be, set `plain_http` for it",
            of_server=True,
        )
    unknown_host = isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN
    if unknown_host or _REFUSED_BY_PROXY.match(str(error)):
        return FinalError(f"{via}: {_why(error)}", of_server=True)
    unreached = isinstance(error, (ConnectionRefusedError, socket.gaierror)) or (
        error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)
    )
    return TransientError(f"{via}: {_why(error)}", of_server=True, unreached=unreached)


def _why(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "no answer"
    return (error.strerror or str(error) or type(error).__name__).lower()


def _patience(deadline: float) -> float:
    """A time-out; too little time left still is some, since 0 would mean not to wait at all."""
    return min(_SILENCE, max(0.01, deadline - time.monotonic()))
