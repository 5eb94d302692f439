"""An environment without Docker and Cargo, and what Pants logs, as its user sees it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.repo import CHECKOUT, Result, finish, start

# What ./pants itself runs, and Git.
_TOOLS = ("bash", "cksum", "cmp", "dirname", "readlink", "git")

_LOG_RECORD = re.compile(r"^\d\d:\d\d:\d\d\.\d\d \[([A-Z]+)\] ", re.MULTILINE)


def bare_environment(directory: Path, env: Mapping[str, str]) -> Mapping[str, str]:
    """`env` with a PATH, kept in a new directory, that has Git, but neither Docker nor Cargo."""
    # Setting ./pants up takes more tools than running it.
    set_up = [str(CHECKOUT / "bin/venv"), str(CHECKOUT / "3rdparty/python/pants.lock")]
    finish(start(set_up, cwd=CHECKOUT, env=os.environ), check=True)
    directory.mkdir()
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found, f"there is no {tool} on the PATH"
        (directory / tool).symlink_to(found)
    return {**env, "PATH": str(directory), "PANTS_MZBUILD_ARCH": "x86_64"}


def logged(result: Result) -> list[tuple[str, str]]:
    """What Pants has logged, as level and message, without its remarks on starting pantsd."""
    before, *fields = _LOG_RECORD.split(result.stderr)
    assert not before, str(result)
    records = [(level, message.strip()) for level, message in zip(fields[::2], fields[1::2])]
    return [record for record in records if record[0] != "INFO"]


def error(result: Result, exit_code: int = 1) -> str:
    """The one message that a failed run shows; fails where the user would see anything else."""
    assert result.returncode == exit_code, str(result)
    assert result.stdout == ""
    assert "traceback" not in result.stderr.lower(), str(result)
    records = logged(result)
    assert [level for level, _ in records] == ["ERROR"], str(result)
    return records[0][1]
