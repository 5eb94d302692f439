from __future__ import annotations

import platform
from enum import Enum

import pytest
from mzbuild.core.configuration import Arch, Profile, Sanitizer, Scheme
from mzbuild.core.errors import MzbuildError


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


@pytest.mark.parametrize(
    ("option", "typed", "meant"),
    [
        (Arch, "arm64", "aarch64"),
        (Arch, "amd64", "x86_64"),
        (Arch, "AMD64", "x86_64"),
        (Arch, "x86-64", "x86_64"),
        (Arch, "aarch", "aarch64"),
        (Profile, "debug", "dev"),
        (Profile, "relase", "release"),
        (Sanitizer, "asan", "address"),
        (Sanitizer, "ubsan", "undefined"),
        (Scheme, "Strict", "strict"),
    ],
)
def test_the_value_that_is_meant_is_suggested(option: type[Enum], typed: str, meant: str) -> None:
    with pytest.raises(MzbuildError) as raised:
        option(typed)
    assert str(raised.value).startswith(
        f"There is no {option.__name__.lower()} `{typed}`. Did you mean `{meant}`? It is one of `"
    )


def test_where_none_is_meant_the_error_is_that_of_any_enumeration() -> None:
    with pytest.raises(ValueError, match="'sparc' is not a valid Arch"):
        Arch("sparc")
