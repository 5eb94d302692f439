from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from mzbuild.core.cargo.installed import compiler_state


def program(path: Path, content: str = "\x7fELF") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_of_rustup_all_counts_that_makes_it_choose_another_compiler(
    tmp_path: Path, link: object
) -> None:
    assert callable(link)
    proxy = tmp_path / "bin/rustc"
    link(program(tmp_path / "bin/rustup"), proxy)
    home = tmp_path / "home"
    first, second = (home / ".rustup/toolchains" / name for name in ("stable", "nightly"))
    compiler = program(first / "bin/rustc")
    library = program(first / "lib/librustc_driver-1.so")
    settings = program(home / ".rustup/settings.toml", 'default_toolchain = "stable"')

    def state(**env: str) -> str:
        found = compiler_state(str(proxy), {"HOME": str(home), **env})
        assert found is not None
        return found

    states = [state()]
    assert state() == states[0]
    settings.write_text('default_toolchain = "nightly"')
    states.append(state())
    # An update replaces files by others, which may be as old and as large.
    old = compiler.stat()
    shutil.copy(compiler, tmp_path / "new")
    os.utime(tmp_path / "new", ns=(old.st_atime_ns, old.st_mtime_ns))
    (tmp_path / "new").replace(compiler)
    states.append(state())
    library.rename(library.with_name("librustc_driver-2.so"))
    states.append(state())
    program(second / "bin/rustc")
    states.append(state())
    states.append(state(RUSTUP_HOME=str(tmp_path / "elsewhere")))
    program(tmp_path / "elsewhere/toolchains/x/bin/rustc")
    states.append(state(RUSTUP_HOME=str(tmp_path / "elsewhere")))
    assert len(set(states)) == len(states)


def test_a_toolchain_that_rustup_has_not_installed_is_not_known_by_its_files(
    tmp_path: Path,
) -> None:
    program(tmp_path / "rustup")
    (tmp_path / "rustc").symlink_to("rustup")
    rustc, env = str(tmp_path / "rustc"), {"HOME": str(tmp_path)}
    named = program(tmp_path / "named.toml", '[toolchain]\nchannel = "1.95"\n')
    elsewhere = program(tmp_path / "elsewhere.toml", '[toolchain]\npath = "/opt/rust"\n')
    assert compiler_state(rustc, env, [str(named), str(tmp_path / "missing")]) is not None
    assert compiler_state(rustc, env, [str(named), str(elsewhere)]) is None
    assert compiler_state(rustc, {**env, "RUSTUP_TOOLCHAIN": "nightly"}) is not None
    assert compiler_state(rustc, {**env, "RUSTUP_TOOLCHAIN": "/opt/rust"}) is None


def test_a_compiler_is_known_by_its_file_and_another_program_is_not(tmp_path: Path) -> None:
    rustc = program(tmp_path / "rust-1.63/bin/rustc")
    link = tmp_path / "bin/rustc"
    link.parent.mkdir()
    link.symlink_to(rustc)
    first = compiler_state(str(link), {})
    assert first is not None
    assert compiler_state(str(link), {}) == first
    rustc.write_text("\x7fELF of another one")
    second = compiler_state(str(link), {})
    assert second not in (None, first)
    (tmp_path / "rust-1.63/lib").mkdir()
    assert compiler_state(str(link), {}) not in (None, second)

    rustc.write_text("#!/bin/sh\nexec rustc-of-today\n")
    assert compiler_state(str(link), {}) is None
    link.unlink()
    link.symlink_to(program(tmp_path / "shims/version-manager"))
    assert compiler_state(str(link), {}) is None
    assert compiler_state(str(tmp_path / "missing"), {}) is None
