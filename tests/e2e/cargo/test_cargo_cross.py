"""Images for ARM, built on another machine with the cross tools of its distribution."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.images import COPY_ALL, File, building, changed, contents, described, image
from tests.e2e.registry import plain_registry
from tests.e2e.repo import CHECKOUT, PANTS_TOML, Content, Docker, Repo

OPTIONS = """
[mzbuild]
profile = "release"

[mzbuild-cargo.arch.aarch64]
linker = "aarch64-linux-gnu-gcc"
strip = "aarch64-linux-gnu-strip"
objcopy = "aarch64-linux-gnu-objcopy"
rustflags = ["-Ctarget-feature=+crt-static"]

[mzbuild-cargo.sanitizer.hwaddress]
env = { RUSTC_BOOTSTRAP = "1" }
rustflags = [
    "-Zsanitizer=hwaddress",
    "-Ctarget-feature=+tagged-globals",
    "-Clink-arg=-fuse-ld=lld",
]

[mzbuild-cargo.sanitizer.leak]
env = { RUSTC_BOOTSTRAP = "1" }
"""

# Sanitizers are not for static programs.
TOOLS = {"linker": "aarch64-linux-gnu-gcc", "strip": "aarch64-linux-gnu-strip"}
DYNAMIC = f"--mzbuild-cargo-arch={{'aarch64': {TOOLS}}}"

MAIN = """\
fn main() {
    println!("{} {}", env!("HOST"), std::env::consts::ARCH);
    if std::env::args().count() > 1 {
        let bytes = vec![1u8; 4];
        println!("{}", unsafe { *bytes.as_ptr().add(std::env::args().count() + 30) });
    }
}
"""

FILES: Mapping[str, Content] = {
    "pants.toml": PANTS_TOML + OPTIONS,
    "Cargo.toml": "[workspace]\nmembers = ['app']\n\n[profile.release]\ndebug = 1\n",
    "app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n',
    "app/src/main.rs": MAIN,
    "app/build.rs": "fn main() {\n"
    '    println!("cargo:rustc-env=HOST={}", std::env::consts::ARCH);\n}\n',
    **image("app", COPY_ALL, "pre-image: [{type: cargo-build, bin: app}]\n"),
    **image("whole", COPY_ALL, "pre-image: [{type: cargo-build, bin: app, strip: false}]\n"),
}


class Crossing(NamedTuple):
    repo: Repo
    docker: Docker
    # The directory with the cross tools.
    tools: Path

    def run(self, tool: str, *args: str | Path) -> str:
        return subprocess.run(
            [self.tools / tool, *args], check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def program(self, name: str, directory: Path) -> Path:
        """The program of an image that was just packaged."""
        entry = contents(self.docker, described(self.repo)[name]["spec"])["app"]
        assert isinstance(entry, File)
        program = directory / name
        program.write_bytes(entry.content)
        program.chmod(0o755)
        return program


@pytest.fixture(scope="module")
def crossing(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Crossing]:
    # Its standard error says why where it fails.
    printed = subprocess.run([CHECKOUT / "bin/arm64-toolchain"], stdout=subprocess.PIPE, text=True)
    assert printed.returncode == 0
    tools = Path(printed.stdout.strip())
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    with building(tmp_path_factory.mktemp("cross"), cold_caches, FILES, env) as (repo, docker):
        repo.pants("--mzbuild-arch=aarch64", "package", "images::")
        yield Crossing(repo, docker, tools)


def test_the_program_is_for_the_other_architecture(crossing: Crossing, tmp_path: Path) -> None:
    program = crossing.program("app", tmp_path)
    header = crossing.run("aarch64-linux-gnu-readelf", "--file-header", program)
    assert "Machine:                           AArch64" in header
    assert crossing.run("qemu-aarch64-static", program) == "x86_64 aarch64\n"


def test_the_image_is_for_the_other_architecture(crossing: Crossing) -> None:
    for description in described(crossing.repo).values():
        shown = crossing.docker(
            "image", "inspect", "--format={{.Os}}/{{.Architecture}}", description["spec"]
        )
        assert shown.stdout == "linux/arm64\n"


def test_the_tools_of_the_architecture_finish_its_programs(
    crossing: Crossing, tmp_path: Path
) -> None:
    sections = {
        name: crossing.run(
            "aarch64-linux-gnu-readelf", "--sections", "--wide", crossing.program(name, tmp_path)
        )
        for name in ("app", "whole")
    }
    assert " .text" in sections["app"]
    assert " .debug_info" not in sections["app"]
    assert " .debug_info" in sections["whole"]
    assert " .debug_pubnames" not in sections["whole"]


def test_each_architecture_has_its_own_builds(crossing: Crossing) -> None:
    arm = described(crossing.repo)["app"]
    crossing.repo.pants("--mzbuild-arch=x86_64", "package", "images/app")
    this = described(crossing.repo)["app"]
    assert this["fingerprint"] != arm["fingerprint"]
    caches = Path(crossing.repo.env["PANTS_NAMED_CACHES_DIR"])
    (arm_build,) = caches.glob("mzbuild_cargo_*/aarch64-release-none")
    assert (arm_build.parent / "x86_64-release-none").is_dir()


def test_a_sanitizer_of_that_architecture_finds_what_is_wrong(
    crossing: Crossing, tmp_path: Path
) -> None:
    options = ("--mzbuild-arch=aarch64", "--mzbuild-sanitizer=hwaddress")
    crossing.repo.pants(*options, DYNAMIC, "package", "images/app")
    program = crossing.program("app", tmp_path)
    libraries = crossing.tools.parent / "usr/aarch64-linux-gnu"
    command = [str(crossing.tools / "qemu-aarch64-static"), "-L", str(libraries), str(program)]
    whole = subprocess.run(command, capture_output=True, text=True)
    assert (whole.returncode, whole.stdout) == (0, "x86_64 aarch64\n")
    broken = subprocess.run([*command, "read-too-far"], capture_output=True, text=True)
    assert "HWAddressSanitizer: tag-mismatch" in broken.stderr


def test_a_sanitizer_that_the_toolchain_has_no_library_for(crossing: Crossing) -> None:
    options = ("--mzbuild-arch=aarch64", "--mzbuild-sanitizer=leak")
    result = crossing.repo.pants(*options, DYNAMIC, "package", "images/app", check=False)
    assert result.returncode == 1
    assert (
        "The toolchain lacks the runtime library of the sanitizer `leak` for "
        "aarch64-unknown-linux-gnu, "
    ) in result.stderr
    assert "_rt.lsan.a. rustup's toolchains have it" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_command_for_several_architectures_builds_each_once(
    crossing: Crossing, tmp_path: Path
) -> None:
    repo, docker = crossing.repo, crossing.docker
    with plain_registry(tmp_path) as registry, changed(repo, {"app/src/new.rs": ""}):
        options = [
            '--mzbuild-archs=["x86_64", "aarch64"]',
            f"--mzbuild-registries={{'local': {{'address': '{registry.address}'}}}}",
        ]
        first = repo.pants(*options, "mzbuild-ensure", "--format=json", "images::")
        # The program of both images is built at once.
        assert first.stderr.count("Cargo builds app;") == 2
        tags = [one["spec"] for one in json.loads(first.stdout)]
        for tag in tags:
            docker("pull", "--quiet", tag)
        shown = docker("image", "inspect", "--format={{.Os}}/{{.Architecture}}", *tags).stdout
        assert sorted(shown.split()) == ["linux/amd64"] * 2 + ["linux/arm64"] * 2
        docker("image", "rm", "--force", *tags)
        again = repo.pants(*options, "mzbuild-ensure", "images::")
        assert "Cargo builds" not in again.stderr
