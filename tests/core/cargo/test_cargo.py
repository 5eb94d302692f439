from __future__ import annotations

import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.cargo.arguments import (
    build_directory,
    built_files,
    cargo_build_args,
    debug_files,
    extracted_files,
    finishing_commands,
)
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.lock import CargoLock
from mzbuild.core.cargo.manifest import parse_cargo_toml
from mzbuild.core.cargo.members import load_workspace
from mzbuild.core.cargo.options import parse_cargo_options
from mzbuild.core.cargo.settings import CargoFlags, CargoSettings
from mzbuild.core.cargo.staged_files import DIRECTORY
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Arch, Configuration, Profile, Sanitizer
from mzbuild.core.errors import MzbuildError

from tests.core.conftest import CONFIGURATION, ENV, listing
from tests.elf import debug_link, sections

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


def settings(configuration: Configuration = CONFIGURATION) -> CargoSettings:
    return parse_cargo_options().settings(configuration)


def args(settings: CargoSettings, build: CargoBuild = BUILD) -> list[str]:
    return [*cargo_build_args(build, workspace(), settings, CargoLock({}), "i/mzbuild.yml")]


@pytest.mark.parametrize(
    ("configuration", "profile"),
    [
        (CONFIGURATION, ["--profile=optimized", "--target=x86_64-unknown-linux-gnu"]),
        (RELEASE, ["--profile=release", "--target=x86_64-unknown-linux-gnu"]),
        (DEV, ["--profile=dev", "--target=aarch64-unknown-linux-gnu"]),
    ],
)
def test_one_build_makes_all_that_an_action_wants(
    configuration: Configuration, profile: list[str]
) -> None:
    assert args(settings(configuration))[:-1] == [
        "build",
        *profile,
        *("--package=app", "--package=b", "--bin=app", "--bin=tool", "--example=demo"),
        *("--features=fast,small", "--locked"),
    ]


def test_further_arguments_come_last() -> None:
    more = replace(settings(), flags=CargoFlags(args=("--jobs=1", "--no-default-features")))
    assert args(more)[-2:] == ["--jobs=1", "--no-default-features"]


def test_a_lock_file_that_is_not_there_is_not_insisted_on() -> None:
    build = CargoBuild(bins=("app",))
    command = cargo_build_args(build, workspace(), settings(), None, "i/mzbuild.yml")
    assert "--locked" not in command
    assert not [arg for arg in command if arg.startswith("--features")]


@pytest.mark.parametrize(
    ("target", "cargo_profile", "directory"),
    [
        ("x86_64-unknown-linux-gnu", "optimized", "x86_64-unknown-linux-gnu/optimized"),
        ("x86_64-unknown-linux-musl", "release", "x86_64-unknown-linux-musl/release"),
        ("x86_64-unknown-linux-gnu", "bench", "x86_64-unknown-linux-gnu/release"),
        ("aarch64-unknown-linux-gnu", "dev", "aarch64-unknown-linux-gnu/debug"),
        ("aarch64-unknown-linux-gnu", "test", "aarch64-unknown-linux-gnu/debug"),
    ],
)
def test_results_lie_where_cargo_puts_them(target: str, cargo_profile: str, directory: str) -> None:
    assert built_files(BUILD, CargoSettings(target, cargo_profile)) == {
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


def test_a_workspace_without_the_profile_is_an_error_that_shows_it() -> None:
    with pytest.raises(MzbuildError) as error:
        cargo_build_args(BUILD, workspace(""), settings(), CargoLock({}), "i/mzbuild.yml")
    assert str(error.value) == (
        "i/mzbuild.yml: binaries are to be built with the profile `optimized`, which the workspace "
        'does not define. Add\n\n    [profile.optimized]\n    inherits = "release"\n\nto the '
        "root's `Cargo.toml`, or use `--mzbuild-profile=release`."
    )


def test_a_binary_that_no_crate_has_is_an_error() -> None:
    with pytest.raises(MzbuildError, match=r"^i/mzbuild.yml: no crate .* `apq`\. Did you mean"):
        args(settings(), CargoBuild(bins=("apq",)))


def test_the_missing_profile_is_named() -> None:
    with pytest.raises(MzbuildError, match=r"(?s)the profile `fast`.*\[profile\.fast\]"):
        args(replace(settings(), cargo_profile="fast"))


@pytest.mark.parametrize("strip", [True, False])
@pytest.mark.parametrize("split", [True, False])
def test_a_finished_binary_runs_and_debuggers_find_what_was_split_off(
    tmp_path: Path, strip: bool, split: bool
) -> None:
    (tmp_path / "main.rs").write_text('fn main() { println!("runs"); }\n')
    for name in ("results/examples", "debug/examples", "target"):
        (tmp_path / name).mkdir(parents=True)
    build = CargoBuild(examples=("demo",), strip=strip, split_debuginfo=split)
    (built,) = (tmp_path / "target" / path for path in built_files(build, settings()).values())
    built.parent.mkdir(parents=True)
    compiling = ["rustc", "-g", "-o", str(built), "main.rs"]
    subprocess.run(compiling, cwd=tmp_path, env=ENV, check=True)
    content = built.read_bytes()
    for command in finishing_commands(build, settings(), "results", "debug"):
        command = tuple(word.replace(DIRECTORY, str(tmp_path)) for word in command)
        subprocess.run(command, cwd=tmp_path, env=ENV, check=True)
    assert built.read_bytes() == content, "what Cargo has built is Cargo's"
    demo = tmp_path / "results/examples/demo"
    found = sections(demo)
    assert (".debug_info" in found) is not strip
    assert (".gnu_debuglink" in found) is split
    assert not found & {".debug_pubnames", ".debug_pubtypes"}
    debugs = [tmp_path / "debug" / path for path in debug_files(build).values()]
    assert [path for path in tmp_path.glob("debug/**/*") if path.is_file()] == debugs
    for debug in debugs:
        assert ".debug_info" in sections(debug)
        assert debug_link(demo) == ("demo.debug", zlib.crc32(debug.read_bytes()))
    ran = subprocess.run([demo], check=True, stdout=subprocess.PIPE)
    assert ran.stdout == b"runs\n"


def test_extracted_files_stay_in_their_places() -> None:
    pairs = (("a/./x", "share/y"), (".", "."), ("d", "e/"))
    build = CargoBuild(bins=("app",), extract=(("p", pairs),))
    assert extracted_files(build, "i/mzbuild.yml") == (
        ("p", "a/./x", "share/y"),
        ("p", ".", ""),
        ("p", "d", "e/"),
    )


@pytest.mark.parametrize(
    "source", ["../../../../../download", "$CARGO_TARGET_DIR/download", "${CARGO_TARGET_DIR}"]
)
def test_what_lies_in_the_target_directory_may_be_extracted(source: str) -> None:
    build = CargoBuild(bins=("app",), extract=(("p", ((source, "d"),)),))
    assert extracted_files(build, "i/mzbuild.yml") == (("p", source, "d"),)


def _extracting(source: str, destination: str) -> str:
    build = CargoBuild(bins=("app",), extract=(("p", ((source, destination),)),))
    with pytest.raises(MzbuildError) as error:
        extracted_files(build, "i/mzbuild.yml")
    return str(error.value)


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/x"])
def test_extracting_to_elsewhere_is_an_error(path: str) -> None:
    assert _extracting("x", path) == (
        f"i/mzbuild.yml: `extract.p: {path}` leads out of the context. Give a path relative to the "
        "root of the context, without `..`."
    )


@pytest.mark.parametrize("path", ["/x", "$CARGO_TARGET_DIR/..", "${CARGO_TARGET_DIR}/a/../../x"])
def test_extracting_from_what_can_be_no_target_directory_is_an_error(path: str) -> None:
    assert _extracting(path, "x") == (
        f"i/mzbuild.yml: `extract.p: {path}` leads out of Cargo's target directory. Give a path "
        "relative to the OUT_DIR of the package, or `$CARGO_TARGET_DIR/…`."
    )
