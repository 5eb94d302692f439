"""The `cargo-build` action: what is compiled, where, when, and what it says when it cannot be."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

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
    path_without,
    shadow,
)
from tests.e2e.repo import Content, Docker, Repo, Result


def manifest(name: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{more}'


def dependencies(*names: str) -> str:
    return "".join(
        ["[dependencies]\n", *(f"{name} = {{ path = '../{name}' }}\n" for name in names)]
    )


def cargo_image(name: str, fields: str) -> dict[str, Content]:
    return image(name, COPY_ALL, f"pre-image: [{{type: cargo-build, {fields}}}]\n")


ROOT_MANIFEST = """\
[workspace]
members = ["app", "hub", "kit", "pair", "outside"]
resolver = "2"

[profile.release]
debug = 1
"""

OPTIMIZED = """
[profile.optimized]
inherits = "release"
incremental = true
"""

APP = """\
fn main() {
    println!("{}, with debug_assertions: {}", hub::NAME, cfg!(debug_assertions));
}
"""

FILES: Mapping[str, Content] = {
    "Cargo.toml": ROOT_MANIFEST + OPTIMIZED,
    ".cargo/config": '[build]\nrustflags = ["-C", "target-feature=+crt-static"]\n',
    ".cargo/config.toml": Path("config"),
    "app/Cargo.toml": manifest(
        "app", f"{dependencies('hub')}[dev-dependencies]\nkit = {{ path = '../kit' }}\n"
    ),
    "app/src/main.rs": APP,
    "app/examples/demo.rs": 'fn main() {\n    println!("{}", kit::NAME);\n}\n',
    # Its tests need what is built on it: to Cargo that is no cycle.
    "hub/Cargo.toml": manifest("hub", "[dev-dependencies]\nkit = { path = '../kit' }\n"),
    "hub/src/lib.rs": 'pub const NAME: &str = "hub";\n',
    "kit/Cargo.toml": manifest("kit", dependencies("hub")),
    "kit/src/lib.rs": 'pub const NAME: &str = "kit";\n',
    "pair/Cargo.toml": manifest("pair"),
    "pair/src/bin/one.rs": 'fn main() {\n    println!("one");\n}\n',
    "pair/src/bin/two/main.rs": 'fn main() {\n    println!("two");\n}\n',
    # Cargo reads the manifest of every member. Nobody builds this one, and nobody could.
    "outside/Cargo.toml": manifest(
        "outside", '[[bin]]\nname = "odd"\npath = "odd/place.rs"\n[lib]\npath = "not-in-src.rs"\n'
    ),
    "outside/odd/place.rs": "This is not Rust.\n",
    "outside/not-in-src.rs": "Nor is this.\n",
    "outside/src/bin/more.rs": "Nor this.\n",
    "outside/build.rs": "Nor this.\n",
    **cargo_image("app", "bin: app"),
    **cargo_image("demo", "example: demo"),
    **cargo_image("pair", "bin: [one, two], strip: false"),
}


class Workshop(NamedTuple):
    repo: Repo
    docker: Docker
    # The file in which every build of Cargo leaves a line as it begins, and one as it ends.
    calls_file: Path

    def package(self, *targets: str, options: tuple[str, ...] = ()) -> Result:
        """Packages images that the engine does not have, so that Cargo is asked for programs."""
        for spec in self.docker.images():
            self.docker("image", "rm", "--force", spec)
        return self.repo.pants(*options, "package", *targets)

    def refused(self, env: Mapping[str, str] | None = None) -> Result:
        """Packages what is not to be had: with another environment, or as the work tree is."""
        for path in self.repo.root.glob("dist/*/*.json"):
            path.unlink()
        for spec in self.docker.images():
            self.docker("image", "rm", "--force", spec)
        return self.repo.pants("package", "images/app", env=env, check=False)

    def calls(self) -> list[str]:
        """What Cargo was called with, and where each call ended."""
        return self.calls_file.read_text().splitlines()

    def programs(self, name: str) -> dict[str, bytes]:
        """The programs of an image that was just packaged, by their paths."""
        found = contents(self.docker, described(self.repo)[name]["spec"])
        return {
            path: entry.content
            for path, entry in found.items()
            if isinstance(entry, File) and entry.mode == 0o755
        }

    def said(self, name: str, path: str) -> str:
        """What a program of an image that was just packaged says as it runs there."""
        spec = described(self.repo)[name]["spec"]
        return self.docker("run", "--rm", f"--entrypoint=/srv/{path}", spec).stdout


def log_of(result: Result) -> Path:
    """The file in which Cargo's output can be followed, as the command has announced it."""
    (log,) = set(re.findall(r"tail -F (\S+build\.log)", result.stderr))
    return Path(log)


def compiled(result: Result) -> set[str]:
    """The crates that the last build in the announced place has compiled."""
    shown = re.sub(r"\x1b\[[0-9;]*m", "", log_of(result).read_text())
    assert "Finished" in shown
    return set(re.findall(r"^ *Compiling (\S+)", shown, re.MULTILINE))


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("cargo")
    calls = directory / "calls"
    recording = shadow(
        directory / "bin",
        "cargo",
        f'[ "$1" = build ] || exec "$real" "$@"\necho "begin $*" >>{calls}\n'
        f'"$real" "$@"; code=$?; echo end >>{calls}; exit "$code"',
    )
    with building(directory, cold_caches, FILES, recording) as (repo, docker):
        command = ["cargo", "generate-lockfile", "--offline", "--quiet"]
        subprocess.run(command, cwd=repo.root, check=True)
        repo.commit("lock")
        repo.pants("package", "images::")
        yield Workshop(repo, docker, calls)


def test_one_build_gives_all_programs_of_all_images(workshop: Workshop) -> None:
    first, ended = workshop.calls()[:2]
    assert first.startswith("begin build --profile=optimized --target=x86_64-unknown-linux-gnu ")
    selected = re.findall(r"--(?:package|bin|example)=\S+", first)
    assert selected == [
        *("--package=app", "--package=pair", "--bin=app", "--bin=one", "--bin=two"),
        "--example=demo",
    ]
    assert ended == "end"
    workshop.package("images::")
    assert set(workshop.programs("pair")) == {"one", "two"}
    assert [workshop.said("pair", name) for name in ("one", "two")] == ["one\n", "two\n"]
    assert workshop.said("app", "app") == "hub, with debug_assertions: false\n"


def test_builds_in_the_same_directory_take_turns(workshop: Workshop) -> None:
    marks = [call.partition(" ")[0] for call in workshop.calls()]
    assert marks == ["begin", "end"] * (len(marks) // 2)


def test_examples_lie_in_a_directory_of_their_own(workshop: Workshop) -> None:
    workshop.package("images/demo")
    assert set(workshop.programs("demo")) == {"examples/demo"}
    assert workshop.said("demo", "examples/demo") == "kit\n"


def test_programs_are_stripped_unless_told_otherwise(workshop: Workshop, tmp_path: Path) -> None:
    workshop.package("images/app", "images/pair")
    sections = {}
    for name, program in [*workshop.programs("app").items(), *workshop.programs("pair").items()]:
        (tmp_path / name).write_bytes(program)
        command = ["readelf", "--section-headers", "--wide", str(tmp_path / name)]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        sections[name] = set(re.findall(r"\] (\.\S+)", listed))
    assert all(".text" in found for found in sections.values())
    assert ".debug_info" not in sections["app"]
    for name in ("one", "two"):
        assert ".debug_info" in sections[name]
        assert not {".debug_pubnames", ".debug_pubtypes"} & sections[name]


def test_what_did_not_change_is_not_built_again(workshop: Workshop) -> None:
    workshop.package("images::")
    calls = workshop.calls()
    workshop.package("images::")
    assert {one["origin"] for one in described(workshop.repo).values()} == {"built"}
    # A new daemon has forgotten all, but for what is on disk.
    workshop.repo.stop_pantsd()
    workshop.package("images::")
    assert {one["origin"] for one in described(workshop.repo).values()} == {"built"}
    assert workshop.calls() == calls


def test_a_changed_line_compiles_that_crate_alone(workshop: Workshop) -> None:
    workshop.package("images/app")
    with changed(workshop.repo, {"app/src/main.rs": APP.replace("with", "without")}):
        assert compiled(workshop.package("images/app")) == {"app"}
        assert workshop.said("app", "app") == "hub, without debug_assertions: false\n"
    calls = workshop.calls()
    workshop.package("images/app")
    assert workshop.said("app", "app") == "hub, with debug_assertions: false\n"
    assert workshop.calls() == calls, "what was built before the change is still known"


def test_a_changed_dependency_compiles_what_is_built_on_it(workshop: Workshop) -> None:
    workshop.package("images/app")
    with changed(workshop.repo, {"hub/src/lib.rs": 'pub const NAME: &str = "new hub";\n'}):
        assert compiled(workshop.package("images/app")) == {"hub", "app"}
        assert workshop.said("app", "app").startswith("new hub, ")


def test_a_crate_that_nobody_needs_is_not_even_looked_at(workshop: Workshop) -> None:
    workshop.package("images::")
    calls = workshop.calls()
    with changed(workshop.repo, {"outside/src/bin/more.rs": "Still no Rust.\n"}):
        workshop.package("images::")
    assert workshop.calls() == calls


@pytest.mark.parametrize(("profile", "assertions"), [("dev", "true"), ("release", "false")])
def test_other_profiles_have_builds_of_their_own(
    workshop: Workshop, profile: str, assertions: str
) -> None:
    options = (f"--mzbuild-profile={profile}",)
    result = workshop.package("images/app", options=options)
    assert workshop.said("app", "app") == f"hub, with debug_assertions: {assertions}\n"
    assert log_of(result).parent.name == f"x86_64-{profile}-none"
    calls = workshop.calls()
    workshop.package("images/app")
    workshop.package("images/app", options=options)
    assert workshop.calls() == calls, "neither profile has overwritten the other"


def test_another_clone_builds_elsewhere_and_shares_the_results(
    workshop: Workshop, tmp_path: Path
) -> None:
    repo = workshop.repo
    with changed(repo, {"app/src/main.rs": APP.replace("with", "here with")}):
        first = workshop.package("images/app")
    workshop.package("images::")
    calls = workshop.calls()
    # A clone that Git made has the same commits; that is nothing that anybody looks at.
    files = {path: _content(repo.root / path) for path in repo.git("ls-files").stdout.split()}
    with building(tmp_path, repo.env, files, {"PATH": repo.env["PATH"]}) as (other, docker):
        result = other.pants("package", "images::")
        assert {one["origin"] for one in described(other).values()} == {"built"}
        assert workshop.calls() == calls
        assert len(docker.images()) == 3
        assert "Cargo builds" not in result.stderr

        other.write({"app/src/main.rs": APP.replace("with", "elsewhere with")})
        again = other.pants("package", "images/app")
        assert len(workshop.calls()) == len(calls) + 2
        assert compiled(again) == {"hub", "app"}
        assert log_of(again).name == "build.log"
        assert log_of(again) != log_of(first)


def _content(path: Path) -> Content:
    return Path(os.readlink(path)) if path.is_symlink() else path.read_bytes()


def test_a_file_outside_of_all_crates_is_not_there(workshop: Workshop) -> None:
    source = 'const TEXT: &str = include_str!("../../shared.txt");\n' + APP
    with changed(workshop.repo, {"shared.txt": "shared", "app/src/main.rs": source}):
        result = workshop.refused()
    assert_refused(
        workshop.repo,
        result,
        "images/app/mzbuild.yml: Cargo could not build app.",
        "[ERROR] app/src/main.rs:1:20: error: couldn't read `app/src/../../shared.txt`",
        "To run it again, from the repository's root:\n"
        "  cargo build --profile=optimized --target=x86_64-unknown-linux-gnu --package=app",
        "couldn't read `app/src/../../shared.txt`",
        "app/src/main.rs:1:",
    )
    assert "\x1b[" not in result.stderr, "there is no terminal to show colors"


def test_an_error_of_the_compiler_is_shown_and_then_mended(workshop: Workshop) -> None:
    with changed(workshop.repo, {"hub/src/lib.rs": "pub const NAME: &str = 1;\n"}):
        for _ in range(2):
            result = workshop.refused()
            assert_refused(
                workshop.repo, result, "error[E0308]: mismatched types", "hub/src/lib.rs"
            )
    assert workshop.refused().returncode == 0


def test_a_lock_file_that_is_out_of_date_is_refused(workshop: Workshop) -> None:
    more = manifest("kit", dependencies("hub", "pair"))
    with changed(workshop.repo, {"kit/Cargo.toml": more}):
        result = workshop.refused()
    assert_refused(workshop.repo, result, "Cargo could not build app.", "Cargo.lock", "--locked")


def test_without_a_lock_file_cargo_makes_do(workshop: Workshop) -> None:
    with changed(workshop.repo, {"Cargo.lock": None}):
        workshop.package("images/app")
        assert not (workshop.repo.root / "Cargo.lock").exists()
    assert "--locked" not in workshop.calls()[-2]


def test_the_profile_is_not_there(workshop: Workshop) -> None:
    with changed(workshop.repo, {"Cargo.toml": ROOT_MANIFEST}):
        result = workshop.refused()
        assert_refused(
            workshop.repo,
            result,
            "images/app/mzbuild.yml: binaries are to be built with the profile `optimized`",
            "[profile.optimized]",
            "--mzbuild-profile=release",
        )
        workshop.package("images/app", options=("--mzbuild-profile=release",))


def test_two_crates_have_the_program(workshop: Workshop) -> None:
    with changed(workshop.repo, {"kit/src/bin/app.rs": "fn main() {}\n"}):
        result = workshop.refused()
    assert_refused(
        workshop.repo,
        result,
        "images/app/mzbuild.yml: the binary `app` is in 2 crates, `app/Cargo.toml` and "
        "`kit/Cargo.toml`. Rename all but one.",
    )


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("cargo", "There is no `cargo` on the PATH. Install Rust: https://rustup.rs"),
        ("rustc", "There is no `rustc` on the PATH. Install Rust: https://rustup.rs"),
        ("strip", "`strip` is not on the PATH. Install it (in the package `binutils`)."),
    ],
)
def test_a_tool_is_missing(workshop: Workshop, tmp_path: Path, missing: str, said: str) -> None:
    with changed(workshop.repo, {"app/src/main.rs": APP.replace("with", f"no {missing}, with")}):
        result = workshop.refused(env=path_without(tmp_path / "bin", missing))
    assert_refused(workshop.repo, result, said)
