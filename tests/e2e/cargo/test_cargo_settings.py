"""The `[mzbuild-cargo]` options: another command, other flags, and what is built with them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.images import (
    COPY_ALL,
    File,
    assert_refused,
    building,
    changed,
    contents,
    described,
    image,
    until,
)
from tests.e2e.repo import PANTS_TOML, Content, Docker, Repo, finish

OPTIONS = """
[mzbuild]
profile = "dev"

[mzbuild-cargo]
passed_env = ["CARGO_TEST_*", "BUILDER_CALLS"]

[mzbuild-cargo.profile.dev]
rustflags = ["--cfg=by_profile"]
env = { WORDS = "of the profile" }

[mzbuild-cargo.settings.release]
when = { profile = "release" }
rustflags = ["--cfg=by_target"]

[mzbuild-cargo.settings.plain]
when = { profile = ["dev", "release"], sanitizer = "none", coverage = false }
rustflags = ["--cfg=by_table"]
env = { HALF = "{cores/1000} of the cores" }
args = ["--jobs={cores}"]
"""

# It shows the environment of a container: nothing is in it but what is put there.
BUILDER = """\
#!/bin/sh
set -e
test "$1 $2" = "run stable"
shift 2
printf '%s %s %s %s\\n' "$PWD" "$BUILDX_CONFIG" "$MZBUILD_CARGO_DIRECTORY" "$*" >>"$BUILDER_CALLS"
RUSTUP_HOME=${RUSTUP_HOME-$HOME/.rustup}
exec env -i PATH="$PATH" HOME="$HOME" RUSTUP_HOME="$RUSTUP_HOME" IN_BUILDER=yes \\
  CARGO_TEST_TOKEN="$CARGO_TEST_TOKEN" "$@"
"""

MAIN = """\
fn main() {
    println!("{} {}", env!("WORDS"), env!("IN_BUILDER"));
    println!("by_profile {}", cfg!(by_profile));
    println!("by_table {} {:?}", cfg!(by_table), option_env!("HALF"));
    println!("by_target {}", cfg!(by_target));
    println!("by_file {}", cfg!(by_file));
    println!("default {}", cfg!(feature = "default"));
}
"""

BUILD_SCRIPT = """\
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=IN_BUILDER");
    let place = std::env::var("IN_BUILDER").unwrap_or("plain".into());
    println!("cargo:rustc-env=IN_BUILDER={place}");
    let token = std::env::var("CARGO_TEST_TOKEN").unwrap_or_default();
    assert!(token.starts_with("very-"), "no token");
}
"""

FILES: Mapping[str, Content] = {
    "pants.toml": PANTS_TOML + OPTIONS,
    "Cargo.toml": '[workspace]\nmembers = ["app"]\nresolver = "2"\n',
    "app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'
    "[features]\ndefault = []\n",
    "app/src/main.rs": MAIN,
    "app/build.rs": BUILD_SCRIPT,
    ".cargo/config.toml": "[build]\nrustflags = ['--cfg=by_file']\n",
    "bin/ci-builder": BUILDER.encode(),
    # The same program as an image's that a BUILD file declares, built in its own way.
    "special/Dockerfile": COPY_ALL,
    "special/BUILD": """\
mzbuild_cargo_build(
    name="program",
    bin=["app"],
    rustflags=["--cfg=by_target"],
    env={"WORDS": "of the target"},
    args=["--no-default-features"],
)
mzbuild_image(pre_image=[":program"])
""",
    **image("app", COPY_ALL, "pre-image: [{type: cargo-build, bin: app}]\n"),
}
TOKEN = {"CARGO_TEST_TOKEN": "very-secret-token"}
PREFIX = "--mzbuild-cargo-command-prefix=['bin/ci-builder', 'run', 'stable']"


class Workshop:
    def __init__(self, repo: Repo, docker: Docker, directory: Path):
        self.repo = repo
        self.docker = docker
        self.directory = directory

    def package(self, *options: str, name: str = "app", env: Mapping[str, str] = TOKEN) -> Path:
        """Packages an image, and returns the program that is in it."""
        target = "images/app" if name == "app" else name
        self.repo.pants("--mzbuild-build=always", *options, "package", target, env=env)
        found = contents(self.docker, described(self.repo)[name]["spec"])
        entry = found["app"]
        assert isinstance(entry, File)
        program = self.directory / name
        program.unlink(missing_ok=True)
        program.write_bytes(entry.content)
        program.chmod(0o755)
        return program

    def builds(self) -> set[str]:
        """The names of the directories in which Cargo has built."""
        caches = Path(self.repo.env["PANTS_NAMED_CACHES_DIR"])
        return {place.parent.name for place in caches.glob("mzbuild_cargo_*/*/target")}


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("settings")
    own = {name: str(directory / Path(value).name) for name, value in cold_caches.items()}
    with building(directory, own, FILES) as (repo, docker):
        yield Workshop(repo, docker, directory)


def run(program: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *args], env={**os.environ, **env}, capture_output=True, text=True
    )


def test_flags_variables_and_arguments_reach_cargo(workshop: Workshop) -> None:
    program = workshop.package()
    assert run(program).stdout == (
        'of the profile plain\nby_profile true\nby_table true Some("1 of the cores")\n'
        "by_target false\nby_file true\ndefault true\n"
    )


def test_a_target_adds_to_the_options(workshop: Workshop) -> None:
    # Where both its own arguments and those of a table have what Cargo takes only once.
    twice = "--mzbuild-cargo-args=['--no-default-features']"
    assert run(workshop.package(twice, name="special")).stdout == (
        'of the target plain\nby_profile true\nby_table true Some("1 of the cores")\n'
        "by_target true\nby_file true\ndefault false\n"
    )


def test_a_passed_variable_is_kept_nowhere(workshop: Workshop) -> None:
    workshop.package()
    assert keeping(workshop, TOKEN["CARGO_TEST_TOKEN"]) == []
    # Nor does its value decide what is built.
    before = log_time(workshop)
    workshop.package(env={"CARGO_TEST_TOKEN": "very-other"})
    assert log_time(workshop) == before


def test_a_passed_variable_is_not_left_behind_by_pants_when_it_is_killed(
    workshop: Workshop,
) -> None:
    begun = workshop.directory / "begun"
    wait = f'    std::fs::write("{begun}", "").unwrap();\n    while '
    wait += f'std::path::Path::new("{begun}").exists() {{}}\n}}\n'
    with changed(workshop.repo, {"app/build.rs": BUILD_SCRIPT.rstrip()[:-1] + wait}):
        process = workshop.repo.start_pants("package", "images/app", env=TOKEN)
        until(begun.exists, "the build script runs")
        try:
            assert keeping(workshop, TOKEN["CARGO_TEST_TOKEN"]) == []
            # It would start another daemon, and ask that.
            os.killpg(process.pid, signal.SIGKILL)
            (daemon,) = workshop.repo.pantsds()
            os.kill(daemon, signal.SIGKILL)
            finish(process, check=False)
            assert keeping(workshop, TOKEN["CARGO_TEST_TOKEN"]) == []
        finally:
            begun.unlink()


def keeping(workshop: Workshop, secret: str) -> list[Path]:
    """The files in caches and in Pants' own directory that have a secret in them."""
    env, root = workshop.repo.env, workshop.repo.root
    places = [Path(env[f"PANTS_{name}_DIR"]) for name in ("LOCAL_STORE", "NAMED_CACHES")]
    return [
        path
        for place in (*places, root / ".pants.d", workshop.directory / "sandboxes")
        for path in place.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]


def log_time(workshop: Workshop) -> list[int]:
    """When Cargo has begun to run last, in each of its places."""
    caches = Path(workshop.repo.env["PANTS_NAMED_CACHES_DIR"])
    return sorted(log.stat().st_mtime_ns for log in caches.glob("mzbuild_cargo_*/*/build.log"))


def test_a_command_prefix_is_run_at_the_root_and_builds_elsewhere(workshop: Workshop) -> None:
    log = workshop.directory / "builder-calls"
    # It may be that of a container, which takes what tells where the engine is.
    env = {**TOKEN, "BUILDER_CALLS": str(log), "BUILDX_CONFIG": str(workshop.directory / "buildx")}
    program = workshop.package(PREFIX, env=env)
    assert run(program).stdout.startswith("of the profile yes\n")
    calls = [call.split(" ", 3) for call in log.read_text().splitlines()]
    assert {(call[0], call[1]) for call in calls} == {
        (str(workshop.repo.root), env["BUILDX_CONFIG"]),
    }
    commands = [call[3].split(" ")[0] for call in calls]
    assert commands == ["rustc", "env", "sh"], "the compiler, Cargo, and what strips its binary"
    (built,) = {call[2] for call in calls[1:]}
    caches = Path(workshop.repo.env["PANTS_NAMED_CACHES_DIR"]).resolve()
    assert Path(built).parent.parent == caches

    before = log_time(workshop)
    workshop.package(PREFIX, env=env)
    workshop.repo.pants(PREFIX, "--mzbuild-build=always", "mzbuild-plan", "::", env=env)
    assert log_time(workshop) == before
    assert len(log.read_text().splitlines()) == len(calls), "the compiler is known"
    with changed(workshop.repo, {"bin/ci-builder": BUILDER.replace("yes", "another")}):
        program = workshop.package(PREFIX, env=env)
        assert run(program).stdout.startswith("of the profile another\n")


def test_coverage_is_recorded(workshop: Workshop, tmp_path: Path) -> None:
    program = workshop.package("--mzbuild-coverage")
    profile = tmp_path / "app.profraw"
    ran = run(program, LLVM_PROFILE_FILE=str(profile))
    assert (ran.returncode, "by_table false None\n" in ran.stdout) == (0, True)
    assert profile.read_bytes()[1:7] == b"rforpl", "the magic bytes of a raw profile"
    assert "x86_64-dev-coverage-none" in workshop.builds()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "--mzbuild-cargo-arch={'arm64': {}}",
            "[mzbuild-cargo.arch] has no table `arm64`; the tables are `x86_64` and `aarch64`. "
            "Did you mean `aarch64`?",
        ),
        (
            "--mzbuild-cargo-settings={'arm': {'when': {'arch': 'arm64'}}}",
            "[mzbuild-cargo.settings.arm].when: `arch` cannot be `arm64`; the values are `x86_64` "
            "and `aarch64`, and lists of them. Did you mean `aarch64`?",
        ),
        (
            "--mzbuild-cargo-toolchain=no-such",
            "`rustc +no-such -vV` should tell the version of the Rust compiler, but failed:",
        ),
        (
            "--mzbuild-cargo-command-prefix=['bin/builder']",
            "[mzbuild-cargo].command_prefix: `bin/builder` cannot be run: No such file or "
            "directory. Name a program that is there, in the repository.",
        ),
        (
            "--mzbuild-cargo-command-prefix=['bin/ci-builder', 'walk']",
            "`bin/ci-builder walk rustc -vV` should tell the version of the Rust compiler",
        ),
    ],
)
def test_a_mistake_is_explained(workshop: Workshop, option: str, said: str) -> None:
    for path in workshop.repo.root.glob("dist/*/*.json"):
        path.unlink()
    result = workshop.repo.pants(
        option, "--mzbuild-build=always", "package", "images/app", env=TOKEN, check=False
    )
    assert_refused(workshop.repo, result, said)


def test_two_clones_make_the_same_bytes(workshop: Workshop, tmp_path: Path) -> None:
    """Neither shares any cache with the other, so that both compile."""
    first = workshop.package().read_bytes()
    own = {
        "PANTS_LOCAL_STORE_DIR": str(tmp_path / "another/store"),
        "PANTS_NAMED_CACHES_DIR": str(tmp_path / "another/named"),
    }
    elsewhere = tmp_path / "else/where"
    elsewhere.mkdir(parents=True)
    with building(elsewhere, own, FILES) as (repo, docker):
        other = Workshop(repo, docker, elsewhere)
        assert other.package().read_bytes() == first
        for place in (workshop.directory, tmp_path):
            assert str(place).encode() not in first
        assert other.builds() == {"x86_64-dev-none"}
