"""Real registries for the tests: Debian's `docker-registry`, with what guards them.

Three kinds: a plain one, one with TLS and passwords behind an authority of its own, and one that
wants tokens, from a token server of ours. All listen on loopback, on ports that are free.
"""

from __future__ import annotations

import base64
import contextlib
import crypt
import functools
import hashlib
import http.client
import http.server
import json
import re
import secrets
import ssl
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from tests.e2e.repo import CHECKOUT

_SERVICE = "test-registry"
_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class RunningRegistry:
    """A registry that runs until its context ends.

    `address` is what stands before an image's name (`localhost:PORT`). `authority` is the file
    with the certificate to trust it by; `user` and `password` are the ones that it lets in.
    """

    address: str
    directory: Path
    authority: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    authorize: Callable[[str], Mapping[str, str]] = field(default=lambda scope: {}, repr=False)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> http.client.HTTPResponse:
        """Does something in the registry behind the back of what is tested."""
        connection: http.client.HTTPConnection
        if self.authority:
            context = ssl.create_default_context(cafile=str(self.authority))
            connection = http.client.HTTPSConnection(self.address, context=context)
        else:
            connection = http.client.HTTPConnection(self.address)
        repository = path.partition("/v2/")[2].rpartition("/blobs/")[0]
        repository = repository or path.partition("/v2/")[2].rpartition("/manifests/")[0]
        login = self.authorize(f"repository:{repository}:pull,push,delete")
        connection.request(method, path, body, {**login, **(headers or {})})
        response = connection.getresponse()
        assert not check or response.status < 300, f"{method} {path}: {response.status}"
        return response

    def push(
        self,
        repository: str,
        tag: str,
        labels: Mapping[str, str] | None = None,
        architecture: str = "amd64",
    ) -> str:
        """Puts an image without layers into the registry, and returns its digest."""
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": dict(labels or {})},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        content = json.dumps(config).encode()
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": len(content),
                "digest": self._push_blob(repository, content),
            },
            "layers": [],
        }
        url = f"/v2/{repository}/manifests/{tag}"
        response = self.request("PUT", url, json.dumps(manifest).encode(), {"Content-Type": kind})
        return str(response.headers["Docker-Content-Digest"])

    def _push_blob(self, repository: str, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        upload = self.request("POST", f"/v2/{repository}/blobs/uploads/")
        parts = urllib.parse.urlsplit(str(upload.headers["Location"]))
        self.request(
            "PUT",
            f"{parts.path}?{parts.query}&digest={digest}",
            content,
            {"Content-Type": "application/octet-stream"},
        )
        return digest

    def uploads(self, repository: str) -> list[Path]:
        """Uploads that somebody has begun and neither finished nor taken back."""
        where = self.directory / "data/docker/registry/v2/repositories" / repository
        # Of one that was taken back, an empty shell remains.
        return list(where.glob("_uploads/*/startedat"))


@contextlib.contextmanager
def plain_registry(directory: Path) -> Iterator[RunningRegistry]:
    """A registry without TLS that lets anybody in."""
    with _serving(directory, {}, {}) as port:
        yield RunningRegistry(f"localhost:{port}", directory)


@contextlib.contextmanager
def secure_registry(directory: Path, tls: bool = True) -> Iterator[RunningRegistry]:
    """A registry, with TLS or without, that wants a user and a password; its certificate is also
    good for the host `registry.test`."""
    authority = make_authority(directory)
    certificate, key = make_certificate(directory, authority, "localhost", "registry.test")
    user, password = "robot", secrets.token_hex(16)
    hashed = crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))
    (directory / "htpasswd").write_text(f"{user}:{hashed}\n")
    auth = {"htpasswd": {"realm": "test", "path": str(directory / "htpasswd")}}
    options = {"tls": {"certificate": str(certificate), "key": str(key)}} if tls else {}
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    with _serving(directory, options, auth) as port:
        yield RunningRegistry(
            f"localhost:{port}",
            directory,
            authority if tls else None,
            user,
            password,
            lambda scope: {"Authorization": f"Basic {login}"},
        )


@contextlib.contextmanager
def token_registry(directory: Path) -> Iterator[tuple[RunningRegistry, TokenServer]]:
    """A registry that lets in who has a token, and the server that makes the tokens."""
    authority = make_authority(directory)
    user, password = "robot", secrets.token_hex(16)
    with TokenServer(authority, user, password) as tokens:
        auth = {
            "token": {
                "realm": tokens.realm,
                "service": _SERVICE,
                "issuer": _SERVICE,
                "rootcertbundle": str(authority),
            }
        }
        with _serving(directory, {}, auth) as port:
            yield (
                RunningRegistry(
                    f"localhost:{port}",
                    directory,
                    user=user,
                    password=password,
                    authorize=lambda scope: {"Authorization": f"Bearer {tokens.sign([scope], 60)}"},
                ),
                tokens,
            )


@contextlib.contextmanager
def _serving(directory: Path, http_options: Mapping[str, object], auth: object) -> Iterator[int]:
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(directory / "data")},
            "delete": {"enabled": True},
        },
        "http": {
            "addr": "127.0.0.1:0",
            "secret": secrets.token_hex(16),
            **http_options,
        },
    }
    if auth:
        config["auth"] = auth
    directory.mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    (directory / "config.yml").write_text(json.dumps(config))
    log = directory / "registry.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [docker_registry(), "serve", str(directory / "config.yml")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 30
        while not (listening := _LISTENING.search(log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"not listening: {log.read_text()}"
            time.sleep(0.02)
        yield int(listening[1])
    finally:
        process.kill()
        process.wait()


@functools.cache
def docker_registry() -> str:
    """The path of the registry's program; bin/docker-registry fetches it where it is missing."""
    command = [str(CHECKOUT / "bin/docker-registry")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.rstrip("\n")


def make_authority(directory: Path) -> Path:
    """The certificate of a new authority; its key is beside it, as `authority.key`."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate = directory / "authority.crt"
    _openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=Test Authority", "-keyout", str(directory / "authority.key")),
        *("-out", str(certificate)),
    )
    return certificate


def make_certificate(directory: Path, authority: Path, *hosts: str) -> tuple[Path, Path]:
    """A certificate for some hosts and 127.0.0.1, and its key."""
    certificate, key, request = (directory / f"server.{kind}" for kind in ("crt", "key", "csr"))
    names = ",".join(["IP:127.0.0.1", *(f"DNS:{host}" for host in hosts)])
    extensions = directory / "server.ext"
    extensions.write_text(f"subjectAltName={names}\n")
    _openssl(
        *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={hosts[0]}"),
        *("-keyout", str(key), "-out", str(request)),
    )
    _openssl(
        *("x509", "-req", "-in", str(request), "-days", "2", "-extfile", str(extensions)),
        *("-CA", str(authority), "-CAkey", str(authority.with_suffix(".key"))),
        *("-CAcreateserial", "-out", str(certificate)),
    )
    return certificate, key


def _openssl(*args: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *args], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


class TokenServer:
    """Makes the tokens that a registry wants: for the user everything that is asked for, for
    anybody else the right to pull what is under `public/`.

    `stale` is how many of the next tokens are to be out of date when they are made; `refresh_token`
    is an identity token of the user's; `asked` are the forms of all requests.
    """

    def __init__(self, authority: Path, user: str, password: str) -> None:
        self.stale = 0
        self.refresh_token = secrets.token_hex(16)
        self.asked: list[Mapping[str, Sequence[str]]] = []
        self._authority = authority
        self._login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                form = urllib.parse.parse_qs(self.path.partition("?")[2])
                login = self.headers["Authorization"]
                self._answer(form, None if login is None else login == outer._login)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                form = urllib.parse.parse_qs(body.decode())
                self._answer(form, form["refresh_token"] == [outer.refresh_token])

            def _answer(self, form: dict[str, list[str]], is_user: bool | None) -> None:
                status, answer = outer._make(form, is_user)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self._server.server_port}/token"

    def __enter__(self) -> TokenServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _make(
        self, form: Mapping[str, Sequence[str]], is_user: bool | None
    ) -> tuple[int, Mapping[str, str]]:
        with self._lock:
            self.asked.append(form)
            stale = self.stale > 0
            self.stale -= stale
        if is_user is False or form["service"] != [_SERVICE]:
            return 401, {"details": "incorrect username or password"}
        scopes = " ".join(form.get("scope", [])).split()
        if not is_user:
            scopes = [
                f"{scope.rpartition(':')[0]}:pull"
                for scope in scopes
                if scope.startswith("repository:public/")
            ]
        return 200, {"token": self.sign(scopes, -3600 if stale else 300)}

    def sign(self, scopes: Sequence[str], seconds: int) -> str:
        """A token for some scopes, such as `repository:a/b:pull,push`, good for so many seconds."""
        certificate = re.sub("-----[^-]*-----|\\s", "", self._authority.read_text())
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": _SERVICE,
            "sub": "test",
            "aud": _SERVICE,
            "exp": now + seconds,
            "nbf": now - 7200,
            "iat": now - 7200,
            "jti": secrets.token_hex(8),
            "access": [
                {"type": kind, "name": name, "actions": actions.split(",")}
                for kind, name, actions in (scope.split(":") for scope in scopes)
            ],
        }
        header = {"typ": "JWT", "alg": "RS256", "x5c": [certificate]}
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        key = str(self._authority.with_suffix(".key"))
        signature = _openssl("dgst", "-sha256", "-sign", key, stdin=signed.encode())
        return f"{signed}.{_base64url(signature)}"


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
