"""Logging in to registries, as they ask for it. This module talks to the network.

Nothing is known of any registry beforehand: its `WWW-Authenticate` says what it wants, and where
tokens are to be had. The flow: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re
import threading
import time
import urllib.parse
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mzbuild.core.registries.addresses import DOCKER_HUB, Registry, Server
from mzbuild.core.registries.answers import describe, fault
from mzbuild.core.registries.credentials import Credentials, Keychain
from mzbuild.core.registries.http_settings import basic
from mzbuild.core.registries.http_transport import (
    Response,
    Transport,
    is_safe_for_secrets,
    split_url,
)
from mzbuild.core.registries.retry import FinalError, TransientError
from mzbuild.core.text.json_reader import read_json

_CLIENT_ID = "pants-mzbuild"
_LONGEST_OFFER = 8192  # characters; what registries say has some hundred
_TOKEN = re.compile("[!-~]+")
_WORD = re.compile(
    r"""(?P<name>[A-Za-z0-9!#$%&'*+.^_`|~-]+)
    (?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+)))?""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Challenge:
    """A way to log in that a server offers: `basic`, `bearer`..., with parameters."""

    scheme: str
    parameters: Mapping[str, str]

    def without_scope(self) -> Challenge:
        """What holds for every request, and not only for the one that was refused."""
        parameters = {k: v for k, v in self.parameters.items() if k != "scope"}
        return Challenge(self.scheme, parameters)


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """What `WWW-Authenticate` headers offer; a header may have several challenges in it.

    Where they are longer than any that are meant seriously, they offer nothing.
    """
    offered = ", ".join(headers)
    challenges: list[tuple[str, dict[str, str]]] = []
    for word in _WORD.finditer(offered) if len(offered) <= _LONGEST_OFFER else ():
        value = word["plain"] if word["quoted"] is None else word["quoted"]
        name = word["name"].lower()
        if value is None:
            challenges.append((name, {}))
        elif challenges:
            challenges[-1][1][name] = re.sub(r"\\(.)", r"\1", value)
    return [Challenge(scheme, parameters) for scheme, parameters in challenges]


class Authorizer:
    """Sends requests to registries, logged in as they ask for it; threads may share it."""

    def __init__(self, transport: Transport, keychain: Keychain):
        self._transport = transport
        self._keychain = keychain
        self._lock = threading.Lock()
        # What each server wants, once it has said so: the next request need not be refused first.
        self._known: dict[Server, Challenge] = {}
        self._values: dict[tuple[Server, str], str] = {}
        # For each value one, so that threads that want the same token ask for it once.
        self._locks: defaultdict[tuple[Server, str], threading.Lock] = defaultdict(threading.Lock)

    def send(
        self,
        registry: Registry,
        scope: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        deadline: float,
        body: bytes | None = None,
    ) -> Response:
        """Sends a request to a registry, and once more where it says how to log in.

        `scope` is what for, as registries have it: `repository:acme/x:pull`. The answer is a 401
        or 403 only where the right credentials were given. Raises what `Transport.request` does,
        and `FinalError` where credentials are wanted and there are none, or where they are wrong.
        """
        server, _ = split_url(url)
        with self._lock:
            challenge = self._known.get(server)
        value: str | None = None
        for _ in range(2):
            if challenge:
                value = self._value(registry, server, scope, challenge, value, deadline)
            login = {"Authorization": value} if value else {}
            response = self._transport.request(method, url, {**headers, **login}, deadline, body)
            # Who the registry has sent us to has no say in where credentials go.
            if response.status != 401 or split_url(response.url)[0] != server:
                break
            challenge = _choose(server, response)
            if challenge.scheme == "basic" and value:
                raise self._refused(registry, of_server=True)
            with self._lock:
                self._known[server] = challenge.without_scope()
        if response.status in (401, 403) and self._keychain.find(registry) is None:
            raise self._refused(registry, of_server=False)
        return response

    def _value(
        self,
        registry: Registry,
        server: Server,
        scope: str,
        challenge: Challenge,
        stale: str | None,
        deadline: float,
    ) -> str:
        """The header's value that answers a challenge; never `stale`, which was refused."""
        if challenge.scheme == "basic":
            credentials = self._keychain.find(registry)
            if credentials is None or credentials.user is None:
                raise self._refused(registry, of_server=True)
            return basic(credentials.user, credentials.secret)
        key = (server, scope)
        with self._lock:
            lock = self._locks[key]
        with lock:
            value = self._values.get(key)
            if value is None or value == stale:
                parameters = {"scope": scope, **challenge.parameters}
                value = f"Bearer {self._fetch_token(registry, server, parameters, deadline)}"
                self._values[key] = value
            return value

    def _fetch_token(
        self, registry: Registry, server: Server, parameters: Mapping[str, str], deadline: float
    ) -> str:
        realm, _ = split_url(parameters.get("realm", ""))
        credentials = self._keychain.find(registry)
        if credentials and not is_safe_for_secrets(realm, server):
            raise FinalError(
                f"{server} wants the credentials to be sent to {realm} without TLS", of_server=True
            )
        response = self._ask_for_token(credentials, parameters, deadline)
        if response.status == 401 or (response.status == 403 and credentials is None):
            # Without credentials, it is about this repository: others may be open to all.
            raise self._refused(registry, of_server=credentials is not None)
        if response.status == 403:
            raise TransientError(describe(realm, response))
        if response.status != 200:
            raise fault(realm, response, time.time())
        try:
            answer = read_json(response.body)
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError):
            token = None
        # What cannot stand in a header would be shown in the error of who tries.
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise TransientError(f"{realm} answers without a token")
        return token

    def _ask_for_token(
        self, credentials: Credentials | None, parameters: Mapping[str, str], deadline: float
    ) -> Response:
        fields = [("scope", scope) for scope in parameters["scope"].split()]
        if "service" in parameters:
            fields.append(("service", parameters["service"]))
        realm, headers = parameters["realm"], {"Accept": "application/json"}
        if credentials and credentials.user is None:
            fields = [
                ("service", parameters.get("service", "")),
                ("scope", parameters["scope"]),
                ("grant_type", "refresh_token"),
                ("client_id", _CLIENT_ID),
                ("refresh_token", credentials.secret),
            ]
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            form = urllib.parse.urlencode(fields).encode()
            return self._transport.request("POST", realm, headers, deadline, form)
        if credentials and credentials.user:
            fields.append(("account", credentials.user))
            headers["Authorization"] = basic(credentials.user, credentials.secret)
        url = f"{realm}{'&' if '?' in realm else '?'}{urllib.parse.urlencode(fields)}"
        return self._transport.request("GET", url, headers, deadline)

    def _refused(self, registry: Registry, *, of_server: bool) -> FinalError:
        """What there is to say of a login that is missing or wrong.

        It is not tried again, and a wrong one by no other request either: there are registries
        that lock out who comes with a wrong password too often.
        """
        credentials = self._keychain.find(registry)
        if credentials is None:
            wrong = "wants a login, and there is none for it. Run"
        else:
            wrong = f"refuses the login from {credentials.origin}. Mend it there, run"
        how = "" if registry.host == DOCKER_HUB else f" {registry.host}"
        return FinalError(
            f"{registry.host} {wrong} `docker login{how}`, or give `user` and `token_env` for "
            f"`{registry.name}` in [mzbuild].registries",
            of_server=of_server,
        )


def _choose(server: Server, response: Response) -> Challenge:
    offered = parse_challenges(response.headers.get_all("WWW-Authenticate") or [])
    for scheme in ("bearer", "basic"):
        for challenge in offered:
            if challenge.scheme == scheme:
                return challenge
    raise TransientError(f"{describe(server, response)} and does not say how to log in")
