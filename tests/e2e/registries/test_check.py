"""Whether an image is in its registries: real ones, of three kinds, and the ways to them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from mzbuild.core.registries.addresses import Registry, registry_tag
from mzbuild.core.registries.client import Absent, Present, RegistryClient
from mzbuild.core.registries.http_settings import basic

from tests.e2e.fault_proxy import FaultProxy, answer
from tests.e2e.forward_proxy import ForwardProxy
from tests.e2e.registries.site import BUDGET, MANIFESTS, TAG, Site, reason, site, site_of
from tests.e2e.registry import RunningRegistry, TokenServer, secure_registry


def test_present_and_absent(plain: RunningRegistry, secure: RunningRegistry) -> None:
    for registry in (plain, secure):
        digest = registry.push("acme/there", TAG)
        registry.push("acme/other-tag", "latest")
        answers = site_of(registry).check("acme/there", "acme/other-tag", "acme/nowhere")
        assert answers == [Present(digest), Absent(), Absent()]


def test_fifty_images_in_one_round(plain: RunningRegistry, faulty: FaultProxy) -> None:
    names = [f"acme/fifty-{number}" for number in range(50)]
    for name in names[:49]:
        plain.push(name, TAG)
    answers = site_of(plain).check(*names)
    assert [type(answer) for answer in answers] == [Present] * 49 + [Absent]

    assert site(faulty.address).check(*names, *names) == answers + answers
    assert faulty.count("HEAD", MANIFESTS) == faulty.count() == 50


def test_connections_are_used_again(plain: RunningRegistry) -> None:
    client = site_of(plain).client()
    with client:
        for _ in range(5):
            client.check([(Registry("r", plain.address), f"{plain.address}/a:{TAG}")], BUDGET)
        assert sum(map(len, client._transport._idle.values())) == 1


def test_the_password_is_sent_with_the_first_request_once_it_is_known_to_be_wanted(
    secure: RunningRegistry, sent: list[str]
) -> None:
    site_of(secure).check(*(f"acme/x{number}" for number in range(20)))
    assert len(sent) == 21


@pytest.mark.parametrize("trust", ["SSL_CERT_DIR", "certs.d"])
def test_other_ways_to_trust_an_authority(
    secure: RunningRegistry, tmp_path: Path, trust: str
) -> None:
    assert secure.authority
    directory = tmp_path / (f"docker/certs.d/{secure.address}" if trust == "certs.d" else "any")
    directory.mkdir(parents=True)
    (directory / "ca.crt").write_bytes(secure.authority.read_bytes())
    name, value = ("XDG_CONFIG_HOME", tmp_path) if trust == "certs.d" else (trust, directory)
    env = {name: str(value)}
    trusting = Site(site_of(secure).registry, {"TOKEN": secure.password, **env})
    assert trusting.check("acme/nowhere") == [Absent()]


def test_an_authority_that_is_not_trusted(secure: RunningRegistry, sent: list[str]) -> None:
    without = Site(site_of(secure).registry, {"TOKEN": secure.password})
    said = {reason(answer) for answer in without.check("a", "b", "c")}
    assert len(said) == 1
    assert "its certificate is not trusted" in said.pop()
    assert len(sent) == 1


def test_a_registry_with_other_tls_than_configured(
    plain: RunningRegistry, secure: RunningRegistry
) -> None:
    tls = Site(Registry("r", plain.address, plain_http=False), {})
    assert "does not speak TLS" in reason(tls.check("a")[0])
    clear = Site(Registry("r", secure.address), {})
    assert "answers 400 Bad Request" in reason(clear.check("a")[0])


@pytest.mark.parametrize("wrong", [True, False])
def test_a_wrong_password_is_tried_once_and_none_never(
    secure: RunningRegistry, sent: list[str], wrong: bool
) -> None:
    trusted = {"SSL_CERT_FILE": str(secure.authority)}
    login = {"TOKEN": "wr0ng"} if wrong else {}
    answers = Site(site_of(secure).registry, {**trusted, **login}).check(*"abcdefgh")
    assert len(sent) == 1 + wrong
    said = {reason(answer) for answer in answers}
    assert len(said) == 1
    assert f"run `docker login {secure.address}`" in (text := said.pop()).lower()
    assert ("refuses the login from the environment variable `TOKEN`" in text) == wrong
    assert "wr0ng" not in text


def test_another_login_for_another_namespace(secure: RunningRegistry) -> None:
    one, two = (
        Registry(name, f"{secure.address}/{name}", secure.user, name.upper(), plain_http=False)
        for name in ("one", "two")
    )
    env = {"SSL_CERT_FILE": str(secure.authority), "ONE": "wr0ng", "TWO": secure.password}
    tags = [(registry, registry_tag(registry, f"x:{TAG}")) for registry in (one, two)]
    with RegistryClient([one, two], env) as client:
        refused, absent = client.check(tags, BUDGET).values()
    said = (
        "refuses the login from the environment variable `ONE`. Mend it there, run `docker login "
    )
    assert said in reason(refused)
    assert absent == Absent()


def test_what_docker_login_saved_is_used(tmp_path: Path) -> None:
    # Without TLS, since the engine does not know our authority.
    with secure_registry(tmp_path / "registry", tls=False) as registry:
        env = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}
        login = ["docker", "login", f"--username={registry.user}", "--password-stdin"]
        subprocess.run(
            [*login, registry.address], input=registry.password, env=env, check=True, text=True
        )
        assert site(registry.address, **env).check("acme/nowhere") == [Absent()]


# --- Tokens --------------------------------------------------------------------------------


def test_tokens_are_made_as_the_registry_says(
    guarded: tuple[RunningRegistry, TokenServer],
) -> None:
    registry, tokens = guarded
    digest = registry.push("acme/there", TAG)
    tokens.asked.clear()
    answers = site_of(registry).check("acme/there", "acme/nowhere")
    assert answers == [Present(digest), Absent()]
    scopes = sorted(form["scope"][0] for form in tokens.asked)
    assert scopes == ["repository:acme/nowhere:pull", "repository:acme/there:pull"]


def test_a_token_is_used_again(
    guarded: tuple[RunningRegistry, TokenServer], sent: list[str]
) -> None:
    registry, tokens = guarded
    tokens.asked.clear()
    tags = [(site_of(registry).registry, f"{registry.address}/a/b:t{n}") for n in range(20)]
    with site_of(registry).client() as client:
        assert set(client.check(tags, BUDGET).values()) == {Absent()}
        assert set(client.check(tags, BUDGET).values()) == {Absent()}
    assert len(tokens.asked) == 1
    assert len(sent) == 1 + 1 + 40


def test_a_stale_token_is_replaced(guarded: tuple[RunningRegistry, TokenServer]) -> None:
    registry, tokens = guarded
    tokens.asked.clear()
    tokens.stale = 2
    assert site_of(registry).check("acme/nowhere") == [Absent()]
    assert len(tokens.asked) == 3


def test_anybody_sees_what_is_public_and_nothing_else(
    guarded: tuple[RunningRegistry, TokenServer], sent: list[str]
) -> None:
    registry, _ = guarded
    digest = registry.push("public/there", TAG)
    started = time.monotonic()
    there, nowhere, private = site(registry.address).check(
        "public/there", "public/nowhere", "acme/private"
    )
    assert (there, nowhere) == (Present(digest), Absent())
    assert "wants a login, and there is none for it" in reason(private)
    assert time.monotonic() - started < 2, "it was tried again, though nothing could change"


def test_a_wrong_password_for_tokens_is_tried_once(
    guarded: tuple[RunningRegistry, TokenServer],
) -> None:
    registry, tokens = guarded
    tokens.asked.clear()
    wrong = Site(site_of(registry).registry, {"TOKEN": "wr0ng"})
    for unknown in wrong.check(*"abcdefgh"):
        assert "refuses the login" in reason(unknown)
    assert len(tokens.asked) == 1


def test_an_identity_token(guarded: tuple[RunningRegistry, TokenServer], tmp_path: Path) -> None:
    registry, tokens = guarded
    entry = {"identitytoken": tokens.refresh_token}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.address: entry}}))
    tokens.asked.clear()
    assert site(registry.address, DOCKER_CONFIG=str(tmp_path)).check("acme/nowhere") == [Absent()]
    assert [form["grant_type"] for form in tokens.asked] == [["refresh_token"]]


# --- Proxies -------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True])
def test_a_company_proxy_is_the_way_out(
    plain: RunningRegistry, secure: RunningRegistry, tls: bool
) -> None:
    registry = secure if tls else plain
    digest = registry.push("acme/there", TAG)
    host = "registry.test:5000"
    with ForwardProxy({host: registry.address}, basic("jane", "s3cr3t")) as company:
        known = site_of(registry)
        away = Site(
            Registry(
                "r",
                host,
                known.registry.user,
                known.registry.token_env,
                plain_http=known.registry.plain_http,
            ),
            {
                **known.env,
                "HTTPS_PROXY" if tls else "HTTP_PROXY": f"http://jane:s3cr3t@{company.address}",
            },
        )
        assert away.check("acme/there", "acme/nowhere") == [Present(digest), Absent()]
        expected = f"CONNECT {host}" if tls else f"HEAD http://{host}/v2/acme/there{MANIFESTS}"
        assert any(request.startswith(expected) for request in company.requests)

        wrong = Site(
            away.registry,
            {**known.env, "HTTPS_PROXY": company.address, "HTTP_PROXY": company.address},
        )
        started = time.monotonic()
        assert "407" in reason(wrong.check("acme/there")[0])
        assert time.monotonic() - started < 2


# --- Redirects -----------------------------------------------------------------------------


def test_a_redirect_is_followed_and_the_login_stays_where_it_belongs(
    plain: RunningRegistry, faulty: FaultProxy
) -> None:
    there = Present(plain.push("acme/there", TAG))
    realm = f'Bearer realm="http://{faulty.address}/token"'
    path = f"/v2/acme/there/manifests/{TAG}"
    with FaultProxy(plain.address) as other:
        faulty.inject(answer(401, WWW_Authenticate=realm), 1, path="/v2/")
        faulty.inject(answer(307, Location=f"http://{other.address}{path}"), 1, path="/v2/")
        logged_in = Site(Registry("r", faulty.address, "robot", "TOKEN"), {"TOKEN": "s3cr3t"})
        assert logged_in.check("acme/there") == [there]
        assert "Authorization" in faulty.requests[-1].headers
        assert [set(r.headers) & {"Authorization"} for r in other.requests] == [set()]

        # Nor does one who was redirected to say where the password is to be sent.
        thief = f'Bearer realm="http://{other.address}/steal"'
        faulty.inject(answer(307, Location=f"http://{other.address}{path}"), 1000, path="/v2/")
        other.inject(answer(401, WWW_Authenticate=thief), 1000)
        assert "401" in reason(logged_in.check("acme/there", budget=1)[0])
        assert other.count(path="steal") == 0


def test_redirects_without_end(faulty: FaultProxy) -> None:
    faulty.inject(answer(302, Location="/v2/again/"), 1000)
    assert "redirects again and again" in reason(site(faulty.address).check("acme/there")[0])
    assert faulty.count() == 5
