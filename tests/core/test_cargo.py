from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.cargo import (
    build_directory,
    built_files,
    cargo_build_args,
    strip_args,
    target_triple,
)
from mzbuild.core.cargo_manifest import parse_cargo_toml
from mzbuild.core.cargo_workspace import CargoWorkspace, load_workspace
from mzbuild.core.configuration import Arch, Configuration, Profile, Sanitizer
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image import CargoBuild

from tests.core.conftest import CONFIGURATION, ENV, listing

BUILD = CargoBuild(bins=("app", "tool"), examples=("demo",), features=("fast", "small"))
RELEASE = replace(CONFIGURATION, profile=Profile.RELEASE)
DEV = replace(CONFIGURATION, profile=Profile.DEV, arch=Arch.AARCH64)


def workspace(root: str = '[profile.optimized]\ninherits = "release"\n') -> CargoWorkspace:
    package = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
    files = {
        "Cargo.toml": f'[workspace]\nmembers = ["a", "b"]\n{root}',
        "a/Cargo.toml": package.format("app"),
        "a/src/main.rs": "",
        "b/Cargo.toml": package.format("b") + "[features]\nfast = []\nsmall = []\n",
        "b/src/bin/tool.rs": "",
        "b/examples/demo.rs": "",
    }
    return load_workspace(
        listing(*files), lambda path: parse_cargo_toml(files[path].encode(), path)
    )


def args(configuration: Configuration, build: CargoBuild = BUILD) -> list[str]:
    return [*cargo_build_args(build, workspace(), configuration, "i/mzbuild.yml", locked=True)]


@pytest.mark.parametrize(
    ("configuration", "profile"),
    [
        (CONFIGURATION, ["--profile=optimized", "--target=x86_64-unknown-linux-gnu"]),
        (RELEASE, ["--release", "--target=x86_64-unknown-linux-gnu"]),
        (DEV, ["--target=aarch64-unknown-linux-gnu"]),
    ],
)
def test_one_build_makes_all_that_an_action_wants(
    configuration: Configuration, profile: list[str]
) -> None:
    assert args(configuration)[:-1] == [
        "build",
        *profile,
        *("--package=app", "--package=b", "--bin=app", "--bin=tool", "--example=demo"),
        *("--features=fast,small", "--locked"),
    ]


def test_a_lock_file_that_is_not_there_is_not_insisted_on() -> None:
    build = CargoBuild(bins=("app",))
    command = cargo_build_args(build, workspace(), RELEASE, "i/mzbuild.yml", locked=False)
    assert "--locked" not in command
    assert not [arg for arg in command if arg.startswith("--features")]


@pytest.mark.parametrize(
    ("configuration", "directory"),
    [
        (CONFIGURATION, "x86_64-unknown-linux-gnu/optimized"),
        (RELEASE, "x86_64-unknown-linux-gnu/release"),
        (DEV, "aarch64-unknown-linux-gnu/debug"),
    ],
)
def test_results_lie_where_cargo_puts_them(configuration: Configuration, directory: str) -> None:
    assert built_files(BUILD, configuration) == {
        "app": f"{directory}/app",
        "tool": f"{directory}/tool",
        "examples/demo": f"{directory}/examples/demo",
    }


def test_configurations_are_compiled_apart() -> None:
    configurations = [
        CONFIGURATION,
        RELEASE,
        DEV,
        replace(CONFIGURATION, arch=Arch.AARCH64),
        replace(CONFIGURATION, coverage=True),
        replace(CONFIGURATION, sanitizer=Sanitizer.ADDRESS),
    ]
    assert len({build_directory(each) for each in configurations}) == len(configurations)
    assert target_triple(DEV) == "aarch64-unknown-linux-gnu"


def test_a_workspace_without_the_profile_is_an_error_that_shows_it() -> None:
    with pytest.raises(MzbuildError) as error:
        cargo_build_args(BUILD, workspace(""), CONFIGURATION, "i/mzbuild.yml", locked=True)
    assert str(error.value) == (
        "i/mzbuild.yml: binaries are to be built with the profile `optimized`, which the workspace "
        'does not define. Add\n\n    [profile.optimized]\n    inherits = "release"\n\nto the '
        "root's `Cargo.toml`, or use `--mzbuild-profile=release`."
    )


def test_a_binary_that_no_crate_has_is_an_error() -> None:
    with pytest.raises(MzbuildError, match=r"^i/mzbuild.yml: no crate .* `apq`\. Did you mean"):
        args(CONFIGURATION, CargoBuild(bins=("apq",)))


@pytest.mark.parametrize(
    "configuration",
    [replace(RELEASE, coverage=True), replace(RELEASE, sanitizer=Sanitizer.THREAD)],
)
def test_a_build_that_would_lack_what_its_name_says_is_an_error(
    configuration: Configuration,
) -> None:
    with pytest.raises(MzbuildError) as error:
        args(configuration)
    assert str(error.value) == (
        "i/mzbuild.yml: Cargo builds with coverage or a sanitizer are not supported yet; only "
        "fingerprints for them are."
    )


@pytest.mark.parametrize("strip", [True, False])
def test_a_binary_runs_after_it_was_stripped(tmp_path: Path, strip: bool) -> None:
    (tmp_path / "main.rs").write_text('fn main() { println!("runs"); }\n')
    build = ["rustc", "-g", "-o", "built", "main.rs"]
    subprocess.run(build, cwd=tmp_path, env=ENV, check=True)
    sections = ["objdump", "--section-headers", "built"]
    subprocess.run([*strip_args(strip), "built"], cwd=tmp_path, env=ENV, check=True)
    headers = subprocess.run(sections, cwd=tmp_path, env=ENV, check=True, stdout=subprocess.PIPE)
    assert (b".debug_info" in headers.stdout) is not strip
    assert b".debug_pubnames" not in headers.stdout
    ran = subprocess.run([tmp_path / "built"], check=True, stdout=subprocess.PIPE)
    assert ran.stdout == b"runs\n"
