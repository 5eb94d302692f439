from __future__ import annotations

import hashlib
import re

from mzbuild.core.actions.action import InputGroup, InputKind
from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.describe.description import (
    FileDescription,
    ImageDescription,
    describe_image,
    description_lines,
)
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import InputFile
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import build_graph
from mzbuild.core.work_tree.files import EXECUTABLE, REGULAR, bytes_digests

from tests.core.conftest import listing

DOCKERFILES = {
    "base/Dockerfile": b"FROM scratch\n",
    "middle/Dockerfile": b"MZFROM base\n",
    "top/Dockerfile": b"MZFROM middle\n",
}
MIDDLE = Image(
    "middle",
    "middle",
    "middle/mzbuild.yml",
    description="In between.",
    publish=False,
    build_args=(("A", "1"), ("B", "2")),
    pre_image=(
        CargoBuildAction(
            bins=("x", "y"),
            strip=False,
            split_debuginfo=True,
            extract=(("x", (("a.bin", "b.bin"),)),),
        ),
        CopyAction("doc", "html", "*.md"),
    ),
)
IMAGES = [Image("base", "base", "base/mzbuild.yml"), MIDDLE, Image("top", "top", "//:top")]
GRAPH = build_graph(IMAGES, listing(*DOCKERFILES), DOCKERFILES.__getitem__)
INPUTS = {
    "middle": (
        InputGroup(InputKind.CONTEXT, "middle", ("middle/Dockerfile", "middle/run")),
        InputGroup(InputKind.CRATE, "x", ("x/gone.rs",)),
        # A file that comes in twice is one input.
        InputGroup(InputKind.COPY, "doc", ("middle/run",)),
    )
}


def file(path: str) -> InputFile:
    if path == "x/gone.rs":
        raise MzbuildError("It is gone.")
    mode = EXECUTABLE if path.endswith("/run") else REGULAR
    return InputFile(mode, bytes_digests(path.encode()))


def describe(transitive: bool = False, error: str | None = None) -> ImageDescription:
    survey = Survey(
        INPUTS, {} if error else {"middle": "F" * 32}, {"middle": error} if error else {}
    )
    spec = None if error else "middle:mzbuild-F"
    tags = {} if error else {"hub": "docker.io/middle:mzbuild-F", "ghcr": "ghcr.io/m:mzbuild-F"}
    return describe_image(
        MIDDLE, "middle:middle", GRAPH, survey, spec, tags, file, transitive=transitive
    )


def lines(image: ImageDescription, *, files: bool = False) -> list[str]:
    return list(description_lines(image, lambda text: f"<{text}>", files=files))


def test_files_have_mode_size_and_sha1_in_the_group_that_brings_them_in() -> None:
    context, crate, copy = describe().inputs
    assert (context.kind, context.name, context.size) == ("context", "middle", 17 + 10)
    sha1 = hashlib.sha1(b"middle/run").hexdigest()
    assert context.files[1] == FileDescription("middle/run", "100755", 10, sha1)
    assert crate.files == (FileDescription("x/gone.rs", None, None, None),)
    assert copy.files == context.files[1:]


def test_actions_have_the_fields_of_an_mzbuild_yml() -> None:
    assert describe().pre_image == (
        {
            "type": "cargo-build",
            "bin": ["x", "y"],
            "example": [],
            "strip": False,
            "split_debuginfo": True,
            "features": [],
            "extract": {"x": {"a.bin": "b.bin"}},
            "rustflags": [],
            "env": {},
            "args": [],
        },
        {"type": "copy", "source": "doc", "destination": "html", "matching": "*.md"},
    )


def test_people_read_a_line_for_each_thing() -> None:
    assert lines(describe(transitive=True)) == [
        "<middle  middle:middle>",
        "  description  In between.",
        "  fingerprint  " + "F" * 32,
        "  spec         middle:mzbuild-F",
        "  tags         hub: docker.io/middle:mzbuild-F",
        "               ghcr: ghcr.io/m:mzbuild-F",
        "  publish      no",
        "  mainline     yes",
        "  build args   A=1",
        "               B=2",
        "  pre-image    cargo-build  bin: x, y; strip: no; split_debuginfo: yes; "
        "extract: x a.bin to b.bin",
        "               copy  source: doc; destination: html; matching: *.md",
        "  builds on    base",
        "  … in turn    base",
        "  built on by  top",
        "  … in turn    top",
        "  inputs       3 files, 27 B",
        "    <context middle>: 2 files, 27 B",
        "    <crate x>: 1 file, 0 B",
        "    <copy doc>: 1 file, 10 B",
    ]


def test_people_can_read_of_each_file() -> None:
    shown = [line for line in lines(describe(), files=True) if re.match(" {6}", line)]
    sha1 = hashlib.sha1(b"middle/run").hexdigest()
    assert shown[-4:] == [
        f"      100644         17  {hashlib.sha1(b'middle/Dockerfile').hexdigest()}"
        "  middle/Dockerfile",
        f"      100755         10  {sha1}  middle/run",
        f"           ?          ?  {'?':<40}  x/gone.rs",
        f"      100755         10  {sha1}  middle/run",
    ]


def test_without_a_fingerprint_the_rest_is_told() -> None:
    image = describe(error="It is gone.")
    assert (image.fingerprint, image.spec, image.error) == (None, None, "It is gone.")
    assert "  fingerprint  none: It is gone." in lines(image)
    assert (image.transitive_dependencies, image.transitive_dependents) == (None, None)
