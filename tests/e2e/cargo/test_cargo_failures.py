"""Cargo builds that fail: what is said, and what is tried again."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.bare import logged
from tests.e2e.images import COPY_ALL, building, changed, described, image, shadow
from tests.e2e.repo import PANTS, Content, Docker, Repo


def manifest(name: str) -> str:
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'


FILES: Mapping[str, Content] = {
    "Cargo.toml": '[workspace]\nmembers = ["app", "kit"]\nresolver = "2"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\n\n'
    '[[package]]\nname = "kit"\nversion = "0.1.0"\n',
    ".cargo/config": '[build]\nrustflags = ["-C", "target-feature=+crt-static"]\n',
    ".gitignore": "/app/src/made*\n",
    "shared.txt": "shared",
    "app/Cargo.toml": manifest("app"),
    "app/src/main.rs": "fn main() {}\n",
    "kit/Cargo.toml": manifest("kit"),
    "kit/src/lib.rs": "",
    "kit/data.txt": "data",
    **image("app", COPY_ALL, "pre-image: [{type: cargo-build, bin: app}]\n"),
}


class Workshop(NamedTuple):
    repo: Repo
    docker: Docker
    # As long as it is there, the compiler crashes when it compiles the program.
    crash: Path


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("failures")
    crash = directory / "crash"
    crashing = shadow(
        directory / "bin",
        "rustc",
        f'case "$*" in *"--crate-name app"*) if rm {crash} 2>/dev/null; then kill -SEGV $$; fi;; '
        'esac; exec "$real" "$@"',
    )
    env = {**crashing, "PANTS_MZBUILD_PROFILE": "dev"}
    with building(directory, cold_caches, FILES, env) as (repo, docker):
        yield Workshop(repo, docker, crash)


def test_a_compiler_that_crashed_is_given_another_chance_and_it_is_said_once(
    workshop: Workshop,
) -> None:
    workshop.crash.touch()
    said = r"Cargo failed \(signal: 11, SIGSEGV\): (\S+)/target, which may be damaged, was cleared"
    result = workshop.repo.pants("package", "images/app")
    assert described(workshop.repo)["app"]["origin"] == "built"
    (directory,) = re.findall(said, result.stderr)
    assert f"tail -F {directory}/build.log" in result.stderr
    (image,) = workshop.docker.images()
    for _ in range(2):
        workshop.docker("image", "rm", "--force", image)
        again = workshop.repo.pants("package", "images/app")
        assert described(workshop.repo)["app"]["origin"] == "built"
        assert "Cargo failed" not in again.stderr
        workshop.repo.stop_pantsd()


def test_what_cargo_would_refuse_keeps_no_other_image_from_being_built(workshop: Workshop) -> None:
    why = "images/bad/mzbuild.yml: `features: nope`: there is no such feature in `app/Cargo.toml`."
    files = {
        "images/bad/mzbuild.yml": "name: bad\n"
        "pre-image: [{type: cargo-build, bin: app, features: nope}]\n",
        "images/bad/Dockerfile": COPY_ALL,
        "app/src/main.rs": "fn main() {\n    println!();\n}\n",
    }
    with changed(workshop.repo, files):
        planned = workshop.repo.pants("mzbuild-plan", "images::", check=False)
        result = workshop.repo.pants("package", "images::", check=False)
    assert planned.returncode == result.returncode == 1
    # What does not fit goes on in the next line.
    assert re.search(rf"bad +blocked +- +{why[:60]}", planned.stdout)
    assert max(map(len, planned.stdout.splitlines())) <= 120
    assert planned.stdout.splitlines()[-1] == "1 blocked, 1 to build"
    assert described(workshop.repo)["app"]["origin"] == "built"
    assert re.search(rf"bad +x86_64 +failed +{re.escape(why)}\n", result.stderr)
    assert "1 built, 1 failed" in result.stderr


def test_programs_that_cannot_be_built_keep_nothing_else_from_being_packaged(
    workshop: Workshop,
) -> None:
    files = {
        "tools/BUILD": 'mzbuild_cargo_build(name="empty")\n'
        'mzbuild_cargo_build(name="gone", bin=["gone"])\n'
        'mzbuild_cargo_build(name="wrong", example=["wrong"])\n'
        'mzbuild_cargo_build(name="app", bin=["app"])\n',
        "kit/examples/wrong.rs": "fn main() { wrong }\n",
        "app/src/main.rs": 'fn main() {\n    println!("packaged");\n}\n',
    }
    with changed(workshop.repo, files):
        result = workshop.repo.pants("package", "images/app", "tools::", check=False)
        at_once = workshop.repo.pants("--mzbuild-fail-fast", "package", "tools::", check=False)
        alone = workshop.repo.pants("package", "tools:gone", check=False)
    assert result.returncode == at_once.returncode == alone.returncode == 1
    assert described(workshop.repo)["app"]["origin"] == "built"
    program = workshop.repo.root / "dist/tools/app/app"
    assert subprocess.run([program], capture_output=True, check=True).stdout == b"packaged\n"
    wrong = [message for level, message in logged(result) if level == "ERROR"]
    for said in (
        "tools/BUILD:1: a `cargo-build` needs a `bin` or an `example` to build. Add a `bin`.",
        "tools/BUILD:2: no crate of the Cargo workspace has the binary `gone`.",
        "kit/examples/wrong.rs:1:13: ",
    ):
        assert len([message for message in wrong if message.startswith(said)]) == 1, str(result)
    assert "Traceback" not in result.stderr
    assert "MzbuildError: tools:gone: its programs could not be built." in alone.stderr


def reading(path: str) -> str:
    return f'fn main() {{\n    println!("{{}}", include_str!("{path}"));\n}}\n'


@pytest.mark.parametrize(
    ("main", "said"),
    [
        pytest.param(
            reading("../../shared.txt"),
            "`shared.txt` exists, but is not among the inputs of this build: it is in no "
            "crate. Move it into the crate that reads it.",
            id="in no crate",
        ),
        pytest.param(
            reading("../../kit/data.txt"),
            "`kit/data.txt` exists, but is not among the inputs of this build: it "
            "belongs to the crate `kit`.",
            id="of another crate",
        ),
        pytest.param(
            reading("made.txt"),
            "`app/src/made.txt` exists, but is not among the inputs of this build: Git ignores it.",
            id="ignored",
        ),
        pytest.param(
            "mod made;\nfn main() {}\n",
            "`app/src/made.rs` exists, but is not among the inputs of this build: Git ignores it.",
            id="ignored module",
        ),
        pytest.param(
            reading("../../../outside.txt"),
            "`../outside.txt` exists, but is not among the inputs of this build: it lies "
            "outside of the repository.",
            id="outside",
        ),
    ],
)
def test_an_input_that_is_missing_is_named_with_the_reason(
    workshop: Workshop, main: str, said: str
) -> None:
    (workshop.repo.root.parent / "outside.txt").touch()
    for name in ("made.txt", "made.rs"):
        (workshop.repo.root / "app/src" / name).touch()
    with changed(workshop.repo, {"app/src/main.rs": main}):
        result = workshop.repo.pants("package", "images/app", check=False)
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stderr.count("not among the inputs") == 1


def test_of_a_file_that_is_nowhere_the_compiler_says_enough(workshop: Workshop) -> None:
    with changed(workshop.repo, {"app/src/main.rs": reading("gone.txt")}):
        result = workshop.repo.pants("package", "images/app", check=False)
    assert "couldn't read `app/src/gone.txt`" in result.stderr
    assert "not among the inputs" not in result.stderr


def test_errors_are_in_color_on_a_terminal(workshop: Workshop) -> None:
    with changed(workshop.repo, {"app/src/main.rs": "fn main() -> i32 {}\n"}):
        # Pants looks for a terminal when its daemon starts.
        workshop.repo.stop_pantsd()
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [str(PANTS), "--no-dynamic-ui", "package", "images/app"],
            cwd=workshop.repo.root,
            env=workshop.repo.env,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        said = b""
        # Reading from a terminal that nobody has open any more is an error.
        while chunk := _read(ours):
            said += chunk
        os.close(ours)
        assert process.wait() == 1
    assert re.search(rb"\x1b\[[0-9;]*merror\[E0308\]\x1b\[", said), said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
