from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from mzbuild.rules.fingerprints import Fingerprints, MissedInputs

from tests.core.conftest import VECTORS, make_vectors_repository
from tests.rules.conftest import Project, crate, image

_CARGO = "pre-image: [{type: cargo-build, bin: x}]\n"

EXPECTED = json.loads((VECTORS / "expected.json").read_text())


@pytest.fixture
def monorepo(project: Project, tmp_path: Path) -> Project:
    """The fixture monorepo of the vectors."""
    shutil.rmtree(project.root / ".git")
    made = make_vectors_repository(tmp_path / "monorepo")
    shutil.copytree(made, project.root, symlinks=True, dirs_exist_ok=True)
    project.noticed()
    return project


def test_fingerprints_and_inputs_are_those_of_the_vectors(monorepo: Project) -> None:
    for configuration, fingerprints in EXPECTED["fingerprints"].items():
        pairs = (pair.split("=") for pair in configuration.split())
        options = [f"--mzbuild-{name}={value}" for name, value in pairs]
        assert monorepo.fingerprints(*options) == fingerprints, configuration
    assert {name: list(paths) for name, paths in monorepo.inputs().items()} == {
        name: image["inputs"] for name, image in EXPECTED["images"].items()
    }


def test_a_change_moves_the_fingerprints_of_what_depends_on_it_and_no_others(
    monorepo: Project,
) -> None:
    before = monorepo.fingerprints()

    def moved() -> set[str]:
        after = monorepo.fingerprints()
        return {name for name in after if after[name] != before[name]}

    original = (monorepo.root / "src/build-info/src/lib.rs").read_text()
    monorepo.write({"src/build-info/src/lib.rs": "// changed\n"})
    assert moved() == {"environmentd", "loadgen"}
    monorepo.write({"src/build-info/src/lib.rs": original})
    assert moved() == set()
    monorepo.write({"test/outer/inner/new": ""})
    assert moved() == {"inner", "outer"}
    monorepo.remove("test/outer/inner/new")
    monorepo.write({"misc/images/openssh-static/x": ""})
    assert moved() == {"environmentd", "jobs", "openssh-static", "prod-base"}


def test_the_strict_scheme_sees_what_the_other_misses(monorepo: Project) -> None:
    strict = "--mzbuild-fingerprint-scheme=strict"
    default, before = monorepo.fingerprints(), monorepo.fingerprints(strict)
    monorepo.write({"src/alloc/src/lib.rs": "// changed\n"})
    after = monorepo.fingerprints(strict)
    assert {name for name in after if after[name] != before[name]} == {"environmentd", "loadgen"}
    assert monorepo.fingerprints() == default


STRICT = "--mzbuild-fingerprint-scheme=strict"


def test_the_strict_scheme_covers_what_sources_name_outside_of_their_crate(
    project: Project,
) -> None:
    project.write(
        {
            **image("a", "pre-image: [{type: cargo-build, bin: c}]\n"),
            **image("other"),
            **crate("c", main=True),
            "Cargo.toml": "[workspace]\nmembers = ['c']\n",
            "c/src/main.rs": 'const TEXT: &str = include_str!("../../doc/x.md");\n',
            "doc/x.md": "",
        }
    )
    assert project.request(MissedInputs).paths == {"a": ("doc/x.md",), "other": ()}
    assert project.request(MissedInputs, options=[STRICT]).paths == {"a": (), "other": ()}
    assert set(project.inputs(STRICT)["a"]) - set(project.inputs()["a"]) == {"doc/x.md"}
    plain, strict = project.fingerprints(), project.fingerprints(STRICT)
    project.write({"doc/x.md": "changed"})
    assert project.fingerprints() == plain
    changed = project.fingerprints(STRICT)
    assert (changed["a"] != strict["a"], changed["other"] == strict["other"]) == (True, True)
    project.write({"c/src/main.rs": "", "doc/x.md": ""})
    assert project.request(MissedInputs).paths["a"] == ()


@pytest.mark.parametrize(
    ("option", "moves"),
    [
        ("--mzbuild-cargo-rustflags=['-Cx']", True),
        ("--mzbuild-cargo-toolchain=nightly", True),
        ("--mzbuild-cargo-arch={'x86_64': {'linker': 'lld'}}", True),
        ("--mzbuild-cargo-arch={'aarch64': {'linker': 'lld'}}", False),
        ("--mzbuild-cargo-profile={'dev': {'args': ['--jobs=1']}}", False),
        ("--mzbuild-cargo-passed-env=['HTTPS_PROXY']", False),
    ],
)
def test_the_strict_scheme_covers_the_options_for_cargo_that_apply(
    project: Project, option: str, moves: bool
) -> None:
    project.write(
        {
            **image("a", "pre-image: [{type: cargo-build, bin: c}]\n"),
            **image("other"),
            **crate("c", main=True),
            "Cargo.toml": "[workspace]\nmembers = ['c']\n",
        }
    )
    arch = "--mzbuild-arch=x86_64"
    before, after = project.fingerprints(arch, STRICT), project.fingerprints(arch, STRICT, option)
    assert {name for name in after if after[name] != before[name]} == ({"a"} if moves else set())
    assert project.fingerprints(arch) == project.fingerprints(arch, option)


def test_a_cargo_workspace_may_lie_elsewhere(project: Project) -> None:
    project.write(
        {
            **image("a", "pre-image: [{type: cargo-build, bin: c}]\n"),
            **crate("rust/c", "[dependencies]\nd = { path = '../../d' }\n", main=True),
            **crate("d"),
            "rust/Cargo.toml": "[workspace]\nmembers = ['c']\n",
            **dict.fromkeys(["rust/.cargo/config", ".cargo/config", "Cargo.lock"], ""),
        }
    )
    option = "--mzbuild-cargo-workspace=./rust/"
    assert set(project.inputs(option)["a"]) == {
        *image("a"),
        *crate("rust/c", main=True),
        *crate("d"),
        *("rust/Cargo.toml", "rust/.cargo/config", ".cargo/config"),
    }
    assert project.owners("rust/Cargo.toml", option) == {"//:cargo-workspace"}
    assert project.owners("d/src/lib.rs", option) == {"d:d"}


@pytest.mark.parametrize(
    ("options", "spec"),
    [
        ([], "a:mzbuild-{}"),
        (["--mzbuild-image-registry=acme", "--mzbuild-image-prefix=dev-"], "acme/dev-a:mzbuild-{}"),
    ],
)
def test_a_spec_has_the_registry_and_prefix_of_the_options(
    project: Project, options: list[str], spec: str
) -> None:
    project.write(image("a"))
    result = project.request(Fingerprints, options=options)
    assert result.specs == {"a": spec.format(result.fingerprints["a"])}


def test_names_may_hold_what_globs_are_made_of(project: Project) -> None:
    odd = ["a/with space", "a/é", "a/*?[x]", "a/line\nbreak", "a/[!a]"]
    project.write({**image("a"), **dict.fromkeys(odd, "")})
    assert set(odd) <= set(project.inputs()["a"])
    before = project.fingerprints()
    project.write({"a/*?[x]": "changed"})
    assert project.fingerprints() != before


def test_a_name_that_is_not_utf_8_is_an_error(project: Project) -> None:
    project.write({**image("a"), "a/caf\udce9": ""})
    error = project.mistakes()["a"]
    assert error.startswith("The file name b'a/caf\\xe9' is not UTF-8 text")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/mzbuild.yml": "name: [\n"}, "a/mzbuild.yml:2: this is not valid YAML: "),
        ({"a/mzbuild.yml": "name: a\n"}, "a/mzbuild.yml: the image `a` has no Dockerfile."),
        (
            image("a", dockerfile="MZFROM b\n"),
            "a/Dockerfile:1: `MZFROM b`: there is no image of that name.",
        ),
        (
            {**image("a", dockerfile="MZFROM b\n"), **image("b", dockerfile="MZFROM a\n")},
            "These images build on one another in a cycle: a -> b -> a.",
        ),
        (
            {**image("a"), "c/mzbuild.yml": "name: a\n", "c/Dockerfile": ""},
            "a/mzbuild.yml and c/mzbuild.yml both declare the image `a`.",
        ),
        (
            image("a", _CARGO),
            "a/mzbuild.yml: no crate of the Cargo workspace has the binary `x`.",
        ),
        (
            image("a", "pre-image: [{type: copy, source: ../x, destination: y}]\n"),
            "a/mzbuild.yml: `source: ../x` leads out of the repository.",
        ),
        (
            {**image("a", _CARGO), "Cargo.toml": "[workspace\n"},
            "Cargo.toml:1: this is not valid TOML: ",
        ),
        (
            {**image("a", _CARGO), "Cargo.toml": "[workspace]\nmembers = ['x']\n"},
            "Cargo.toml: the workspace's member `x` has no `Cargo.toml` that Git sees.",
        ),
        (
            {**crate("x"), **crate("y"), "Cargo.toml": "[workspace]\nmembers = ['x', 'y']\n"}
            | {"x/src/bin/b.rs": "", "y/src/bin/b.rs": ""}
            | image("a", "pre-image: [{type: cargo-build, bin: b}]\n"),
            "a/mzbuild.yml: the binary `b` is in 2 crates, `x/Cargo.toml` and `y/Cargo.toml`.",
        ),
    ],
)
def test_a_mistake_is_a_sentence_and_no_other_image_s(
    project: Project, files: dict[str, str], message: str
) -> None:
    project.write(image("sound"))
    before = project.fingerprints()
    project.write(files)
    after, mistakes = project.fingerprints(), project.mistakes()
    assert after["sound"] == before["sound"]
    assert "a" not in after
    assert [error.startswith(message) for error in mistakes.values()].count(True) > 0
    assert set(mistakes) <= {"a", "b", "a/mzbuild.yml", "c/mzbuild.yml"}
