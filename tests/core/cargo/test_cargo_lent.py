from __future__ import annotations

import subprocess
import sys

import pytest
from mzbuild.core.cargo import lent_environment
from mzbuild.core.cargo.lent_environment import borrowed, lent

SHOW = "import sys, lent_environment; print(dict(lent_environment.borrowed(sys.argv[1])))"


def test_another_process_borrows_them_only_meanwhile() -> None:
    directory = lent_environment.__file__.rpartition("/")[0]
    with lent({"TOKEN": "secret"}) as path:
        command = [sys.executable, "-c", SHOW, path]
        shown = subprocess.run(
            command, env={"PYTHONPATH": directory}, check=True, capture_output=True, text=True
        )
        assert shown.stdout == "{'TOKEN': 'secret'}\n"
    with pytest.raises(FileNotFoundError):
        borrowed(path)


def test_two_may_lend_at_once() -> None:
    with lent({"A": "1"}) as one, lent({"A": "2"}) as other:
        assert (borrowed(one), borrowed(other)) == ({"A": "1"}, {"A": "2"})
