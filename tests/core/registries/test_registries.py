from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import (
    Registry,
    is_loopback,
    is_truthy,
    parse_registries,
    primary,
    registry_tag,
    remote_image,
)

HUB = Registry("hub", "docker.io")
GHCR = Registry("ghcr", "ghcr.io/acme", primary_env="MZ_GHCR")
SPEC = "materialize/x:mzbuild-F"


def error(table: Mapping[str, object]) -> str:
    with pytest.raises(MzbuildError) as raised:
        parse_registries(table)
    return str(raised.value)


def test_a_table_gives_its_registries_by_name() -> None:
    table = {
        "ghcr": {
            "address": "ghcr.io/acme",
            "user": "robot",
            "token_env": "GHCR_TOKEN",
            "primary_env": "MZ_GHCR",
        },
        "docker.io": {},
        "local": {"address": "[::1]:5000", "plain_http": False},
    }
    assert parse_registries(table) == (
        Registry("docker.io", "docker.io"),
        Registry("ghcr", "ghcr.io/acme", "robot", "GHCR_TOKEN", "MZ_GHCR"),
        Registry("local", "[::1]:5000", plain_http=False),
    )
    assert parse_registries({}) == ()


def test_the_user_may_be_in_the_environment() -> None:
    table = {"ghcr.io": {"user_env": "GHCR_USER", "token_env": "GHCR_TOKEN"}}
    (registry,) = parse_registries(table, {"GHCR_USER": "robot"})
    assert registry == Registry("ghcr.io", "ghcr.io", "robot", "GHCR_TOKEN")
    (registry,) = parse_registries(table, {"GHCR_USER": ""})
    assert registry == Registry("ghcr.io", "ghcr.io", None, "GHCR_TOKEN")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"adress": "docker.io"}, "Did you mean `address`?"),
        ("docker.io", "must be a table of fields"),
        ({"address": 5}, "`address` must be a string"),
        ({"address": ""}, "`address` must be a string that is not empty"),
        ({"address": "docker.io", "plain_http": "yes"}, "`plain_http` must be true or false"),
        ({"address": "https://docker.io"}, "must not have a scheme"),
        ({"address": "acme"}, "must begin with the name of a host, such as `docker.io`"),
        ({"address": "a b.io"}, "must begin with the name of a host"),
        ({"address": "localhost:99999"}, "must begin with the name of a host"),
        ({"address": "ghcr.io/"}, "`` in the address `ghcr.io/` cannot be part"),
        ({"address": "ghcr.io/Acme"}, "`Acme` in the address `ghcr.io/Acme` cannot be part"),
        ({"address": "ghcr.io", "user": "robot"}, "belong together"),
        ({"address": "ghcr.io", "token_env": "TOKEN"}, "belong together"),
        ({"user": "a", "user_env": "A", "token_env": "TOKEN"}, "Give one of the first two"),
        ({"user_env": "A-B", "token_env": "TOKEN"}, "`user_env` must be the name of an"),
    ],
)
def test_a_wrong_table_is_an_error_that_names_the_place(fields: object, message: str) -> None:
    said = error({"one": fields})
    assert said.startswith("[mzbuild].registries: `one`")
    assert message in said


def test_a_token_in_the_place_of_its_variable_is_not_shown() -> None:
    said = error({"ghcr.io": {"user": "robot", "token_env": "ghp-secret"}})
    assert "`token_env` must be the name of an environment variable" in said
    assert "secret" not in said


def test_two_registries_of_one_address() -> None:
    said = error({"docker.io": {}, "hub": {"address": "docker.io"}})
    assert "`docker.io` and `hub` have the same address" in said


@pytest.mark.parametrize(
    ("address", "spec", "tag"),
    [
        ("docker.io", SPEC, "docker.io/materialize/x:mzbuild-F"),
        ("ghcr.io/materializeinc", SPEC, "ghcr.io/materializeinc/materialize/x:mzbuild-F"),
        ("localhost:5000", "x:T", "localhost:5000/x:T"),
        ("ghcr.io/materialize", SPEC, "ghcr.io/materialize/x:mzbuild-F"),
        ("ghcr.io/a/b", "b/x:T", "ghcr.io/a/b/x:T"),
        ("ghcr.io/a/b", "a/b/x:T", "ghcr.io/a/b/x:T"),
        ("ghcr.io/a/b", "a/x:T", "ghcr.io/a/b/a/x:T"),
        ("ghcr.io/x", "x:T", "ghcr.io/x/x:T"),
        ("docker.io", "docker.io/acme/x:T", "docker.io/acme/x:T"),
    ],
)
def test_a_tag_is_the_address_and_the_spec_with_nothing_doubled(
    address: str, spec: str, tag: str
) -> None:
    assert registry_tag(Registry("r", address), spec) == tag


NAMES = st.sampled_from(["a", "b", "x-y"])
PATHS = st.lists(NAMES, max_size=3)


@given(host=st.sampled_from(["docker.io", "localhost:5000"]), path=PATHS, prefix=PATHS, name=NAMES)
def test_the_tag_of_a_tag_is_that_tag(
    host: str, path: list[str], prefix: list[str], name: str
) -> None:
    registry = Registry("r", "/".join([host, *path]))
    tag = registry_tag(registry, "/".join([*prefix, f"{name}:T"]))
    assert tag.startswith(f"{registry.address}/")
    assert tag.endswith(f"/{name}:T")
    assert registry_tag(registry, tag) == tag


def test_a_spec_of_another_registry_is_refused() -> None:
    with pytest.raises(MzbuildError, match=r"names the registry `ghcr.io`.*`docker.io`"):
        registry_tag(HUB, "ghcr.io/acme/x:T")


@pytest.mark.parametrize("value", [None, "", "0", "no", "false"])
def test_what_is_not_truthy(value: str | None) -> None:
    assert not is_truthy(value)


@pytest.mark.parametrize("value", ["1", "yes", "true", "00", "False", " "])
def test_what_is_truthy(value: str) -> None:
    assert is_truthy(value)


@pytest.mark.parametrize(
    ("chosen", "env", "expected"),
    [
        ("hub", {}, HUB),
        ("ghcr", {}, GHCR),
        ("", {"MZ_GHCR": "1"}, GHCR),
        ("hub", {"MZ_GHCR": "1"}, GHCR),
        ("ghcr", {"MZ_GHCR": "0"}, HUB),
        ("ghcr", {"MZ_GHCR": ""}, HUB),
        ("", {"MZ_GHCR": "no"}, HUB),
    ],
)
def test_the_switch_decides_over_what_is_chosen(
    chosen: str, env: Mapping[str, str], expected: Registry
) -> None:
    assert primary((HUB, GHCR), chosen, env) == expected
    assert primary((GHCR, HUB), chosen, env) == expected


def test_the_order_of_registries_does_not_choose() -> None:
    other = Registry("other", "quay.io", primary_env="MZ_OTHER")
    for env, message in (
        ({}, 'which of `ghcr` and `hub` is the primary registry.*`primary_registry = "ghcr"`'),
        ({"MZ_GHCR": "1", "MZ_OTHER": "1"}, "which of `ghcr` and `other` is"),
        ({"MZ_OTHER": "0"}, "which of `ghcr` and `hub` is"),
    ):
        registries = (GHCR, HUB, other) if env else (GHCR, HUB)
        with pytest.raises(MzbuildError, match=message):
            primary(registries, "", env)
    both = {"MZ_GHCR": "1", "MZ_OTHER": "1"}
    assert primary((GHCR, HUB, other), "other", both) == other


def test_the_only_registry_is_the_primary_even_if_switched_off() -> None:
    assert primary((GHCR,), "", {"MZ_GHCR": "0"}) == GHCR


def test_a_primary_that_is_not_there() -> None:
    with pytest.raises(MzbuildError, match=r"no registry `ghrc`.*Did you mean `ghcr`\?"):
        primary((HUB, GHCR), "ghrc", {})
    with pytest.raises(MzbuildError, match=r"List one in \[mzbuild\].registries"):
        primary((), "", {})


@pytest.mark.parametrize(
    ("registry", "spec", "url", "repository"),
    [
        (HUB, "acme/x:T", "https://registry-1.docker.io", "acme/x"),
        (HUB, "x:T", "https://registry-1.docker.io", "library/x"),
        (GHCR, "x:T", "https://ghcr.io", "acme/x"),
        (Registry("r", "localhost"), "x:T", "http://localhost", "x"),
        (Registry("r", "localhost:5000/a"), "b/x:T", "http://localhost:5000", "a/b/x"),
        (Registry("r", "127.8.0.1:80"), "x:T", "http://127.8.0.1", "x"),
        (Registry("r", "[::1]:5000"), "x:T", "http://[::1]:5000", "x"),
        (Registry("r", "localhost:5000", plain_http=False), "x:T", "https://localhost:5000", "x"),
        (Registry("r", "10.0.0.1:5000"), "x:T", "https://10.0.0.1:5000", "x"),
        (Registry("r", "10.0.0.1:5000", plain_http=True), "x:T", "http://10.0.0.1:5000", "x"),
        (Registry("r", "Reg.Example:443"), "x:T", "https://reg.example", "x"),
    ],
)
def test_where_the_api_has_a_tag(registry: Registry, spec: str, url: str, repository: str) -> None:
    image = remote_image(registry, registry_tag(registry, spec))
    assert (image.server.url, image.repository, image.tag) == (url, repository, "T")


@pytest.mark.parametrize("host", ["localhost.example", "128.0.0.1", "::2", "127.example"])
def test_what_is_not_this_machine(host: str) -> None:
    assert not is_loopback(host)
