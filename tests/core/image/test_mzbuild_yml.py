from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.cargo.settings import CargoFlags
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.mzbuild_yml import (
    MzbuildYml,
    canonical_mzbuild_yml,
    is_image_name,
    parse_mzbuild_yml,
    unseen,
    without_target,
)

from tests.core.conftest import ACTION_TYPES

PATH = "misc/images/i/mzbuild.yml"

EVERYTHING = """\
name: environmentd
description: The daemon.
publish: false
mainline: no
build-args:
  VERSION: 1.10
  EMPTY: ''
pre-image:
  - type: cargo-build
    bin: environmentd
    example: [testdrive, load]
    strip: false
    split_debuginfo: true
    features: fast
    extract:
      build-info:
        out.txt: info/out.txt
  - type: copy
    source: doc/user
    destination: doc
    matching: '*.md'
  - {type: copy, source: a, destination: b}
"""

TEXT = st.text(min_size=1, max_size=8)
NAMES = st.from_regex(r"[a-z0-9]+(-+[a-z0-9]+)*", fullmatch=True).filter(is_image_name)
WORDS = st.lists(TEXT, max_size=3).map(tuple)
PAIRS = st.dictionaries(TEXT, st.text(max_size=8), max_size=3).map(
    lambda pairs: tuple(sorted(pairs.items()))
)
CARGO_BUILDS = st.builds(
    CargoBuildAction,
    bins=WORDS,
    examples=WORDS,
    strip=st.booleans(),
    split_debuginfo=st.booleans(),
    features=WORDS,
    extract=st.dictionaries(TEXT, PAIRS, max_size=2).map(lambda each: tuple(sorted(each.items()))),
).filter(lambda build: bool(build.bins or build.examples))
COPIES = st.builds(CopyAction, source=TEXT, destination=TEXT, matching=TEXT)
IMAGES = st.builds(
    Image,
    name=NAMES,
    context=st.just("misc/images/i"),
    origin=st.just(PATH),
    description=st.none() | st.text(max_size=20),
    publish=st.booleans(),
    mainline=st.booleans(),
    build_args=PAIRS,
    pre_image=st.lists(CARGO_BUILDS | COPIES, max_size=3).map(tuple),
)

FIELDS = st.sampled_from(
    [
        *("name", "description", "publish", "mainline", "build-args", "pre-image", "type", "bin"),
        *("example", "strip", "split_debuginfo", "features", "extract"),
        *("source", "destination", "matching", "<<"),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    TEXT,
    st.sampled_from(["cargo-build", "copy", "a"]),
)
# Documents that come close to a declaration, so that they get past the first check.
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | TEXT, inner, max_size=6),
    max_leaves=12,
)
NEARLY_IMAGES = st.dictionaries(FIELDS, DOCUMENTS, max_size=6).map(
    lambda each: {"name": "a", **each}
)
# Texts out of what has a meaning in YAML.
TEXTS = st.lists(
    st.sampled_from(
        [
            *":-[]{}!&*?|>%@,#'\"\\ \n\ta1",
            *("name: a\n", "publish: ", "pre-image:\n", "- type: copy\n"),
            *("&a ", "*a", "<<: *a", "!!bool ", "- ", "? ", "---\n", "...\n", "\\U", "FFFF", "\0"),
        ]
    ),
    max_size=14,
).map("".join)


def parse(text: str) -> MzbuildYml:
    return parse_mzbuild_yml(text.encode(), PATH, ACTION_TYPES)


def error(text: str) -> str:
    with pytest.raises(MzbuildError) as raised:
        parse(text)
    return str(raised.value)


def test_every_field_is_read() -> None:
    assert parse(EVERYTHING) == MzbuildYml(
        Image(
            name="environmentd",
            context="misc/images/i",
            origin=PATH,
            description="The daemon.",
            publish=False,
            mainline=False,
            build_args=(("VERSION", "1.10"), ("EMPTY", "")),
            pre_image=(
                CargoBuildAction(
                    bins=("environmentd",),
                    examples=("testdrive", "load"),
                    strip=False,
                    split_debuginfo=True,
                    features=("fast",),
                    extract=(("build-info", (("out.txt", "info/out.txt"),)),),
                ),
                CopyAction("doc/user", "doc", "*.md"),
                CopyAction("a", "b", "*"),
            ),
        ),
        warnings=(),
    )


def test_only_the_name_is_required() -> None:
    assert parse("name: a\n").image == Image("a", "misc/images/i", PATH)


def test_the_file_may_begin_with_a_byte_order_mark() -> None:
    assert (
        parse_mzbuild_yml(b"\xef\xbb\xbfname: a\n", "i/mzbuild.yml", ACTION_TYPES).image.name == "a"
    )


def test_the_file_may_be_at_the_root() -> None:
    image = parse_mzbuild_yml(b"name: a\n", "mzbuild.yml", ACTION_TYPES).image
    assert (image.context, image.declared_in_file) == ("", True)


def test_unknown_fields_are_warnings_that_name_the_nearest() -> None:
    text = "name: a\nbuild_args: {A: b}\npre-image:\n- type: cargo-build\n  bin: b\n"
    text += "  profile: packed\n  feature: x\n"
    assert parse(text).warnings == (
        f"{PATH}:2: unknown field `build_args` is ignored. Did you mean `build-args`?",
        f"{PATH}:6: unknown field `pre-image[0].profile` is ignored.",
        f"{PATH}:7: unknown field `pre-image[0].feature` is ignored. Did you mean `features`?",
    )


ACTION = "name: a\npre-image:\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("description: x\n", "1: the required field `name` is missing. Add `name: …`."),
        ("\nname: ''\n", "2: the required field `name` is empty. Add `name: …`."),
        (
            "\nname: under_score\n",
            "2: `under_score` cannot name an image: a name has lower-case letters and digits, "
            "with `-` between them, and up to 127 characters. Write `under-score`.",
        ),
        (
            "\nname: Web\n",
            "2: `Web` cannot name an image: a name has lower-case letters and digits, "
            "with `-` between them, and up to 127 characters. Write `web`.",
        ),
        (
            "\nname: --rm\n",
            "2: `--rm` cannot name an image: a name has lower-case letters and digits, "
            "with `-` between them, and up to 127 characters. Write `rm`.",
        ),
        (
            "name: 'a\n\n  '\n",
            "1: `a\\n` cannot name an image: a name has lower-case letters and digits, "
            "with `-` between them, and up to 127 characters. Write `a`.",
        ),
        ("name: 1\n", "1: `name` must be a string, but is an integer. Quote it: '1'."),
        ("name: a\npublish: maybe\n", "2: `publish` must be true or false, but is a string."),
        (
            "name: a\ndescription: [x]\n",
            "2: `description` must be a string, but is a list.",
        ),
        (
            "name: a\nbuild-args:\n  - A\n",
            "3: build-args must be a map of fields, but is a list.",
        ),
        ("name: a\npre-image: copy\n", "2: `pre-image` must be a list, but is a string."),
        (
            f"{ACTION}- bin: x\n",
            "3: the required field `pre-image[0].type` is missing. Add `type: …`.",
        ),
        (
            f"{ACTION}- type: cargo_build\n",
            "3: there is no pre-image action of type `cargo_build`; the types are `cargo-build`, "
            "`copy`, `files`, `package` and `shell`. Did you mean `cargo-build`?",
        ),
        (
            f"{ACTION}- type: fetch\n",
            "3: there is no pre-image action of type `fetch`; the types are `cargo-build`, "
            "`copy`, `files`, `package` and `shell`.",
        ),
        (
            f"{ACTION}- type: cargo-build\n  strip: true\n",
            "3: a `cargo-build` needs a `bin` or an `example` to build. Add a `bin`.",
        ),
        (
            f"{ACTION}- type: cargo-build\n  bin: []\n",
            "3: a `cargo-build` needs a `bin` or an `example` to build. Add a `bin`.",
        ),
        (
            f"{ACTION}- type: copy\n  destination: d\n",
            "3: the required field `pre-image[0].source` is missing. Add `source: …`.",
        ),
        (
            f"{ACTION}- {{type: copy, source: a, destination: b}}\n- type: copy\n  source: s\n",
            "4: the required field `pre-image[1].destination` is missing. Add `destination: …`.",
        ),
        (
            f"{ACTION}- type: cargo-build\n  bin: x\n  extract:\n    p: [a]\n",
            "6: pre-image[0].extract.p must be a map of fields, but is a list.",
        ),
        (
            f"{ACTION}- {{type: copy, source: a, destination: b}}\n- type: copy\n  source: s\n"
            f"  destination: d\n  matching: '{'*a' * 3000}'\n",
            "7: the pattern has 6,000 characters, and no path has more than 4,096. Make it "
            "shorter.",
        ),
        ("name: a\n  b: c\n", "2: this is not valid YAML: mapping values are not allowed here."),
    ],
)
def test_a_mistake_is_an_error_that_names_file_line_and_field(text: str, message: str) -> None:
    assert error(text) == f"{PATH}:{message}"


@given(IMAGES)
def test_the_canonical_file_declares_the_same_image(image: Image) -> None:
    parsed = parse_mzbuild_yml(canonical_mzbuild_yml(image), PATH, ACTION_TYPES)
    assert parsed.warnings == ()
    # No description and an empty one are the same.
    assert parsed.image == replace(image, description=image.description or "")


def test_a_field_that_came_later_is_in_the_canonical_file_only_where_it_is_set() -> None:
    image = parse("name: a\npre-image: [{type: cargo-build, bin: a}]\n").image
    canonical = canonical_mzbuild_yml(image)
    for name in (b"split_debuginfo", b" rustflags", b" env", b" args"):
        assert name not in canonical
    flags = CargoFlags(("-Cx",), (("A", "b"),), ("-v",))
    built = replace(image, pre_image=(CargoBuildAction(bins=("a",), flags=flags),))
    assert canonical_mzbuild_yml(built) == canonical + (
        b'    rustflags: ["-Cx"]\n    env: {"A": "b"}\n    args: ["-v"]\n'
    )


@given(IMAGES)
def test_the_canonical_file_is_ascii_and_the_same_for_any_order_of_build_arguments(
    image: Image,
) -> None:
    reversed_args = replace(image, build_args=image.build_args[::-1])
    canonical = canonical_mzbuild_yml(image)
    assert canonical.isascii()
    assert canonical_mzbuild_yml(reversed_args) == canonical


@given(IMAGES, IMAGES)
def test_different_images_have_different_canonical_files(one: Image, other: Image) -> None:
    same = replace(one, description=one.description or "") == replace(
        other, description=other.description or ""
    )
    assert (canonical_mzbuild_yml(one) == canonical_mzbuild_yml(other)) == same


@given(DOCUMENTS | NEARLY_IMAGES)
def test_any_document_is_an_image_or_an_mzbuild_error(document: object) -> None:
    with suppress(MzbuildError):
        assert parse(yaml.safe_dump(document, allow_unicode=True)).image.origin == PATH


@given(TEXTS)
def test_any_text_is_an_image_or_an_mzbuild_error(text: str) -> None:
    with suppress(MzbuildError):
        assert parse(text).image.origin == PATH


@given(st.binary(max_size=40))
def test_any_bytes_are_an_image_or_an_mzbuild_error(content: bytes) -> None:
    with suppress(MzbuildError):
        assert parse_mzbuild_yml(content, PATH, ACTION_TYPES).image.origin == PATH


@pytest.mark.parametrize(
    ("path", "pants_ignore", "has_gitignore", "reason"),
    [
        (
            "a/.devcontainer/b/mzbuild.yml",
            [".*/", "/dist/"],
            True,
            "[GLOBAL].pants_ignore has `.*/`, which matches `a/.devcontainer/`. Give the image a "
            "target by adding `!/a/.devcontainer/` to that option.",
        ),
        (
            "dist/mzbuild.yml",
            [".*/", "/dist/"],
            False,
            "[GLOBAL].pants_ignore matches it, though Git sees it. Have that match less to give "
            "the image a target.",
        ),
        (
            "a/mzbuild.yml",
            [".*/"],
            True,
            "the root's `.gitignore` or [GLOBAL].pants_ignore matches it, though Git sees it. Have "
            "that match less to give the image a target.",
        ),
    ],
)
def test_why_pants_does_not_see_a_file_is_told(
    path: str, pants_ignore: list[str], has_gitignore: bool, reason: str
) -> None:
    assert unseen(path, pants_ignore, has_gitignore) == (
        f"{path}: Pants does not see this file: {reason} Other images can build on it."
    )


def test_images_that_a_sparse_checkout_leaves_out_are_told_of_together() -> None:
    paths = [f"{name}/mzbuild.yml" for name in "abcde"]
    assert without_target(paths) == (
        "A sparse checkout leaves out a/mzbuild.yml, b/mzbuild.yml, c/mzbuild.yml and 2 more, so "
        "that there is no target. Other images can build on what is declared there. To have a "
        "target, run `git sparse-checkout add` with the directory."
    )
