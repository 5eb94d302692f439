"""Crates of the public registry: those that have macros, read files, ask Git, or compile C.

Cargo fetches them into a home of this module's own, once; what comes later takes them from there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from tests.e2e.images import changed
from tests.e2e.repo import Content, Repo, Result


def crate(name: str, table: str, *dependencies: str, main: str) -> Mapping[str, Content]:
    head = ["[package]", f'name = "{name}"', 'version = "0.1.0"', 'edition = "2021"']
    manifest = "\n".join([*head, f"[{table}]", *dependencies, ""])
    return {f"{name}/Cargo.toml": manifest, f"{name}/src/main.rs": main}


APP = """\
use clap::Parser;

#[derive(Parser, serde::Serialize)]
struct Greeting {
    name: String,
    #[arg(long, default_value_t = 1)]
    times: u8,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let greeting = tokio::spawn(async { Greeting::parse() }).await.unwrap();
    println!("{}", serde_json::to_string(&greeting).unwrap());
}
"""

ASSETS = """\
static INCLUDED: include_dir::Dir = include_dir::include_dir!("$CARGO_MANIFEST_DIR/files");

#[derive(rust_embed::Embed)]
#[folder = "files"]
struct Embedded;

fn main() {
    let included = INCLUDED.files().map(|file| file.path().display().to_string());
    let mut all: Vec<_> = included.chain(Embedded::iter().map(String::from)).collect();
    all.sort();
    println!("{}", all.join(" "));
}
"""

NATIVE = """\
use std::ffi::CStr;

fn main() {
    let version = unsafe { CStr::from_ptr(libz_sys::zlibVersion()) };
    let digest = ring::digest::digest(&ring::digest::SHA256, b"abc");
    println!("{} {:02x}", version.to_str().unwrap(), digest.as_ref()[0]);
}
"""

TOLD_BY_GIT = """\
fn main() {
    vergen::EmitBuilder::builder().fail_on_error().git_sha(false).emit().unwrap();
}
"""

SMALL = """\
static FILES: include_dir::Dir = include_dir::include_dir!("$CARGO_MANIFEST_DIR/files");

fn main() {
    println!("{}", FILES.files().count());
}
"""

LOCK = Path(__file__).with_name("real_crates").joinpath("Cargo.lock").read_text()
PROGRAMS = ("app", "assets", "native", "told")
INCLUDE_DIR = 'include_dir = "=0.7.4"'

FILES: Mapping[str, Content] = {
    "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["app", "assets", "native", "told"]\n'
    "[profile.dev]\ndebug = 0\n",
    "Cargo.lock": LOCK,
    **crate(
        "app",
        "dependencies",
        'clap = { version = "=4.5.40", default-features = false, features = ["derive", "std"] }',
        'serde = { version = "=1.0.219", features = ["derive"] }',
        'serde_json = "=1.0.140"',
        'tokio = { version = "=1.45.1", features = ["macros", "rt"] }',
        main=APP,
    ),
    **crate(
        "assets",
        "dependencies",
        INCLUDE_DIR,
        'rust-embed = { version = "=8.7.2", features = ["debug-embed"] }',
        main=ASSETS,
    ),
    "assets/files/one": "1",
    **crate(
        "native",
        "dependencies",
        'libz-sys = { version = "=1.1.22", default-features = false, features = ["static"] }',
        'ring = "=0.17.14"',
        main=NATIVE,
    ),
    **crate(
        "told",
        "build-dependencies",
        'vergen = { version = "=8.3.2", default-features = false, features = ["git", "gitcl"] }',
        main='fn main() {\n    println!("{}", env!("VERGEN_GIT_SHA"));\n}\n',
    ),
    "told/build.rs": TOLD_BY_GIT,
    "BUILD": "".join(f'mzbuild_cargo_build(name="{name}", bin=["{name}"])\n' for name in PROGRAMS),
}


class Workshop:
    """A repository of these crates, and the home that Cargo has fetched them into."""

    def __init__(self, repo: Repo, home: Path):
        self.repo = repo
        self.home = home

    def package(self, *names: str) -> Result:
        targets = (f"//:{name}" for name in names)
        return self.repo.pants("--mzbuild-profile=dev", "package", *targets)

    def say(self, name: str, *args: str) -> str:
        """What a program that was packaged prints."""
        program = self.repo.root / f"dist/{name}/{name}"
        return subprocess.run([program, *args], capture_output=True, check=True, text=True).stdout


@contextmanager
def repository(
    directory: Path, cold_caches: Mapping[str, str], files: Mapping[str, Content]
) -> Iterator[Workshop]:
    home = directory / "cargo-home"
    repo = Repo(directory / "repo", files, {**cold_caches, "CARGO_HOME": str(home)})
    try:
        yield Workshop(repo, home)
    finally:
        repo.stop_pantsd()


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    with repository(tmp_path_factory.mktemp("real"), cold_caches, FILES) as workshop:
        yield workshop


def test_programs_of_public_crates_are_built_and_fetching_is_said(workshop: Workshop) -> None:
    result = workshop.package(*PROGRAMS)
    assert "Cargo fetches" in result.stderr
    assert workshop.say("app", "you", "--times=2") == '{"name":"you","times":2}\n'
    assert workshop.say("assets") == "one one\n"
    assert workshop.say("native") == "1.3.1 ba\n"
    assert workshop.say("told").strip() == workshop.repo.git("rev-parse", "HEAD").stdout.strip()


def test_files_that_macros_read_are_those_of_now(workshop: Workshop) -> None:
    with changed(workshop.repo, {"assets/files/two": "2"}):
        result = workshop.package("assets")
        assert workshop.say("assets") == "one one two two\n"
    assert "Cargo fetches" not in result.stderr


class Small(NamedTuple):
    """A program of one crate, with nothing fetched for it; a home into which that crate was
    fetched by somebody else."""

    workshop: Workshop
    fetched: Path


@pytest.fixture
def small(tmp_path: Path, cold_caches: Mapping[str, str]) -> Iterator[Small]:
    files = {
        "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["small"]\n',
        "Cargo.lock": LOCK,
        **crate("small", "dependencies", INCLUDE_DIR, main=SMALL),
        "small/files/one": "",
        "BUILD": 'mzbuild_cargo_build(name="small", bin=["small"])\n',
    }
    with repository(tmp_path, cold_caches, files) as workshop:
        small = Small(workshop, tmp_path / "fetched")
        # It takes out of the lock file what only the others need.
        cargo(small, "fetch", "--quiet")
        workshop.repo.commit("lock")
        yield small


def cargo(small: Small, *args: str) -> str:
    env = {**small.workshop.repo.env, "CARGO_HOME": str(small.fetched)}
    root = small.workshop.repo.root
    done = subprocess.run(
        ["cargo", *args], cwd=root, env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


class _Mirror(BaseHTTPRequestHandler):
    """A registry of what a home of Cargo has fetched, by its sparse protocol:
    https://doc.rust-lang.org/cargo/reference/registry-index.html"""

    def __init__(self, home: Path, *args: object):
        self._registry = home / "registry"
        super().__init__(*args)  # type: ignore[arg-type]  # As the server gives them.

    def do_GET(self) -> None:
        host = self.headers["Host"]
        content = b'{"dl": "http://%s/crates/{crate}-{version}.crate"}' % host.encode()
        if not self.path.endswith("/config.json"):
            kind, _, name = self.path.lstrip("/").partition("/")
            pattern = f"cache/*/{name}" if kind == "crates" else f"index/*/.cache/{name}"
            found = sorted(self._registry.glob(pattern))
            content = found[0].read_bytes() if found else b""
            if kind != "crates":
                # Cargo keeps what an index says between zero bytes.
                lines = [part for part in content.split(b"\0") if part.startswith(b"{")]
                content = b"\n".join(lines)
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


def test_a_mirror_takes_the_place_of_the_registry(small: Small) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Mirror, small.fetched))
    Thread(target=server.serve_forever, daemon=True).start()
    config = (
        '[source.crates-io]\nreplace-with = "mirror"\n'
        f'[source.mirror]\nregistry = "sparse+http://127.0.0.1:{server.server_port}/index/"\n'
    )
    try:
        small.workshop.repo.write({".cargo/config.toml": config})
        result = small.workshop.package("small")
    finally:
        server.shutdown()
        server.server_close()
    assert small.workshop.say("small") == "1\n"
    assert "Cargo fetches packages: " in result.stderr, str(result)


def test_what_is_vendored_needs_no_network(small: Small) -> None:
    replacing = cargo(small, "vendor", "--offline", "--locked")
    small.workshop.repo.write({".cargo/config.toml": f"{replacing}[net]\noffline = true\n"})
    result = small.workshop.package("small")
    assert small.workshop.say("small") == "1\n"
    assert "Cargo fetches" not in result.stderr
