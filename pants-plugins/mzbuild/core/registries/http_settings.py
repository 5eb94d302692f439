"""What the machine and the user's environment say about proxies and certificates.

Docker's own programs are written in Go, and a registry should be reached in the same way by them
and by us: so the variables mean what they mean to Go. This module reads certificates.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import re
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import Server, is_loopback

# Where distributions keep the certificates they trust, for a Python that was built elsewhere.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_HOST_AND_PORT = re.compile(r"(?P<host>\[.*\]|[^:]*):(?P<port>[0-9]+)")
_SYSTEM_CERTS_D = "/etc/docker/certs.d"


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy, with the header that logs in to it, if it wants one."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request to the proxy itself needs."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def proxy_for(server: Server, env: Mapping[str, str]) -> Proxy | None:
    """The proxy that the environment names for a server; `None` to connect directly.

    Nothing on this machine is reached through a proxy. Raises `MzbuildError` for one that is not
    `http://[USER:PASSWORD@]HOST[:PORT]`.
    """
    variable, value = _first(env, f"{server.scheme}_proxy")
    if not value or is_loopback(server.host) or _bypasses(server, _first(env, "no_proxy")[1]):
        return None
    try:
        url = urllib.parse.urlsplit(value if "://" in value else f"http://{value}")
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if not host or url.scheme != "http":
        # The value is not shown, since a password may be in it.
        raise MzbuildError(
            f"The environment variable {variable} must name a proxy as `http://HOST:PORT`, and "
            "does not. Mend it, or list the registry in NO_PROXY."
        )
    authorization = None
    if url.username is not None:
        login = f"{url.username}:{url.password or ''}"
        authorization = basic(*map(urllib.parse.unquote, login.split(":", 1)))
    return Proxy(host, port or 80, authorization)


def basic(user: str, password: str) -> str:
    """The value of a header that logs in with a user and a password."""
    # An environment variable may have bytes in it that are no text.
    login = f"{user}:{password}".encode("utf-8", "surrogateescape")
    return f"Basic {base64.b64encode(login).decode()}"


def _first(env: Mapping[str, str], name: str) -> tuple[str, str]:
    for variable in (name.upper(), name):
        if env.get(variable):
            return variable, env[variable]
    return name.upper(), ""


def _bypasses(server: Server, no_proxy: str) -> bool:
    """Whether `NO_PROXY` covers a server: by `*`, a host, a domain, an address or a network."""
    for entry in filter(None, (word.strip().lower() for word in no_proxy.split(","))):
        # An IPv6 address without brackets is no host and port.
        matched = _HOST_AND_PORT.fullmatch(entry)
        if matched and int(matched["port"]) != server.port:
            continue
        name = (matched["host"] if matched else entry).strip("[]")
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(server.host) in ipaddress.ip_network(name, strict=False):
                return True
        # A domain covers what is below it; with a dot or `*.` in front, only that.
        domain = name.lstrip("*").lstrip(".")
        if name in (server.host, "*") or (domain and server.host.endswith(f".{domain}")):
            return True
    return False


def tls_context(server: Server, env: Mapping[str, str]) -> ssl.SSLContext:
    """The certificates to trust a server by, and those to show it.

    They are the system's (`SSL_CERT_FILE` and `SSL_CERT_DIR` stand in for its file and directory)
    and what Docker has for this registry in `certs.d`. Raises `MzbuildError` for a file among
    them that is named but cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust_system(context, env)
    for directory in _certs_d(server, env):
        for authority in sorted(directory.glob("*.crt")):
            _load(context, authority)
        for certificate in sorted(directory.glob("*.cert")):
            key = certificate.with_suffix(".key")
            try:
                context.load_cert_chain(certificate, key)
            except OSError as error:
                raise MzbuildError(
                    f"{certificate} and {key.name} beside it cannot be used to log in to {server}: "
                    f"{error.strerror or error}. Mend or remove them."
                ) from None
    return context


def _trust_system(context: ssl.SSLContext, env: Mapping[str, str]) -> None:
    # The variables are read here, since OpenSSL would read those of this process, which may be a
    # daemon that somebody started long ago.
    defaults = ssl.get_default_verify_paths()
    if env.get("SSL_CERT_FILE"):
        _load(context, Path(env["SSL_CERT_FILE"]), "SSL_CERT_FILE")
    else:
        for bundle in (defaults.openssl_cafile, *_BUNDLES):
            if Path(bundle).is_file():
                _load(context, Path(bundle))
                break
    if env.get("SSL_CERT_DIR"):
        for directory in env["SSL_CERT_DIR"].split(":"):
            # OpenSSL would look only at files that are named by hashes.
            for authority in sorted(path for path in Path(directory).glob("*") if path.is_file()):
                with contextlib.suppress(OSError):
                    context.load_verify_locations(authority)
    elif Path(defaults.openssl_capath).is_dir():
        context.load_verify_locations(capath=defaults.openssl_capath)


def _load(context: ssl.SSLContext, authority: Path, variable: str = "") -> None:
    try:
        context.load_verify_locations(authority)
    except OSError as error:
        named = f", which {variable} names," if variable else ""
        reason = "it holds none" if isinstance(error, ssl.SSLError) else error.strerror
        raise MzbuildError(
            f"{authority}{named} cannot be read as certificates in PEM form: {reason}. Mend or "
            f"{'unset the variable' if variable else 'remove the file'}."
        ) from None


def _certs_d(server: Server, env: Mapping[str, str]) -> Iterator[Path]:
    """Where Docker, with or without root, looks for what a registry needs to be trusted by."""
    parents = [Path(_SYSTEM_CERTS_D)]
    if env.get("XDG_CONFIG_HOME"):
        parents.append(Path(env["XDG_CONFIG_HOME"], "docker/certs.d"))
    elif env.get("HOME"):
        parents.append(Path(env["HOME"], ".config/docker/certs.d"))
    for parent in parents:
        for name in dict.fromkeys((str(server), f"{server.host}:{server.port}")):
            if (parent / name).is_dir():
                yield parent / name
