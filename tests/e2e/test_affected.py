"""Queries tell the truth: what Pants lists for a change is what the change moves.

That goes for every kind of edge that there is, whether or not a BUILD file declares it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.queries import Images, check_change, described, listed
from tests.e2e.repo import Repo
from tests.e2e.steps import Step, append, both, chmod, delete, git, restore, write
from tests.e2e.vectors import differing, fingerprints, plain

STRICT = {"PANTS_MZBUILD_FINGERPRINT_SCHEME": "strict"}


def manifest(name: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{more}'


def image(directory: str, dockerfile: str, more: str = "") -> Mapping[str, str]:
    """An image named by its directory."""
    name = directory.rpartition("/")[2]
    return {
        f"{directory}/mzbuild.yml": f"name: {name}\n{more}",
        f"{directory}/Dockerfile": dockerfile,
    }


COPY = "pre-image: [{{type: copy, source: {}, destination: d, matching: '{}'}}]\n"
CARGO = "pre-image: [{{type: cargo-build, {}: {}}}]\n"

# Every kind of edge that there is between a file and an image.
FILES: Mapping[str, str | Path] = {
    "Cargo.toml": '[workspace]\nmembers = ["src/*", "src/app/nested"]\n\n'
    '[workspace.dependencies]\ninherited = { path = "src/inherited" }\n',
    "Cargo.lock": "version = 3\n",
    ".cargo/config": "",
    ".cargo/config.toml": "",
    "rust-toolchain": "stable\n",
    "ci/builder/deep/run": "",
    "src/app/Cargo.toml": manifest(
        "app",
        '[dependencies]\nx = { path = "../renamed", package = "renamed" }\n'
        "inherited.workspace = true\n"
        '[build-dependencies]\nbuild = { path = "../build" }\n'
        '[dev-dependencies]\ndev = { path = "../dev" }\n'
        "[target.'cfg(unix)'.dependencies]\nunix = { path = \"../unix\" }\n",
    ),
    "src/app/src/main.rs": "",
    "src/app/examples/demo.rs": "",
    "src/app/mzcompose.py": "",
    "src/app/mzcompose/a": "",
    "src/app/deep/mzcompose": "",
    "src/app/nested/Cargo.toml": manifest("nested"),
    "src/app/nested/src/lib.rs": "",
    "src/app/linked.txt": Path("../../share/for-crate.txt"),
    **{
        path: content
        for name in ("renamed", "inherited", "build", "dev", "unix", "unused")
        for path, content in {
            f"src/{name}/Cargo.toml": manifest(name),
            f"src/{name}/src/lib.rs": "",
        }.items()
    },
    "share/for-crate.txt": "",
    "share/for-image.txt": "",
    "share/for-copy.txt": "",
    "share/odd [1]*.txt": "",
    "share/hop.txt": Path("for-image.txt"),
    "share/nobody.txt": "",
    "doc/index.md": "",
    "doc/deep/page.md": "",
    "doc/deep/page.txt": "",
    "doc/linked.md": Path("../share/for-copy.txt"),
    ".hidden/file": "",
    **image("box/base", "FROM scratch\n"),
    **image("box/bin", "MZFROM base\n", CARGO.format("bin", "app")),
    **image("box/example", "FROM scratch\n", CARGO.format("example", "demo")),
    **image("box/doc", "MZFROM base\n", COPY.format("doc", "*.md")),
    **image("box/hidden", "FROM scratch\n", COPY.format(".hidden/", "*")),
    **image("box/outer", "FROM scratch\n"),
    **image("box/outer/inner", "FROM scratch\n"),
    "box/outer/file": "",
    "box/outer/deep/file": "",
    "box/outer/inner/file": "",
    **image("box/links", "FROM scratch\n"),
    "box/links/direct": Path("../../share/for-image.txt"),
    "box/links/hops": Path("../../share/hop.txt"),
    "box/links/odd": Path("../../share/odd [1]*.txt"),
    "box/links/directory": Path("../../share"),
    **image("box/top", "MZFROM bin\nMZFROM doc\n"),
    ".gitignore": "*.tracked-though\n",
    "README.md": "",
}


@pytest.fixture(scope="module")
def small(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    env = {**cold_caches, "PANTS_MZBUILD_ARCH": "x86_64"}
    # No two files are alike, so that Git takes none for another one renamed.
    files = {path: content or f"# {path}\n" for path, content in FILES.items()}
    repo = Repo(tmp_path_factory.mktemp("queries") / "repo", files, env)
    repo.write({"box/outer/x.tracked-though": ""})
    repo.git("add", "--force", "box/outer/x.tracked-though")
    repo.commit("forced")
    yield repo
    repo.stop_pantsd()


@pytest.fixture
def changed(small: Repo) -> Iterator[Repo]:
    """The small repository, for a test to change."""
    yield small
    restore(small)


@pytest.fixture(scope="module")
def unchanged(small: Repo) -> Images:
    return described(small)


BIN = {"bin", "example", "top"}
DOC = {"doc", "top"}
NONE: set[str] = set()


@pytest.mark.parametrize(
    ("step", "names"),
    [
        pytest.param(append("src/app/src/main.rs", "//"), BIN, id="crate"),
        pytest.param(append("src/app/Cargo.toml", "#"), BIN, id="manifest"),
        pytest.param(write("src/app/new", ""), BIN, id="new file of a crate"),
        pytest.param(delete("src/renamed/src/lib.rs"), BIN, id="deleted file of a crate"),
        pytest.param(append("src/renamed/src/lib.rs", "//"), BIN, id="renamed dependency"),
        pytest.param(append("src/build/src/lib.rs", "//"), BIN, id="build dependency"),
        pytest.param(append("src/dev/src/lib.rs", "//"), {"example"}, id="dev-dependency"),
        pytest.param(append("src/unused/src/lib.rs", "//"), NONE, id="unused crate"),
        pytest.param(append("src/app/nested/src/lib.rs", "//"), NONE, id="nested crate"),
        pytest.param(append("src/app/mzcompose.py", "#"), NONE, id="mzcompose.py"),
        pytest.param(append("src/app/mzcompose/a", "#"), NONE, id="mzcompose directory"),
        pytest.param(append("src/app/deep/mzcompose", "#"), BIN, id="mzcompose further down"),
        pytest.param(append("share/for-crate.txt", "x"), BIN, id="what a crate's symlink leads to"),
        pytest.param(append("Cargo.lock", "#"), BIN, id="Cargo.lock"),
        pytest.param(append("Cargo.toml", "#"), BIN, id="workspace manifest"),
        pytest.param(append("ci/builder/deep/run", "#"), BIN, id="ci/builder"),
        pytest.param(write("ci/builder/new", ""), BIN, id="new in ci/builder"),
        pytest.param(append(".cargo/config", "#"), BIN, id=".cargo/config"),
        pytest.param(delete(".cargo/config"), BIN, id=".cargo/config deleted"),
        pytest.param(append(".cargo/config.toml", "#"), NONE, id=".cargo/config.toml"),
        pytest.param(append("rust-toolchain", "#"), NONE, id="rust-toolchain"),
        pytest.param(append("src/unix/src/lib.rs", "//"), NONE, id="dependency of a platform"),
        pytest.param(append("src/inherited/src/lib.rs", "//"), NONE, id="inherited dependency"),
        pytest.param(append("box/outer/deep/file", "x"), {"outer"}, id="context"),
        pytest.param(append("box/outer/inner/file", "x"), {"inner"}, id="nested context"),
        pytest.param(delete("box/outer/file"), {"outer"}, id="deleted file of a context"),
        pytest.param(chmod("box/outer/file", 0o755), {"outer"}, id="chmod"),
        pytest.param(write("box/outer/inner/new", ""), {"inner"}, id="new in a nested context"),
        pytest.param(
            append("box/outer/x.tracked-though", "x"), {"outer"}, id="tracked though ignored"
        ),
        pytest.param(
            both(write("box/outer/.gitignore", "new\n"), write("box/outer/new", "")),
            {"outer"},
            id="ignore file",
        ),
        pytest.param(
            append("box/base/Dockerfile", "#"), {"base"} | BIN - {"example"} | DOC, id="base image"
        ),
        pytest.param(append("box/bin/mzbuild.yml", "#"), {"bin", "top"}, id="mzbuild.yml"),
        pytest.param(append("doc/index.md", "x"), DOC, id="copied"),
        pytest.param(append("doc/deep/page.md", "x"), DOC, id="copied from further down"),
        pytest.param(append("doc/deep/page.txt", "x"), NONE, id="beside what is copied"),
        pytest.param(write("doc/deep/new.md", ""), DOC, id="new to be copied"),
        pytest.param(delete("doc/deep/page.md"), DOC, id="copied, but deleted"),
        pytest.param(append("share/for-copy.txt", "x"), DOC, id="what a copied symlink leads to"),
        pytest.param(append(".hidden/file", "x"), {"hidden"}, id="copied from a hidden directory"),
        pytest.param(append("share/for-image.txt", "x"), {"links"}, id="what a symlink leads to"),
        pytest.param(
            append("share/odd [1]*.txt", "x"), {"links"}, id="symlink to a name with wildcards"
        ),
        pytest.param(
            write("box/links/direct", Path("../../share/nobody.txt")),
            {"links"},
            id="symlink to another file",
        ),
        pytest.param(append("share/nobody.txt", "x"), NONE, id="beside what a symlink leads to"),
        pytest.param(append("README.md", "x"), NONE, id="file of nothing"),
        pytest.param(
            lambda repo: repo.write(image("box/new", "MZFROM base\n")), {"new"}, id="new image"
        ),
        pytest.param(
            both(write("doc/new.md", ""), append("src/dev/src/lib.rs", "//"), git("add", "--all")),
            DOC | {"example"},
            id="several, in the index",
        ),
    ],
)
def test_what_is_affected(changed: Repo, unchanged: Images, step: Step, names: set[str]) -> None:
    check_change(changed, step, names, before=unchanged)


@pytest.mark.parametrize(
    ("path", "target", "name"),
    [
        pytest.param("box/links/odd", "../../share/nobody.txt", "links", id="a symlink"),
        pytest.param("share/hop.txt", "nobody.txt", "links", id="one on the way"),
        pytest.param("box/outer/file", "../../share/nobody.txt", "outer", id="what was a file"),
    ],
)
def test_where_a_symlink_leads_is_looked_up_again(
    changed: Repo, path: str, target: str, name: str
) -> None:
    listed(changed, "list", "::")
    write(path, Path(target))(changed)
    changed.commit("elsewhere")
    try:
        check_change(changed, append("share/nobody.txt", "x"), {name})
    finally:
        changed.git("reset", "--quiet", "--hard", "HEAD~")


@pytest.mark.parametrize(
    "path",
    [".cargo/config.toml", "rust-toolchain", "src/unix/src/lib.rs", "src/inherited/src/lib.rs"],
)
def test_what_is_affected_in_the_strict_scheme(changed: Repo, path: str) -> None:
    check_change(changed, append(path, "#"), BIN, STRICT)


# What `declared` says in a BUILD file, as the mzbuild.yml that stands in its place in the hash.
DECLARED_BUILD = """\
# A comment of the BUILD file is nobody's input.
mzbuild_copy(name="manual", source="doc", destination="doc", matching="*.md")
mzbuild_cargo_build(name="binaries", bin=["app"], strip=False)
mzbuild_image(
    image_name="declared",
    description="By hand.",
    publish=False,
    build_args={"B": "2", "A": "1"},
    pre_image=[":manual", ":binaries"],
)
mzbuild_files(name="unrelated", sources=["nothing"])
"""
DECLARED_YML = """\
name: "declared"
description: "By hand."
publish: false
mainline: true
build-args: {"A": "1", "B": "2"}
pre-image:
  - type: copy
    source: "doc"
    destination: "doc"
    matching: "*.md"
  - type: cargo-build
    bin: ["app"]
    example: []
    strip: false
    features: []
    extract: {}
"""


def declare(repo: Repo) -> None:
    """Commits an image that a BUILD file declares, and one that builds on it."""
    repo.write(
        {
            "box/declared/BUILD": DECLARED_BUILD,
            "box/declared/Dockerfile": "MZFROM base\n",
            "box/declared/file": "file\n",
            **image("box/user", "MZFROM declared\n"),
        }
    )


def test_an_image_of_a_build_file(changed: Repo) -> None:
    declare(changed)
    by_build = fingerprints(changed)
    address = "box/declared:declared"
    assert described(changed)[address]["dependencies"] == ["base"]
    assert listed(changed, "dependencies", address) == {
        *("box/base:base", "box/declared:manual", "box/declared:binaries"),
    }
    assert listed(changed, "dependents", "--transitive", address) == {"box/user:user"}
    assert address in listed(changed, "dependents", "--transitive", "src/renamed:renamed")
    append("box/declared/BUILD", "# More of the same.\n")(changed)
    assert fingerprints(changed) == by_build
    delete("box/declared/BUILD")(changed)
    write("box/declared/mzbuild.yml", DECLARED_YML)(changed)
    by_file = fingerprints(changed)
    assert by_file == by_build
    assert by_file == plain(changed)


@pytest.mark.parametrize(
    ("step", "names"),
    [
        (append("box/declared/file", "x"), {"declared", "user"}),
        (append("src/build/src/lib.rs", "//"), BIN | {"declared", "user"}),
        (append("box/base/Dockerfile", "#"), {"base", "bin", "declared", "user"} | DOC),
    ],
)
def test_what_is_affected_of_build_files(changed: Repo, step: Step, names: set[str]) -> None:
    declare(changed)
    changed.commit("declared")
    try:
        check_change(changed, step, names)
    finally:
        changed.git("reset", "--quiet", "--hard", "HEAD~")


def test_a_build_file_beside_an_mzbuild_yml(changed: Repo) -> None:
    without = fingerprints(changed)
    declared = 'mzbuild_image(run_args=["--publish=80:80"], tags=["slow"], sources={})\n'
    write("box/outer/BUILD", declared.format(["**/*", "!inner/**"]))(changed)
    # The file says what the image is, the target what the file cannot; there is one image.
    (target,) = json.loads(changed.pants("peek", "box/outer:outer").stdout)
    assert (target["run_args"], target["tags"]) == (["--publish=80:80"], ["slow"])
    assert listed(changed, "--tag=slow", "list", "::") == {"box/outer:outer"}
    # To such an image, the BUILD file is a file of its context like any other.
    with_it = fingerprints(changed)
    assert with_it == plain(changed)
    assert differing(without, with_it) == {"outer"}
    changed.commit("with a BUILD file")
    try:
        check_change(changed, append("box/outer/inner/file", "x"), {"inner"})
        restore(changed)
        check_change(changed, append("box/outer/deep/file", "x"), {"outer"})
    finally:
        changed.git("reset", "--quiet", "--hard", "HEAD~")
    assert fingerprints(changed) == without
    assert listed(changed, "list", "box/outer:") == {"box/outer:outer"}


def test_a_crate_with_a_build_file(changed: Repo) -> None:
    declared = 'cargo_crate(tags=["hub"], dependencies=["src/unused:unused"])\n'
    write("src/app/BUILD", declared)(changed)
    write("src/unused/BUILD", 'cargo_crate(name="unused", tags=["hub"])\n')(changed)
    changed.commit("with BUILD files")
    try:
        assert listed(changed, "--tag=hub", "list", "::") == {"src/app:app", "src/unused:unused"}
        dependencies = listed(changed, "dependencies", "src/app:app")
        assert dependencies >= {"src/unused:unused", "src/renamed:renamed", "share:linked-by-app"}
        check_change(changed, append("src/app/mzcompose.py", "#"), NONE)
        restore(changed)
        check_change(changed, append("share/for-crate.txt", "x"), BIN)
    finally:
        changed.git("reset", "--quiet", "--hard", "HEAD~")


def test_build_files_come_and_go(changed: Repo) -> None:
    """What Pants took out of its own memory for a BUILD file is back when the file is gone."""
    before = listed(changed, "list", "::")
    for _ in range(2):
        write("box/bin/BUILD", "mzbuild_image(tags=['a'])\n")(changed)
        assert listed(changed, "list", "::") == before
        write("box/bin/BUILD", "# No more.\n")(changed)
        assert listed(changed, "list", "::") == before
        assert listed(changed, "--tag=a", "list", "::") == set()
        delete("box/bin/BUILD")(changed)
        assert listed(changed, "list", "::") == before
