from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import pytest
from mzbuild.goals.fingerprint import FingerprintedImages, Format, show
from pants.base.specs import FileLiteralSpec, RawSpecs, RecursiveGlobSpec, Spec, Specs

from tests.core.conftest import ENV
from tests.rules.conftest import Project, crate, image


@pytest.fixture
def repository(project: Project) -> Project:
    project.write({"Cargo.toml": '[workspace]\nmembers = ["x"]\n', **crate("x")})
    project.write({**image("base"), **image("top", dockerfile="MZFROM base\n"), "top/file": ""})
    return project


def fingerprinted(
    project: Project, *specs: Spec, options: Iterable[str] = (), env: Mapping[str, str] = ENV
) -> FingerprintedImages:
    includes = RawSpecs.create(specs, description_of_origin="a test")
    ignores = RawSpecs(description_of_origin="a test")
    return project.request(FingerprintedImages, Specs(includes, ignores), options=options, env=env)


def test_images_among_the_targets_are_told_of_by_name(repository: Project) -> None:
    images = fingerprinted(repository, RecursiveGlobSpec("")).images
    assert [image.name for image in images] == ["base", "top"]
    top = images[1]
    assert (top.address, top.dependencies, top.inputs) == ("top:top", ("base",), 3)
    assert top.spec == f"top:mzbuild-{top.fingerprint}"
    assert top.fingerprint == repository.fingerprints()["top"]


def test_a_file_stands_for_the_image_that_it_belongs_to(repository: Project) -> None:
    images = fingerprinted(repository, FileLiteralSpec("top/file")).images
    assert [image.name for image in images] == ["top"]


def test_each_format_is_lines_to_print(repository: Project) -> None:
    images = fingerprinted(repository, RecursiveGlobSpec("")).images
    fingerprints = repository.fingerprints()
    assert show(images, Format.TEXT) == [
        f"{name}: {fingerprints[name]}" for name in ("base", "top")
    ]
    assert show(images, Format.SPEC) == [f"{n}:mzbuild-{fingerprints[n]}" for n in ("base", "top")]
    (text,) = show(images, Format.JSON)
    assert json.loads(text)[1] == {
        "name": "top",
        "address": "top:top",
        "fingerprint": fingerprints["top"],
        "spec": f"top:mzbuild-{fingerprints['top']}",
        "reference": f"top:mzbuild-{fingerprints['top']}",
        "dependencies": ["base"],
        "inputs": 3,
        "missed": [],
        "error": None,
    }
    assert show((), Format.TEXT) == []
    assert show((), Format.JSON) == ["[]"]


def test_what_can_be_run_is_in_the_primary_registry(repository: Project) -> None:
    options = (
        "--mzbuild-image-registry=acme",
        '--mzbuild-registries={"hub": {"address": "docker.io"}, '
        '"ghcr": {"address": "ghcr.io/acme", "primary_env": "MZ_GHCR"}}',
        "--mzbuild-primary-registry=hub",
    )
    spec = f"acme/top:mzbuild-{repository.fingerprints()['top']}"
    for address, env in (("docker.io", ENV), ("ghcr.io", {**ENV, "MZ_GHCR": "1"})):
        result = fingerprinted(repository, FileLiteralSpec("top/file"), options=options, env=env)
        assert show(result.images, Format.SPEC) == [f"{address}/{spec}"]
        (image,) = result.images
        assert (image.spec, image.reference) == (spec, f"{address}/{spec}")


def test_what_the_scheme_misses_is_listed_and_warned_of_once(repository: Project) -> None:
    build = "pre-image: [{type: cargo-build, bin: app}]\n"
    sources = "".join(f'const T{n}: &str = include_str!("../../{n}.txt");\n' for n in range(4))
    repository.write(
        {
            "Cargo.toml": "[workspace]\nmembers = ['app']\n",
            **crate("app", main=True),
            "app/src/main.rs": sources,
            **{f"{n}.txt": "" for n in range(4)},
            ".cargo/config": "",
            **image("a", build),
            **image("b", build),
        }
    )
    # What leads to an input is one as well.
    repository.link(".cargo/config.toml", "config")
    told = fingerprinted(repository, RecursiveGlobSpec(""))
    missed = {image.name: image.missed for image in told.images}
    texts = ("0.txt", "1.txt", "2.txt", "3.txt")
    assert missed == {"a": texts, "b": texts, "base": (), "top": ()}
    assert told.warnings == (
        "The fingerprint scheme `mzbuild` leaves out 4 files that Cargo reads: `0.txt`, `1.txt`, "
        "`2.txt`, …. Images keep their names when only those change. "
        "`--mzbuild-fingerprint-format=json` lists them as `missed`; "
        "`--mzbuild-fingerprint-scheme=strict` covers them.",
    )
    assert fingerprinted(repository, RecursiveGlobSpec("top")).warnings == ()
    repository.write({"rust-toolchain": "", "app/src/main.rs": ""})
    (warning,) = fingerprinted(repository, RecursiveGlobSpec("a")).warnings
    assert warning.startswith(
        "The fingerprint scheme `mzbuild` leaves out 1 file that Cargo reads: `rust-toolchain`. "
    )


def test_what_no_scheme_covers_is_listed_in_the_strict_one(repository: Project) -> None:
    build = "pre-image: [{type: cargo-build, bin: app}]\n"
    asks = 'fn main() { println!("cargo:rustc-env=X={}", said(Command::new("git"))); }\n'
    repository.write({"Cargo.toml": "[workspace]\nmembers = ['app', 'other']\n"})
    repository.write({**crate("app", main=True), "app/build.rs": asks, **image("a", build)})
    repository.write({**crate("other"), "other/build.rs": asks})

    def told(*options: str) -> FingerprintedImages:
        return fingerprinted(repository, RecursiveGlobSpec(""), options=options)

    assert {image.missed for image in told().images} == {()}
    strict = told("--mzbuild-fingerprint-scheme=strict")
    assert strict.warnings == ()
    missed = {image.name: image.missed for image in strict.images}
    assert missed == {"a": (".git (read by app/build.rs)",), "base": (), "top": ()}
    without = told("--mzbuild-fingerprint-scheme=strict", "--no-mzbuild-cargo-git")
    assert {image.missed for image in without.images} == {()}
