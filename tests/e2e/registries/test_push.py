"""What is changed in registries, and that no secret is seen while it is."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mzbuild.core.configuration import Arch
from mzbuild.core.registries.client import Absent, Present, RegistryError
from mzbuild.core.registries.http_settings import basic

from tests.e2e.fault_proxy import FaultProxy, accept_then_fail, answer, reset, truncate
from tests.e2e.registries.site import BUDGET, TAG, site, site_of
from tests.e2e.registry import RunningRegistry, TokenServer


def test_the_right_to_push_is_tried_and_leaves_nothing(
    plain: RunningRegistry, secure: RunningRegistry, guarded: tuple[RunningRegistry, TokenServer]
) -> None:
    for registry in (plain, secure, guarded[0]):
        assert site_of(registry).check_push("acme/clean") is None
        assert registry.uploads("acme/clean") == []


def test_no_right_to_push(guarded: tuple[RunningRegistry, TokenServer], faulty: FaultProxy) -> None:
    said = site(guarded[0].address).check_push("public/new")
    assert said
    assert "wants a login" in said
    faulty.inject(answer(403, b'{"errors": [{"code": "DENIED"}]}'), 1, "POST")
    said = site(faulty.address).check_push("acme/new")
    assert said
    assert f"docker login {faulty.address}" in said


def test_the_right_to_push_on_a_bad_day(plain: RunningRegistry, faulty: FaultProxy) -> None:
    for fault in (answer(503), reset, truncate, accept_then_fail(502)):
        faulty.inject(fault, 1, "POST")
    assert site(faulty.address).check_push("acme/new") is None
    faulty.inject(answer(500), 1000)
    said = site(faulty.address).check_push("acme/new", budget=1)
    assert said
    assert "500 Internal Server Error" in said


# --- Manifests -----------------------------------------------------------------------------


def test_a_tag_for_several_architectures(secure: RunningRegistry, faulty: FaultProxy) -> None:
    known = site_of(secure)
    arm = secure.push("acme/multi", f"{TAG}-arm", {"of": "arm"}, "arm64")
    amd = secure.push("acme/multi", f"{TAG}-amd", {"of": "amd"}, "amd64")
    parts = {
        Arch.X86_64: known.tag("acme/multi", f"{TAG}-amd"),
        Arch.AARCH64: known.tag("acme/multi", f"{TAG}-arm"),
    }
    tag = known.tag("acme/multi", "v1.0")
    with known.client() as client:
        made = client.list_of(known.registry, parts, BUDGET)
        assert made.parts == {"amd64": amd, "arm64": arm}
        client.put_manifest(known.registry, tag, made, BUDGET)
        assert client.check([(known.registry, tag)], BUDGET) == {
            (known.registry, tag): Present(made.digest)
        }
        assert client.manifest(known.registry, tag, BUDGET) == made
        # Lists may be made of lists.
        again = dict.fromkeys(Arch, tag)
        assert client.list_of(known.registry, again, BUDGET) == made


def test_parts_that_are_missing_or_for_another_architecture(plain: RunningRegistry) -> None:
    known = site_of(plain)
    plain.push("acme/multi", f"{TAG}-arm", {}, "arm64")
    arm = known.tag("acme/multi", f"{TAG}-arm")
    with known.client() as client:
        gone = known.tag("acme/multi", "gone")
        with pytest.raises(RegistryError, match=r"multi:gone: localhost:\d+ does not have it"):
            client.list_of(known.registry, {Arch.X86_64: gone, Arch.AARCH64: arm}, BUDGET)
        with pytest.raises(RegistryError, match=r"should be an image for `amd64`, but.*`arm64`"):
            client.list_of(known.registry, {Arch.X86_64: arm, Arch.AARCH64: arm}, BUDGET)


def test_a_tag_is_put_on_a_bad_day(plain: RunningRegistry, faulty: FaultProxy) -> None:
    there = site(faulty.address)
    plain.push("acme/multi", f"{TAG}-amd", {}, "amd64")
    with there.client() as client:
        part = there.tag("acme/multi", f"{TAG}-amd")
        for fault in (answer(500), reset, truncate):
            faulty.inject(fault, 1, "GET")
        made = client.list_of(there.registry, {Arch.X86_64: part}, BUDGET)
        for fault in (answer(502), accept_then_fail(), reset):
            faulty.inject(fault, 1, "PUT")
        tag = there.tag("acme/multi", "v2.0")
        client.put_manifest(there.registry, tag, made, BUDGET)
        assert client.manifest(there.registry, tag, BUDGET) == made
        faulty.inject(answer(500), 1000, "PUT")
        v3 = there.tag("acme/multi", "v3.0")
        with pytest.raises(RegistryError, match=r"v3.0: .* answers 500 Internal Server Error"):
            client.put_manifest(there.registry, v3, made, 1)
        assert site_of(plain).check("acme/multi")[0] == Absent()


# --- Secrets -------------------------------------------------------------------------------

PROGRAM = """
import logging, os, sys, time
logging.basicConfig(level=logging.DEBUG)
from mzbuild.core.registries.addresses import parse_registries, registry_tag
from mzbuild.core.registries.client import RegistryClient
one = {"user": "robot", "token_env": "TOKEN_1", "plain_http": False}
two = {"user": "robot", "token_env": "TOKEN_2"}
registries = parse_registries({sys.argv[1]: one, sys.argv[2]: two})
deadline = time.monotonic() + 2
with RegistryClient(registries, dict(os.environ)) as client:
    while time.monotonic() < deadline:
        tags = [(r, registry_tag(r, f"acme/x{n}:latest")) for r in registries for n in range(20)]
        print(client.check(tags, 1), client.check_push(tags, 1), vars(client))
"""


@pytest.mark.parametrize("right", [True, False])
def test_a_token_is_nowhere_to_be_seen(
    secure: RunningRegistry,
    guarded: tuple[RunningRegistry, TokenServer],
    tmp_path: Path,
    right: bool,
) -> None:
    registries = (secure, guarded[0])
    tokens = [registry.password if right else secrets.token_hex(16) for registry in registries]
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SSL_CERT_FILE": str(secure.authority),
        "TOKEN_1": tokens[0],
        "TOKEN_2": tokens[1],
    }
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "program.py", *(registry.address for registry in registries)]
    seen = set()
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=out, stderr=out)
        while process.poll() is None:
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.add(path.read_bytes())
            time.sleep(0.02)
    printed = (tmp_path / "out").read_text()
    assert process.returncode == 0, printed
    assert ("Absent()" in printed) == right
    assert ("refuses the login" in printed) != right
    assert any(b"program.py" in command_line for command_line in seen)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for token in tokens:
        for secret in (token, basic("robot", token).partition(" ")[2]):
            assert not any(secret.encode() in content for content in [*seen, *files])
