"""Logging in, with a stand-in for `docker` that writes down what it was given."""

from __future__ import annotations

from pathlib import Path

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import Registry
from mzbuild.core.registries.login import log_in

REGISTRY = Registry("r", "ghcr.io/acme", "robot", "TOKEN")
SECRET = "s3cret"


def docker(directory: Path, then: str) -> str:
    program = directory / "docker"
    program.write_text(
        f'#!/bin/sh\ncd {directory}\necho "$*" >>args\nenv >>env\ncat >>stdin\n{then}\n'
    )
    program.chmod(0o755)
    return str(program)


def test_the_token_goes_to_standard_input_and_nowhere_else(tmp_path: Path) -> None:
    log_in(REGISTRY, SECRET, docker(tmp_path, "exit 0"), {"PATH": "/usr/bin:/bin"}, 10)
    arguments = "login --username robot --password-stdin ghcr.io\n"
    assert (tmp_path / "args").read_text() == arguments
    assert (tmp_path / "stdin").read_text() == SECRET
    assert SECRET not in (tmp_path / "env").read_text()


def test_a_wrong_token_is_tried_once_and_not_shown(tmp_path: Path) -> None:
    program = docker(tmp_path, f"echo 'unauthorized: not {SECRET}' >&2; exit 1")
    with pytest.raises(MzbuildError) as raised:
        log_in(REGISTRY, SECRET, program, {"PATH": "/usr/bin:/bin"}, 10)
    assert "`docker login ghcr.io` failed for the user `robot`" in str(raised.value)
    assert "environment variable `TOKEN`:\nunauthorized: not …" in str(raised.value)
    assert SECRET not in str(raised.value)
    assert (tmp_path / "args").read_text().count("\n") == 1


def test_a_fault_is_waited_out(tmp_path: Path) -> None:
    program = docker(tmp_path, '[ "$(wc -l <args)" -ge 3 ] || { echo 503 >&2; exit 1; }')
    log_in(REGISTRY, SECRET, program, {"PATH": "/usr/bin:/bin"}, 20)
    assert (tmp_path / "args").read_text().count("\n") == 3


def test_but_not_for_ever(tmp_path: Path) -> None:
    program = docker(tmp_path, "echo 503 >&2; exit 1")
    with pytest.raises(MzbuildError, match="503"):
        log_in(REGISTRY, SECRET, program, {"PATH": "/usr/bin:/bin"}, 3)
    assert (tmp_path / "args").read_text().count("\n") > 1


def test_a_registry_that_never_answers_has_the_budget_and_no_more(tmp_path: Path) -> None:
    program = docker(tmp_path, "exec sleep 600")
    with pytest.raises(MzbuildError, match="no answer within 1 seconds"):
        log_in(REGISTRY, SECRET, program, {"PATH": "/usr/bin:/bin"}, 1)
    assert (tmp_path / "args").read_text().count("\n") == 1


def test_a_registry_out_of_reach_has_no_more_than_the_patience(tmp_path: Path) -> None:
    program = docker(tmp_path, "echo 'dial tcp: connect: connection refused' >&2; exit 1")
    with pytest.raises(MzbuildError, match="connection refused"):
        log_in(REGISTRY, SECRET, program, {"PATH": "/usr/bin:/bin"}, 60, patience=0)
    assert (tmp_path / "args").read_text().count("\n") == 1
