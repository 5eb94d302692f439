"""Programs with sanitizers: each finds what it is for, or an error says what is lacking."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.images import COPY_ALL, File, assert_refused, building, contents, described, image
from tests.e2e.repo import PANTS_TOML, Content, Docker, Repo

# Sanitizers are for nightly compilers; this has any other do as if it were one. The standard
# library is left as it is: its sources are not there to compile it anew.
OPTIONS = """
[mzbuild]
profile = "dev"

[mzbuild-cargo.sanitizer.address]
env = { RUSTC_BOOTSTRAP = "1" }
args = ["--jobs=1", "--no-default-features"]

[mzbuild-cargo.sanitizer.leak]
env = { RUSTC_BOOTSTRAP = "1" }

[mzbuild-cargo.sanitizer.hwaddress]
env = { RUSTC_BOOTSTRAP = "1" }

[mzbuild-cargo.sanitizer.thread]
env = { RUSTC_BOOTSTRAP = "1" }
rustflags = ["-Zsanitizer=thread", "-Cunsafe-allow-abi-mismatch=sanitizer"]

[mzbuild-cargo.sanitizer.cfi]
env = { RUSTC_BOOTSTRAP = "1" }
rustflags = [
    "-Zsanitizer=cfi",
    "-Clinker-plugin-lto",
    "-Cunsafe-allow-abi-mismatch=sanitizer",
]

[mzbuild-cargo.sanitizer.undefined]
env = { CFLAGS = "-fsanitize=undefined" }
"""

MAIN = """\
use std::{env, hint::black_box, mem};

extern "C" {
    fn successor(n: i32) -> i32;
}

static mut COUNT: u64 = 0;

fn count() {
    for _ in 0..1000 {
        unsafe { COUNT += 1 }
    }
}

#[inline(never)]
fn lose() {
    mem::forget(black_box(vec![1u8; 1000]));
}

// What is left on the stack is not lost.
#[inline(never)]
fn overwrite() {
    black_box([0u8; 4096]);
}

fn main() {
    println!("default {}", cfg!(feature = "default"));
    match env::args().nth(1).as_deref() {
        Some("address") => {
            let bytes = vec![1u8; 4];
            println!("{}", unsafe { *bytes.as_ptr().add(black_box(6)) });
        }
        Some("leak") => {
            lose();
            overwrite();
        }
        Some("thread") => {
            let other = std::thread::spawn(count);
            count();
            other.join().unwrap();
        }
        Some("cfi") => {
            let wrong: fn(u64, u64) = unsafe { mem::transmute(lose as fn()) };
            black_box(wrong)(1, 2);
            println!("called");
        }
        Some("undefined") => println!("{}", unsafe { successor(black_box(i32::MAX)) }),
        _ => {}
    }
}
"""

# As crates with C code do it, without being one.
BUILD_SCRIPT = """\
use std::{env, process::Command};

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let flags = env::var("CFLAGS").unwrap_or_default();
    let compile = format!("cc {flags} -c src/c.c -o {out}/c.o && ar crs {out}/libnext.a {out}/c.o");
    assert!(Command::new("sh").args(["-c", &compile]).status().unwrap().success());
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=next");
    println!("cargo:rerun-if-changed=src/c.c");
    println!("cargo:rerun-if-env-changed=CFLAGS");
}
"""

FILES: Mapping[str, Content] = {
    "pants.toml": PANTS_TOML + OPTIONS,
    "Cargo.toml": '[workspace]\nmembers = ["app"]\nresolver = "2"\n',
    "app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'
    "[features]\ndefault = []\n",
    "app/src/main.rs": MAIN,
    "app/src/c.c": "int successor(int n) {\n    return n + 1;\n}\n",
    "app/build.rs": BUILD_SCRIPT,
    **image("app", COPY_ALL, "pre-image: [{type: cargo-build, bin: app}]\n"),
}


class Workshop:
    def __init__(self, repo: Repo, docker: Docker, directory: Path):
        self.repo = repo
        self.docker = docker
        self.directory = directory

    def package(self, sanitizer: str) -> Path:
        """Packages the image with a sanitizer, and returns the program that is in it."""
        self.repo.pants(f"--mzbuild-sanitizer={sanitizer}", "package", "images/app")
        entry = contents(self.docker, described(self.repo)["app"]["spec"])["app"]
        assert isinstance(entry, File)
        program = self.directory / sanitizer
        program.write_bytes(entry.content)
        program.chmod(0o755)
        return program


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("sanitizers")
    with building(directory, cold_caches, FILES) as (repo, docker):
        yield Workshop(repo, docker, directory)


def run(program: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *args], env=os.environ, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("sanitizer", "said"),
    [
        ("address", "AddressSanitizer: heap-buffer-overflow"),
        ("leak", "LeakSanitizer: detected memory leaks"),
        ("thread", "ThreadSanitizer: data race"),
        ("undefined", "c.c:2:14: runtime error: signed integer overflow"),
    ],
)
def test_a_sanitizer_finds_what_is_wrong(workshop: Workshop, sanitizer: str, said: str) -> None:
    program = workshop.package(sanitizer)
    whole = run(program)
    assert whole.stdout == f"default {str(sanitizer != 'address').lower()}\n", "as its table says"
    assert (whole.returncode, whole.stderr) == (0, "")
    assert said in run(program, sanitizer).stderr
    caches = Path(workshop.repo.env["PANTS_NAMED_CACHES_DIR"])
    assert any(caches.glob(f"mzbuild_cargo_*/x86_64-dev-{sanitizer}"))


def test_a_call_by_a_wrong_type_is_stopped(workshop: Workshop) -> None:
    plain, program = workshop.package("none"), workshop.package("cfi")
    assert run(plain, "cfi").stdout == "default true\ncalled\n"
    stopped = run(program, "cfi")
    assert stopped.returncode < 0, "a signal has ended it"
    assert stopped.stdout == "default true\n"


BOOTSTRAP = '"env": {"RUSTC_BOOTSTRAP": "1"}'


@pytest.mark.parametrize(
    ("sanitizer", "table", "said"),
    [
        (
            "thread",
            "{}",
            "rustc has the sanitizer `thread` in its nightly releases only. Set "
            '`toolchain = "nightly"` in [mzbuild-cargo]; or, to have another release do as if it '
            'were a nightly one, `env = { RUSTC_BOOTSTRAP = "1" }` in '
            "[mzbuild-cargo.sanitizer.thread].",
        ),
        (
            "thread",
            f"{{{BOOTSTRAP}}}",
            "Rust's standard library was compiled without the sanitizer `thread`. Have it "
            'compiled, too, by `args = ["-Zbuild-std"]` in [mzbuild-cargo.sanitizer.thread]; '
            "`rustup component add rust-src` gets its sources. Or, to leave it unwatched, set "
            '`rustflags = ["-Zsanitizer=thread", "-Cunsafe-allow-abi-mismatch=sanitizer"]` there.',
        ),
        (
            "hwaddress",
            f"{{{BOOTSTRAP}}}",
            "rustc has no sanitizer `hwaddress` for x86_64-unknown-linux-gnu. Choose another one, "
            "or another architecture by `--mzbuild-arch`.",
        ),
        (
            "cfi",
            f'{{{BOOTSTRAP}, "rustflags": ["-Zsanitizer=cfi", "-Clinker-plugin-lto", '
            '"-Cunsafe-allow-abi-mismatch=sanitizer", "-Clink-arg=-fuse-ld=bfd"]}',
            "The sanitizer `cfi` takes the linker lld, of rustc's own LLVM. Set `rustflags = [",
        ),
    ],
    ids=["another release", "standard library", "architecture", "linker"],
)
def test_what_the_toolchain_lacks_is_told(
    workshop: Workshop, sanitizer: str, table: str, said: str
) -> None:
    for path in workshop.repo.root.glob("dist/*/*.json"):
        path.unlink()
    result = workshop.repo.pants(
        f"--mzbuild-cargo-sanitizer={{'{sanitizer}': {table}}}",
        f"--mzbuild-sanitizer={sanitizer}",
        "--mzbuild-build=always",
        "package",
        "images/app",
        check=False,
    )
    assert_refused(workshop.repo, result, "Cargo could not build app.", said)
    assert "Cargo was run again" not in result.stderr
