from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import Server
from mzbuild.core.registries.http_settings import Proxy, proxy_for, tls_context

SERVER = Server("https", "reg.example", 443)


@pytest.mark.parametrize(
    ("env", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, Proxy("proxy", 3128)),
        ({"https_proxy": "proxy:3128"}, Proxy("proxy", 3128)),
        ({"HTTPS_PROXY": "http://one", "https_proxy": "http://two"}, Proxy("one", 80)),
        ({"HTTPS_PROXY": "", "https_proxy": "http://two"}, Proxy("two", 80)),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://a%40b:p%3Aw@proxy:1"}, Proxy("proxy", 1, "Basic YUBiOnA6dw==")),
    ],
)
def test_the_proxy_is_the_environments(env: dict[str, str], proxy: Proxy | None) -> None:
    assert proxy_for(SERVER, env) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "host", "bypassed"),
    [
        ("*", "reg.example", True),
        ("other, reg.example ,x", "reg.example", True),
        ("example", "reg.example", True),
        (".example", "reg.example", True),
        ("*.example", "reg.example", True),
        (".reg.example", "reg.example", False),
        ("*.reg.example", "reg.example", False),
        ("g.example", "reg.example", False),
        ("reg.example:443", "reg.example", True),
        ("reg.example:5000", "reg.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        ("[fd00::1]:443", "fd00::1", True),
        ("fd00::1", "fd00::1", True),
        (",,", "reg.example", False),
        (".", "reg.example", False),
    ],
)
def test_no_proxy_lists_what_is_reached_directly(no_proxy: str, host: str, bypassed: bool) -> None:
    env = {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": no_proxy}
    assert (proxy_for(Server("https", host, 443), env) is None) == bypassed


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_is_reached_directly(host: str) -> None:
    assert proxy_for(Server("http", host, 5000), {"HTTP_PROXY": "http://proxy:1"}) is None


@pytest.mark.parametrize("value", ["socks5://u:s3cr3t@x", "http://u:s3cr3t@x:port", "http://"])
def test_a_proxy_that_cannot_be(value: str) -> None:
    with pytest.raises(MzbuildError, match="HTTPS_PROXY must name a proxy") as raised:
        proxy_for(SERVER, {"HTTPS_PROXY": value})
    assert "s3cr3t" not in str(raised.value)


def test_a_proxys_password_is_not_shown() -> None:
    assert "YUBiOnA6dw" not in repr(Proxy("proxy", 1, "Basic YUBiOnA6dw=="))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    certificate = tmp_path_factory.mktemp("authority") / "authority.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Tester"]
    key = certificate.with_name("authority.key")
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate


def trusts_tester(context: ssl.SSLContext) -> bool:
    return any("Tester" in str(entry["subject"]) for entry in context.get_ca_certs())


def test_certificates_are_verified_with_the_host_name() -> None:
    context = tls_context(SERVER, {})
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not trusts_tester(context)


def test_certificates_named_by_the_environment_are_trusted(authority: Path, tmp_path: Path) -> None:
    (tmp_path / "README").write_text("no certificate")
    (tmp_path / "any-name").write_bytes(authority.read_bytes())
    assert trusts_tester(tls_context(SERVER, {"SSL_CERT_FILE": str(authority)}))
    assert trusts_tester(tls_context(SERVER, {"SSL_CERT_DIR": f"/nonexistent:{tmp_path}"}))


@pytest.mark.parametrize(
    ("variable", "parent"),
    [("HOME", ".config/docker/certs.d"), ("XDG_CONFIG_HOME", "docker/certs.d")],
)
def test_dockers_own_certificates_are_trusted_for_their_registry_only(
    authority: Path, tmp_path: Path, variable: str, parent: str
) -> None:
    directory = tmp_path / parent / "reg.example:5000"
    directory.mkdir(parents=True)
    (directory / "ca.crt").write_bytes(authority.read_bytes())
    env = {variable: str(tmp_path)}
    assert trusts_tester(tls_context(Server("https", "reg.example", 5000), env))
    assert not trusts_tester(tls_context(SERVER, env))


def test_certificates_that_cannot_be_used(authority: Path, tmp_path: Path) -> None:
    with pytest.raises(MzbuildError, match="/nonexistent, which SSL_CERT_FILE names, cannot be"):
        tls_context(SERVER, {"SSL_CERT_FILE": "/nonexistent"})
    directory = tmp_path / "docker/certs.d/reg.example"
    directory.mkdir(parents=True)
    (directory / "client.cert").write_bytes(authority.read_bytes())
    with pytest.raises(MzbuildError, match=r"client.cert and client.key beside it cannot be used"):
        tls_context(SERVER, {"XDG_CONFIG_HOME": str(tmp_path)})
    (directory / "ca.crt").write_text("nothing")
    with pytest.raises(MzbuildError, match=r"ca.crt cannot be read as certificates in PEM form"):
        tls_context(SERVER, {"XDG_CONFIG_HOME": str(tmp_path)})
