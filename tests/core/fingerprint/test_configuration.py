from __future__ import annotations

import platform

import pytest
from mzbuild.core.fingerprint.configuration import Arch


@pytest.mark.parametrize(
    ("machine", "arch"),
    [
        ("x86_64", Arch.X86_64),
        ("aarch64", Arch.AARCH64),
        ("arm64", Arch.AARCH64),
        ("riscv64", Arch.X86_64),
    ],
)
def test_the_host_s_architecture_is_known_by_the_names_that_systems_have_for_it(
    machine: str, arch: Arch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert Arch.host() is arch


def test_docker_s_names_for_architectures_are_gos() -> None:
    assert [arch.go_name for arch in Arch] == ["amd64", "arm64"]
