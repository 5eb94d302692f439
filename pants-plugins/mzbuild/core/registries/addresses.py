"""The registries that images are published to, and the names that an image has in them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.image.spec import HOST, is_component, is_host

# Docker's own convention: this name stands for another host, whose images without a namespace are
# in the namespace `library`.
DOCKER_HUB = "docker.io"
_DOCKER_HUB_API = "registry-1.docker.io"
_DOCKER_HUB_NAMESPACE = "library"

_STRING_FIELDS = ("address", "user", "user_env", "token_env", "primary_env")
_FIELDS = (*_STRING_FIELDS, "plain_http")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Registry:
    """A registry that images are published to, or a namespace in one.

    `address` is what Docker puts before an image's name: `docker.io`, `ghcr.io/acme`. `token_env`
    and `primary_env` are names of environment variables; `plain_http` is `None` where nothing is
    said, so that only a registry on this machine is spoken to without TLS.
    """

    name: str
    address: str
    user: str | None = None
    token_env: str | None = None
    primary_env: str | None = None
    plain_http: bool | None = None

    @property
    def host(self) -> str:
        """The address without a namespace, as Docker names the registry: `ghcr.io`."""
        return self.address.partition("/")[0]


@dataclass(frozen=True)
class Server:
    """Where a request goes: the scheme (`http` or `https`), the host, and the port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The part of a URL that all its resources have in common."""
        return f"{self.scheme}://{self}"


@dataclass(frozen=True)
class RemoteImage:
    """A tag as a registry's API has it."""

    server: Server
    repository: str
    tag: str


def parse_registries(
    table: Mapping[str, object],
    env: Mapping[str, str] = MappingProxyType({}),
    option: str = "[mzbuild].registries",
) -> tuple[Registry, ...]:
    """The registries of the option's table, by their names' order.

    The table's own order means nothing: later versions of Pants do not keep it.

    The table has, by a registry's name, its fields: `address` (by default the name), `user` (or, in
    `user_env`, the name of the variable of `env` that has it) with `token_env`, `primary_env`,
    `plain_http`. Raises `MzbuildError`, naming the option and field,
    for a field that is not known, a value of the wrong type or form, and an address given twice.
    """
    by_address: dict[str, Registry] = {}
    for name, fields in sorted(table.items()):
        registry = _parse_registry(name, fields, env, f"{option}: `{name}`")
        other = by_address.setdefault(registry.address, registry)
        if other is not registry:
            raise MzbuildError(
                f"{option}: `{other.name}` and `{name}` have the same address "
                f"`{registry.address}`. Remove one of them."
            )
    return tuple(by_address.values())


def _parse_registry(name: str, fields: object, env: Mapping[str, str], where: str) -> Registry:
    if not isinstance(fields, Mapping):
        raise MzbuildError(f"{where} must be a table of fields: {listed(_FIELDS)}.")
    for field, value in fields.items():
        if field not in _FIELDS:
            raise MzbuildError(
                f"{where} has no field `{field}`; the fields are {listed(_FIELDS)}."
                f"{nearest(str(field), _FIELDS)}"
            )
        if field == "plain_http":
            if not isinstance(value, bool):
                raise MzbuildError(f"{where}: `plain_http` must be true or false.")
        elif not isinstance(value, str) or not value:
            raise MzbuildError(f"{where}: `{field}` must be a string that is not empty.")
    for field in ("user_env", "token_env", "primary_env"):
        # The value is not shown: somebody may have put the token itself there.
        if field in fields and not _VARIABLE.fullmatch(fields[field]):
            raise MzbuildError(
                f"{where}: `{field}` must be the name of an environment variable, and this "
                "cannot be one. The value of the variable does not belong here."
            )
    users = [fields[field] for field in ("user", "user_env") if field in fields]
    if len(users) != ("token_env" in fields):
        raise MzbuildError(
            f"{where}: `user` or `user_env` (the name of the environment variable that has the "
            "user) and `token_env` (that of the user's token) belong together. Give one of the "
            "first two with the last, or neither to use what `docker login` saved."
        )
    address = _check_address(fields.get("address", name), where)
    known = {field: value for field, value in fields.items() if field != "user_env"}
    if "user_env" in fields:
        known["user"] = env.get(fields["user_env"]) or None
    return Registry(name=name, **{**known, "address": address})


def _check_address(address: str, where: str) -> str:
    example = "such as `docker.io`, `ghcr.io/acme` or `localhost:5000`"
    if "://" in address:
        raise MzbuildError(
            f"{where}: the address `{address}` must not have a scheme; give it as Docker does, "
            f"{example}. For a registry without TLS, set `plain_http = true`."
        )
    host, *path = address.split("/")
    matched = HOST.fullmatch(host)
    if not matched or not is_host(host) or int(matched["port"] or 1) not in range(1, 65536):
        raise MzbuildError(
            f"{where}: the address `{address}` must begin with the name of a host, {example}."
        )
    for component in path:
        if not is_component(component):
            raise MzbuildError(
                f"{where}: `{component}` in the address `{address}` cannot be part of an image's "
                "name: Docker allows lower-case letters and digits with `.`, `_` and `-` between."
            )
    return address


def registry_tag(registry: Registry, spec: str) -> str:
    """The name that the image of a spec has in a registry.

    What the address ends and the spec begins with is there once only: `ghcr.io/acme` with
    `acme/x:T` gives `ghcr.io/acme/x:T`. Raises `MzbuildError` for a spec of another registry.
    """
    address, components = registry.address.split("/"), spec.split("/")
    for length in range(min(len(address), len(components) - 1), 0, -1):
        if address[-length:] == components[:length]:
            components = components[length:]
            break
    if len(components) > 1 and is_host(components[0]):
        raise MzbuildError(
            f"`{spec}` names the registry `{components[0]}`, so it cannot be published to "
            f"`{registry.address}`. Take the host out of [mzbuild].image_registry, and list it in "
            "[mzbuild].registries instead."
        )
    return "/".join([*address, *components])


def is_truthy(value: str | None) -> bool:
    """Whether the value of an environment variable (`None`: not set) switches something on."""
    return value not in (None, "", "0", "no", "false")


def primary(registries: Sequence[Registry], chosen: str, env: Mapping[str, str]) -> Registry:
    """The registry that images are pulled from and `MZFROM` is rewritten to.

    A `primary_env` that is set decides: where it is truthy, it is that registry; where it is not,
    another one. Otherwise it is the one named `chosen`, or the only one. Raises `MzbuildError`
    where there is no registry, none of that name, or where nothing says which of several it is.
    """
    if not registries:
        raise MzbuildError("There is no registry. List one in [mzbuild].registries.")
    by_name = {registry.name: registry for registry in registries}
    if chosen and chosen not in by_name:
        raise MzbuildError(
            f"[mzbuild].primary_registry: there is no registry `{chosen}` in "
            f"[mzbuild].registries, which has {listed(by_name)}.{nearest(chosen, by_name)}"
        )
    switched = {
        registry.name: is_truthy(env[registry.primary_env])
        for registry in registries
        if registry.primary_env and registry.primary_env in env
    }
    on = [name for name, value in switched.items() if value]
    candidates = on or [name for name in by_name if name not in switched] or [*by_name]
    if chosen in candidates:
        return by_name[chosen]
    if len(candidates) == 1:
        return by_name[candidates[0]]
    raise MzbuildError(
        f"[mzbuild].primary_registry: nothing says which of {listed(candidates)} is the primary "
        "registry, which images are pulled from and by whose names Docker knows them. Say so: "
        f'`primary_registry = "{candidates[0]}"`.'
    )


def remote_image(registry: Registry, tag: str) -> RemoteImage:
    """Where the API of a registry has a tag that `registry_tag` has made."""
    repository, _, name = tag.partition("/")[2].rpartition(":")
    if registry.host == DOCKER_HUB and "/" not in repository:
        repository = f"{_DOCKER_HUB_NAMESPACE}/{repository}"
    return RemoteImage(_server(registry), repository, name)


def _server(registry: Registry) -> Server:
    matched = HOST.fullmatch(registry.host)
    assert matched is not None, "an address is checked when it is read"
    host = matched["host"].strip("[]").lower()
    plain = is_loopback(host) if registry.plain_http is None else registry.plain_http
    scheme = "http" if plain else "https"
    if host == DOCKER_HUB:
        host = _DOCKER_HUB_API
    return Server(scheme, host, int(matched["port"] or _PORTS[scheme]))


def is_loopback(host: str) -> bool:
    """Whether a host, without a port, is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
