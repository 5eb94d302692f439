"""Cargo as it is started: by the real Cargo, with configurations as people have them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest
from mzbuild.core.cargo.command import cargo_command, scripts
from mzbuild.core.cargo.settings import CargoFlags, CargoSettings
from mzbuild.core.cargo.staged_files import DIRECTORY
from mzbuild.core.cargo.staging import write_scripts
from mzbuild.core.configuration import Arch

from tests.core.conftest import ENV

TARGET = f"{Arch.host().value}-unknown-linux-gnu"
PLAIN = CargoSettings(TARGET, "dev")

# The flags that the configurations set, and those that are added to them.
NAMES = ("of_build", "of_target", "of_cfg", "of_home", "of_env", "added", "more")
BUILD = '[build]\nrustflags = ["--cfg=of_build"]\n'
BY_TARGET = f'[target.{TARGET}]\nrustflags = "--cfg=of_target"\n'
BY_CFG = "[target.'cfg(target_os = \"linux\")']\nrustflags = ['--cfg=of_cfg']\n"
OTHER_CFG = "[target.'cfg(windows)']\nrustflags = ['--cfg=of_cfg']\n"

MANIFEST = """\
[package]
name = "app"
version = "0.1.0"
edition = "2021"

[workspace]
"""
MAIN = "fn main() {\n" + "".join(
    f'    if cfg!({name}) {{ println!("{name}"); }}\n' for name in NAMES
)
ADDED = replace(
    PLAIN, flags=CargoFlags(rustflags=("--cfg=added", '--cfg=more="a b"', "--cfg=more"))
)


class Build:
    """A directory as `cargo.staging` makes it, with the sources of one program."""

    def __init__(self, directory: Path, files: Mapping[str, str]):
        self.directory = directory
        self.home = directory.parent / "cargo-home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.write({"Cargo.toml": MANIFEST, **files})

    def write(self, files: Mapping[str, str]) -> None:
        for path, content in files.items():
            file = self.directory / "sources" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    def run(
        self,
        settings: CargoSettings,
        env: Mapping[str, str] | None = None,
        args: tuple[str, ...] = ("build", "--quiet"),
    ) -> subprocess.CompletedProcess[str]:
        write_scripts(str(self.directory), scripts("this compiler"))
        command = cargo_command("cargo", (*args, f"--target={settings.target}"), settings)
        return subprocess.run(
            [
                *settings.command_prefix,
                *(word.replace(DIRECTORY, str(self.directory)) for word in command),
            ],
            cwd=self.directory.parent,
            env={**ENV, "CARGO_HOME": str(self.home), **(env or {})},
            capture_output=True,
            text=True,
        )

    def program(self) -> Path:
        return self.directory / f"target/{TARGET}/debug/app"

    def flags(self, settings: CargoSettings, env: Mapping[str, str] | None = None) -> list[str]:
        """The flags with which the program has been compiled, as it tells itself."""
        done = self.run(settings, env)
        assert done.returncode == 0, done.stderr
        return subprocess.run(
            [self.program()], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.split()

    def flags_of_cargo(self, env: Mapping[str, str]) -> list[str]:
        """The same where Cargo is run as it is."""
        subprocess.run(
            ["cargo", "build", "--quiet", f"--target={TARGET}"],
            cwd=self.directory / "sources",
            env={
                **ENV,
                "CARGO_HOME": str(self.home),
                "CARGO_TARGET_DIR": str(self.directory / "target"),
                **env,
            },
            check=True,
        )
        return subprocess.run(
            [self.program()], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.split()


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path / "build", {"src/main.rs": MAIN + "}\n"})


@pytest.mark.parametrize(
    ("config", "env", "configured"),
    [
        ("", {}, []),
        (BUILD, {}, ["of_build"]),
        (BY_TARGET, {}, ["of_target"]),
        (BY_CFG, {}, ["of_cfg"]),
        (BUILD + BY_CFG, {}, ["of_cfg"]),
        (BUILD + OTHER_CFG, {}, ["of_build"]),
        (BY_TARGET + BY_CFG, {}, ["of_target", "of_cfg"]),
        ("", {"CARGO_BUILD_RUSTFLAGS": "--cfg=of_env"}, ["of_env"]),
        (BY_CFG, {"RUSTFLAGS": "--cfg=of_env"}, ["of_env"]),
    ],
)
def test_flags_are_added_to_those_of_the_configuration(
    build: Build, config: str, env: Mapping[str, str], configured: list[str]
) -> None:
    build.write({".cargo/config.toml": config})
    assert build.flags_of_cargo(env) == configured
    assert build.flags(PLAIN, env) == configured
    assert build.flags(ADDED, env) == [*configured, "added", "more"]


def test_a_configuration_that_changes_is_noticed_wherever_it_is(build: Build) -> None:
    assert build.flags(ADDED) == ["added", "more"]
    (build.home / "config.toml").write_text("[build]\nrustflags = ['--cfg=of_home']\n")
    assert build.flags(ADDED) == ["of_home", "added", "more"]
    above = build.directory.parent / ".cargo/config.toml"
    above.parent.mkdir()
    above.write_text(BY_TARGET)
    assert build.flags(ADDED) == ["of_target", "added", "more"]
    above.write_text(BY_CFG)
    assert build.flags(ADDED) == ["of_cfg", "added", "more"]
    above.unlink()
    assert build.flags(ADDED, {"CARGO_BUILD_RUSTFLAGS": "--cfg=of_env"})[-3:] == [
        "of_env",
        "added",
        "more",
    ]


def test_what_another_cargo_has_left_is_not_read(build: Build) -> None:
    assert build.flags(ADDED) == ["added", "more"]
    (build.directory / "probe/Cargo.lock").write_text("version = 1000000\n")
    build.write({".cargo/config.toml": BUILD})
    assert build.flags(ADDED) == ["of_build", "added", "more"]


def test_build_scripts_do_not_get_them(build: Build) -> None:
    script = 'fn main() { if cfg!(added) { println!("cargo:rustc-cfg=of_build"); } }\n'
    build.write({"build.rs": script})
    assert build.flags(ADDED) == ["added", "more"]


def test_what_is_wrong_with_the_configuration_is_shown(build: Build) -> None:
    build.write({".cargo/config.toml": "[build\n"})
    done = build.run(ADDED)
    assert done.returncode != 0
    assert "could not parse TOML configuration" in done.stderr
    assert ".cargo/config.toml" in done.stderr


def test_variables_reach_cargo_whatever_the_command_prefix_does(build: Build) -> None:
    build.write(
        {
            "build.rs": "fn main() {\n"
            '    let value = std::env::var("WORDS").unwrap();\n'
            '    println!("cargo:rustc-env=WORDS={value}");\n'
            '    println!("cargo:rustc-env=HERE={}", std::env::var("HERE").unwrap());\n'
            "}\n",
            "src/main.rs": 'fn main() { println!("{} {}", env!("WORDS"), env!("HERE")); }\n',
        }
    )
    prefix = ("env", "-i", f"PATH={os.environ['PATH']}", f"HOME={os.environ['HOME']}", "HERE=yes")
    settings = replace(PLAIN, flags=CargoFlags(env=(("WORDS", "a 'b' $c"),)), command_prefix=prefix)
    assert build.flags(settings) == ["a", "'b'", "$c", "yes"]


def test_the_linker_and_the_toolchain_are_those_of_the_settings(
    build: Build, tmp_path: Path
) -> None:
    missing = build.run(replace(PLAIN, linker="no-such-linker"))
    assert "linker `no-such-linker` not found" in missing.stderr
    # rustup takes the toolchain from the first argument; without it there is one toolchain only.
    recording = tmp_path / "bin/cargo"
    recording.parent.mkdir()
    recording.write_text(
        f'#!/bin/sh\necho "$1" >>{tmp_path}/calls\nshift\nexec {which("cargo")} "$@"\n'
    )
    recording.chmod(0o755)
    done = build.run(
        replace(PLAIN, toolchain="channel"), {"PATH": f"{recording.parent}:{os.environ['PATH']}"}
    )
    assert done.returncode == 0, done.stderr
    assert set((tmp_path / "calls").read_text().split()) == {"+channel"}


def test_what_is_compiled_does_not_tell_where(tmp_path: Path) -> None:
    """With paths of the sources, of generated code, and of a dependency in Cargo's home."""
    library = tmp_path / "library"
    (library / "src").mkdir(parents=True)
    (library / "Cargo.toml").write_text(MANIFEST.replace("app", "library"))
    (library / "src/lib.rs").write_text(
        "pub fn place() -> &'static str { file!() }\n"
        "#[inline(never)]\npub fn fail(n: usize) -> u8 { [1u8, 2][n] }\n"
    )
    for args in (
        ["init", "--quiet"],
        ["add", "."],
        ["commit", "--quiet", "--message", "library"],
    ):
        subprocess.run(["git", *args], cwd=library, env=ENV, check=True)
    script = (
        'fn main() {\n    let out = std::env::var("OUT_DIR").unwrap();\n'
        '    let code = "pub fn generated() -> &\'static str { file!() }\\n";\n'
        '    std::fs::write(format!("{out}/g.rs"), code).unwrap();\n}\n'
    )
    main = (
        'include!(concat!(env!("OUT_DIR"), "/g.rs"));\n'
        "fn main() {\n"
        '    println!("{} {}", library::place(), generated());\n'
        "    library::fail(std::env::args().count());\n"
        "}\n"
    )
    manifest = f'{MANIFEST}[dependencies]\nlibrary = {{ git = "file://{library}" }}\n'
    files = {"Cargo.toml": manifest, "build.rs": script, "src/main.rs": main}
    contents = []
    for where in ("here", "somewhere/else"):
        build = Build(tmp_path / where / "build", files)
        done = build.run(PLAIN)
        assert done.returncode == 0, done.stderr
        contents.append(build.program().read_bytes())
        assert str(build.directory).encode() not in contents[-1]
        assert str(build.home).encode() not in contents[-1]
        said = subprocess.run([build.program()], stdout=subprocess.PIPE, text=True).stdout.split()
        assert said[0].startswith("/cargo/git/checkouts/library-")
        assert said[1].startswith(f"/mzbuild/target/{TARGET}/debug/build/app-")
    assert len({hashlib.sha256(content).hexdigest() for content in contents}) == 1
