"""What Cargo's configuration and manifests name is built from: as Cargo itself builds the tree."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.images import COPY_ALL, building, changed, described, image
from tests.e2e.repo import Content, Repo

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def manifest(name: str, version: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n{more}'


def vendored(name: str, more: str = "") -> Mapping[str, str]:
    return {
        f"vendor/{name}/Cargo.toml": manifest(name, "9.0.0", more),
        f"vendor/{name}/src/lib.rs": "pub fn x() {}\n",
        f"vendor/{name}/.cargo-checksum.json": json.dumps({"files": {}, "package": "0" * 64}),
    }


FILES: Mapping[str, Content] = {
    ".cargo/config.toml": BOM
    + """\
include = [
    "shared.toml",
    { path = "more.toml", optional = true },
    { path = "own.toml", optional = true },
]

[build]
rustflags = ["-Ctarget-feature=+crt-static", "-Clink-arg=-Wl,--version-script,data/symbols"]

[env]
OWN = "own"
DATA = { value = "data/words", relative = true }

[target.'cfg(all())']
linker = "./.cargo/cc.sh"

[source.crates-io]
replace-with = "here"

[source.here]
directory = "vendor"
""",
    ".cargo/shared.toml": '[env]\nSHARED = "shared"\nOWN = "overridden"\n'
    '[profile.optimized]\ninherits = "dev"\n',
    ".cargo/more.toml": '[env]\nMORE = "more"\n',
    ".cargo/cc.sh": b'#!/bin/sh\nexec cc "$@"\n',
    "data/words": "words",
    "data/symbols": "{ local: *; };\n",
    # What looks like a glob in `exclude` excludes nothing.
    "Cargo.toml": BOM + "[workspace]\nmembers = ['crates/*', 'v2/foo']\n"
    "exclude = ['v1', 'crates/a*']\nresolver = '2'\n",
    # A package from elsewhere has the name of this member.
    "crates/app/Cargo.toml": manifest(
        "app",
        "0.1.0",
        "[dependencies]\nmid = '9'\nfoo = { path = '../../v2/foo' }\n"
        # TOML 1.1, which Cargo reads.
        "foo1 = {\n  path = '../../v1/foo', # the old one\n  package = 'foo',\n}\n",
    ),
    "crates/app/src/main.rs": """\
fn main() {
    mid::x();
    let own = [env!("OWN"), env!("SHARED"), env!("MORE"), include_str!(env!("DATA"))];
    println!("{} {} {}", own.join(" "), foo::WORDS, foo1::WORDS);
}
""",
    **vendored("app"),
    **vendored("mid", "[dependencies]\napp = '9'\n"),
    # The sources of a target, and a build script, that lie beside the crate.
    "v2/foo/Cargo.toml": manifest(
        "foo", "2.0.0", 'build = "../../common/build.rs"\n[lib]\npath = "../../common/lib.rs"\n'
    ),
    "common/build.rs": 'fn main() { println!("cargo:rustc-env=SAID=two"); }\n',
    "common/lib.rs": "mod beside;\npub use beside::WORDS;\n",
    "common/beside.rs": 'pub const WORDS: &str = env!("SAID");\n',
    "v1/foo/Cargo.toml": manifest("foo", "1.0.0"),
    "v1/foo/src/lib.rs": 'pub const WORDS: &str = "one";\n',
    ".gitignore": "/target/\n/.cargo/own.toml\n",
    **image("app", BOM + COPY_ALL, "pre-image: [{type: cargo-build, bin: app}]\n"),
}

# What only `strict` covers.
MISSED = {
    *(".cargo/config.toml", ".cargo/shared.toml", ".cargo/more.toml", ".cargo/cc.sh"),
    *("data/words", "data/symbols", "common/build.rs", "common/lib.rs", "common/beside.rs"),
}


def said_by_cargo(repo: Repo) -> str:
    command = ["cargo", "run", "--quiet", "--offline", "--profile=optimized", "--bin=app"]
    env = {**os.environ, "CARGO_TARGET_DIR": str(repo.root / "target")}
    done = subprocess.run(command, cwd=repo.root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_that_cargo_reads_is_there_and_counts_in_the_strict_scheme(
    tmp_path: Path, cold_caches: Mapping[str, str]
) -> None:
    with building(tmp_path, cold_caches, FILES) as (repo, docker):
        expected = said_by_cargo(repo)
        assert expected == "own shared more words two one\n"
        repo.commit("lock")
        repo.write({".cargo/own.toml": '[env]\nOWN = "mine"\n'})
        for scheme in ("mzbuild", "strict"):
            option = f"--mzbuild-fingerprint-scheme={scheme}"
            packaged = repo.pants(option, "package", "images/app")
            ignored = "`.cargo/own.toml` exists, but is not among the inputs of this build: Git "
            assert packaged.stderr.count(ignored) == 1
            spec = described(repo)["app"]["spec"]
            assert docker("run", "--rm", spec, "/srv/app").stdout == expected
        # Only Cargo knows then that there is another `app`.
        with changed(repo, {"Cargo.lock": None}):
            repo.pants("package", "images/app")
            spec = described(repo)["app"]["spec"]
            assert docker("run", "--rm", spec, "/srv/app").stdout == expected

        def fingerprint(scheme: str) -> Mapping[str, object]:
            option = f"--mzbuild-fingerprint-scheme={scheme}"
            shown = repo.pants(option, "mzbuild-fingerprint", "--format=json", "::")
            (app,) = json.loads(shown.stdout)
            return {"fingerprint": app["fingerprint"], "missed": app["missed"]}

        known = fingerprint("mzbuild")
        missed = known["missed"]
        assert isinstance(missed, list)
        assert set(missed) >= MISSED
        strict = fingerprint("strict")
        seen = {str(strict["fingerprint"])}
        for path in sorted(MISSED):
            content = FILES[path]
            text = content.decode() if isinstance(content, bytes) else content
            with changed(repo, {path: f"{text}\n"}):
                assert fingerprint("mzbuild") == known
                seen.add(str(fingerprint("strict")["fingerprint"]))
        assert len(seen) == 1 + len(MISSED)
