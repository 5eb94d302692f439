"""The wheel of the plugin: it has all of it, and says truly what it needs."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

from tests.e2e.images import COPY_ALL, image
from tests.e2e.repo import CHECKOUT, PANTS_TOML, MakeRepo, finish, own_files, start

PLUGIN = "pants-plugins/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    directory = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).with_name("uv")
    # uv has the backend that the project asks for, so nothing is fetched.
    command = [str(uv), "build", "--wheel", "--offline", "--quiet", "-o", str(directory), "."]
    done = finish(start(command, cwd=CHECKOUT, env=os.environ), check=True)
    assert "warning" not in done.stderr, str(done)
    (built,) = directory.glob("*.whl")
    with zipfile.ZipFile(built) as file:
        yield file


def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return message_from_string(wheel.read(name).decode())


def test_all_files_of_the_plugin_are_in_it_and_no_others(wheel: zipfile.ZipFile) -> None:
    found = {
        name: wheel.read(name)
        for name in wheel.namelist()
        if not name.endswith("/") and ".dist-info/" not in name
    }
    assert found == {
        path[len(PLUGIN) :]: content
        for path, content in own_files().items()
        if path.startswith(f"{PLUGIN}mzbuild/")
    }


def test_it_says_what_it_needs_and_what_pants_is_to_load(wheel: zipfile.ZipFile) -> None:
    described = metadata(wheel)
    assert described["Name"] == "pants-mzbuild"
    assert described["Requires-Python"] == ">=3.9"
    assert described["License-Expression"] == "Apache-2.0"
    assert described.get_all("Requires-Dist") == [
        "pyyaml>=6",
        "tomli>=2 ; python_full_version < '3.11'",
    ]
    (name,) = [name for name in wheel.namelist() if name.endswith("/entry_points.txt")]
    assert wheel.read(name).decode().split("\n\n")[0].splitlines() == [
        "[pantsbuild.plugin]",
        "rules = mzbuild.register:rules",
        "target_types = mzbuild.register:target_types",
    ]


def test_what_is_in_it_runs(wheel: zipfile.ZipFile, make_repo: MakeRepo, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    wheel.extractall(installed)
    toml = PANTS_TOML.replace(f"{CHECKOUT}/pants-plugins", str(installed))
    assert toml != PANTS_TOML
    repo = make_repo({"pants.toml": toml, **image("a", COPY_ALL)})
    assert repo.pants("mzbuild-fingerprint", "::").stdout.startswith("a: ")
    shutil.rmtree(installed)
