"""Runs pytest with the interpreter and the packages of the Pants that $MZBUILD_TEST_PANTS names.

    MZBUILD_TEST_PANTS=/path/to/pants python -m tests.another_pants tests/rules [PYTEST-ARGUMENT...]

pytest and its plugins come from the environment that runs this, unless that Pants has them. Tests
of rules need `pants.testutil`, which must be where that Pants is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

# A backend that tells, when Pants loads it, where it runs.
_BACKEND = """\
import json, os, sys
with open(os.environ["MZBUILD_WHERE"], "w") as file:
    json.dump([sys.executable, sys.path], file)
"""


def where_it_runs(pants: str) -> tuple[str, list[str]]:
    """The Python interpreter that runs a Pants, and the `sys.path` that it has there."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "pants.toml").write_text("[GLOBAL]\n")
        (directory / "probe").mkdir()
        (directory / "probe/__init__.py").touch()
        (directory / "probe/register.py").write_text(_BACKEND)
        options = [f"--pythonpath=['{name}']", "--backend-packages=probe", "--no-pantsd"]
        told = directory / "told.json"
        subprocess.run(
            [pants, *options, "help"],
            cwd=directory,
            env={**os.environ, "MZBUILD_WHERE": str(told)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        executable, path = json.loads(told.read_text())
        return executable, [entry for entry in path if not entry.startswith(name)]


def run_pytest(pants: str, arguments: Sequence[str]) -> NoReturn:
    """Becomes a run of pytest there; `arguments` are pytest's."""
    executable, path = where_it_runs(pants)
    # What it has itself comes first, also for the workers that pytest starts.
    path += [entry for entry in sys.path if entry not in path]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    os.execve(executable, [executable, "-m", "pytest", *arguments], env)


if __name__ == "__main__":
    run_pytest(os.environ["MZBUILD_TEST_PANTS"], sys.argv[1:])
