from __future__ import annotations

from pathlib import Path

import pytest
from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.rules.cargo.toolchain import RustToolchain

from tests.core.conftest import ENV
from tests.rules.conftest import Project, crate

RUSTUP = """\
#!/bin/sh
echo asked >>"$HOME/asked"
cat "$HOME/.rustup/settings.toml"
"""


@pytest.mark.parametrize("managed", [True, False], ids=["rustup", "shim"])
def test_the_compiler_is_asked_again_only_where_it_may_be_another(
    project: Project, tmp_path: Path, managed: bool
) -> None:
    project.write({"Cargo.toml": '[workspace]\nmembers = ["app"]\n', **crate("app", main=True)})
    manager = tmp_path / "bin/rustup" if managed else tmp_path / "bin/manager"
    settings = tmp_path / ".rustup/settings.toml"
    for directory in (manager.parent, settings.parent):
        directory.mkdir()
    manager.write_text(RUSTUP)
    manager.chmod(0o755)
    (tmp_path / "bin/rustc").symlink_to(manager)
    env = {**ENV, "HOME": str(tmp_path), "PATH": f"{tmp_path}/bin:{ENV['PATH']}"}

    def compiler() -> str:
        settings = CargoSettings("x86_64-unknown-linux-gnu", "dev")
        return project.request(RustToolchain, settings, env=env).compiler

    def asked() -> int:
        return len((tmp_path / "asked").read_text().splitlines())

    settings.write_text("release: 1.95.0\n")
    assert compiler() == "release: 1.95.0\n"
    before = asked()
    assert compiler() == "release: 1.95.0\n"
    assert (asked() > before) is not managed
    settings.write_text("release: 1.96.0\n")
    assert compiler() == "release: 1.96.0\n"
