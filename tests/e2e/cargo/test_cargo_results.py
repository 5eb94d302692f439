"""What an image gets of a Cargo build besides its programs: what build scripts made; and what it
does not get: debug information that is kept beside the package."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.images import (
    COPY_ALL,
    File,
    building,
    changed,
    contents,
    described,
    image,
    text,
)
from tests.e2e.repo import Content, Docker, Repo, Result
from tests.elf import debug_link, sections

BUILD_RS = """\
use std::{env, fs, path::Path};

fn main() {
    let host = env::var("CARGO_FEATURE_HOST").map_or("", |_| ", for the host");
    let out = env::var("OUT_DIR").unwrap();
    fs::create_dir_all(Path::new(&out).join("more")).unwrap();
    fs::write(Path::new(&out).join("more/of-it"), "more\\n").unwrap();
    let name = env::var("CARGO_PKG_NAME").unwrap();
    fs::write(Path::new(&out).join("made"), format!("by {name}{host}\\n")).unwrap();
    let root = Path::new(&env::var("CARGO_TARGET_DIR").unwrap()).join("download");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join(&name), "downloaded\\n").unwrap();
}
"""


def package(name: str, *dependencies: str, of_build: str = "") -> dict[str, str]:
    """A library with a build script."""
    lines = [
        *("[package]", f'name = "{name}"', 'version = "1.2.3"', 'edition = "2021"'),
        *("[features]", "host = []"),
        *("[dependencies]", *dependencies),
        *("[build-dependencies]", of_build),
    ]
    return {
        "Cargo.toml": "\n".join([*lines, ""]),
        "build.rs": BUILD_RS,
        "src/lib.rs": "",
    }


def at(directory: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{directory}/{path}": content for path, content in files.items()}


def vendored(name: str) -> dict[str, str]:
    """A package as `cargo vendor` leaves it."""
    files = package(name)
    sums = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    checksums = json.dumps({"files": sums, "package": "0" * 64})
    return at(f"vendor/{name}", {**files, ".cargo-checksum.json": checksums})


CONFIG = """\
[build]
rustflags = ["-C", "target-feature=+crt-static"]

[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "vendor"
"""

APP = 'fn main() {\n    println!("runs");\n}\n'

EXTRACT = """
    extract:
      far: {made: share/far, $CARGO_TARGET_DIR/download/far: share/downloaded}
      forked: {made: share/}
      near: {made: share/near, more: share/more, ../../../../../download/near: share/up}
"""


def files(git_url: str) -> Mapping[str, Content]:
    dependencies = ('far = "1"', f'forked = {{ git = "{git_url}" }}', 'near = { path = "../lib" }')
    for_the_host = 'far = { version = "1", features = ["host"] }'
    app = package("app", *dependencies, of_build=f"{for_the_host}\nmacro = {{ path = '../macro' }}")
    del app["build.rs"]
    extracting = "pre-image:\n  - type: cargo-build\n    bin: app\n    example: demo"
    return {
        "Cargo.toml": '[workspace]\nmembers = ["app", "lib", "macro"]\nresolver = "2"\n'
        '[profile.optimized]\ninherits = "release"\ndebug = 1\n',
        ".cargo/config": CONFIG,
        ".cargo/config.toml": Path("config"),
        **vendored("far"),
        **at("lib", package("near")),
        **at("macro", package("macro")),
        **at("app", {**app, "src/main.rs": APP, "build.rs": "fn main() {}\n"}),
        "app/examples/demo.rs": APP,
        **image("app", COPY_ALL, f"{extracting}{EXTRACT}    split_debuginfo: true\n"),
    }


class Workshop:
    def __init__(self, repo: Repo, docker: Docker) -> None:
        self.repo = repo
        self.docker = docker

    def forget(self) -> None:
        """Has the engine forget the image, so that it is built again."""
        for spec in self.docker.images():
            self.docker("image", "rm", "--force", spec)

    def refused(self, extract: str) -> Result:
        path = "images/app/mzbuild.yml"
        before = (self.repo.root / path).read_text()
        with changed(self.repo, {path: before.replace(EXTRACT, f"\n    extract: {extract}\n")}):
            return self.repo.pants("package", "images/app", check=False)


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("results")
    # What Cargo fetches by Git goes into its home, and every fetch into one of its own.
    env = {"CARGO_HOME": str(directory / "cargo-home"), "CARGO_NET_GIT_FETCH_WITH_CLI": "true"}
    forked = Repo(directory / "fork", package("forked"), env)
    with building(directory, cold_caches, files(f"file://{forked.root}"), env) as (repo, docker):
        subprocess.run(
            ["cargo", "generate-lockfile", "--quiet"], cwd=repo.root, env=repo.env, check=True
        )
        repo.commit("lock")
        repo.pants("package", "images/app")
        yield Workshop(repo, docker)


def test_files_of_build_scripts_are_extracted_from_packages_of_every_kind(
    workshop: Workshop,
) -> None:
    found = contents(workshop.docker, described(workshop.repo)["app"]["spec"])
    made = {path: text(entry) for path, entry in found.items() if path.startswith("share/")}
    assert made == {
        "share/far": "by far\n",
        "share/downloaded": "downloaded\n",
        "share/up": "downloaded\n",
        "share/made": "by forked\n",
        "share/near": "by near\n",
        "share/more/of-it": "more\n",
    }


def test_what_is_vendored_stands_in_the_lock_file_and_is_held_to_it(workshop: Workshop) -> None:
    repo = workshop.repo
    fingerprints = repo.pants("mzbuild-fingerprint", "::").stdout
    with changed(repo, {"vendor/far/src/lib.rs": "// changed\n"}):
        assert repo.pants("mzbuild-fingerprint", "::").stdout == fingerprints
        result = repo.pants("--mzbuild-profile=dev", "package", "images/app", check=False)
    assert result.returncode == 1, str(result)
    assert "the listed checksum of `" in result.stderr
    assert "sources/vendor/far/src/lib.rs` has changed" in result.stderr


def test_what_is_vendored_and_ignored_is_said_to_be(workshop: Workshop) -> None:
    repo = workshop.repo
    repo.git("rm", "-r", "--cached", "--quiet", "vendor")
    repo.write({".gitignore": "/vendor/\n"})
    try:
        result = repo.pants("--mzbuild-profile=dev", "package", "images/app", check=False)
    finally:
        (repo.root / ".gitignore").unlink()
        repo.git("reset", "--hard", "--quiet")
    assert result.returncode == 1, str(result)
    assert "`vendor` exists, but is not among the inputs of this build: Git ignores it." in (
        result.stderr
    )
    assert "Cargo was run again" not in result.stderr


def test_debug_information_is_kept_beside_the_package_and_the_program_names_it(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.forget()
    result = workshop.repo.pants("package", "images/app")
    found = contents(workshop.docker, described(workshop.repo)["app"]["spec"])
    for path in ("app", "examples/demo"):
        debug = workshop.repo.root / f"dist/images.app/{path}.debug"
        assert f"Wrote dist/images.app/{path}.debug" in result.stderr
        assert f"{path}.debug" not in found
        entry = found[path]
        assert isinstance(entry, File)
        program = tmp_path / debug.stem
        program.write_bytes(entry.content)
        assert ".debug_info" in sections(debug)
        assert ".debug_info" not in sections(program)
        assert debug_link(program) == (debug.name, zlib.crc32(debug.read_bytes()))


def test_an_image_that_is_there_needs_no_debug_information(workshop: Workshop) -> None:
    result = workshop.repo.pants("package", "images/app")
    assert described(workshop.repo)["app"]["origin"] == "reused"
    assert "Debug information" not in result.stderr


@pytest.mark.parametrize(
    ("extract", "said"),
    [
        (
            "{near: {../../../../../../made: made}}",
            "`../../../../../../made` leads from the OUT_DIR of `near` out of Cargo's target",
        ),
        (
            "{near: {$CARGO_TARGET_DIR/../made: made}}",
            "`extract.near: $CARGO_TARGET_DIR/../made` leads out of Cargo's target directory.",
        ),
        (
            "{near: {made: /tmp/made}}",
            "images/app/mzbuild.yml: `extract.near: /tmp/made` leads out of the context.",
        ),
        ("{near: {mad: made}}", "the build script of `near` made no `mad`. Its OUT_DIR has: made"),
        ("{macro: {made: made}}", "`macro` was built only for the machine that compiles"),
        ("{nea: {made: made}}", "Cargo ran no build script of a package `nea` for this build."),
    ],
)
def test_what_cannot_be_extracted_is_an_error(workshop: Workshop, extract: str, said: str) -> None:
    result = workshop.refused(extract)
    assert result.returncode == 1, str(result)
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_symlink_of_the_context_is_not_written_through(workshop: Workshop) -> None:
    with changed(workshop.repo, {}):
        (workshop.repo.root / "images/app/share").symlink_to("../../lib")
        result = workshop.repo.pants("package", "images/app", check=False)
        assert workshop.repo.git("status", "--short", "lib").stdout == ""
    assert "`share` would be both a file and a directory of the context" in result.stderr
