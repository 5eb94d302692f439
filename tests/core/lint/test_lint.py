"""Each rule of the linter: what it finds, in which words, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mzbuild.core.actions.action import Complaint, Repository, Result, ResultKind
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.mzbuild_yml import parse_mzbuild_yml
from mzbuild.core.lint.findings import Linted, LintedImage
from mzbuild.core.lint.rules import RULES, findings_lines, lint

from tests.core.conftest import ACTION_TYPES, CONFIGURATION, listing

DIGEST = f"@sha256:{'0' * 64}"
BINARY, EXTRACTED = Result(ResultKind.BINARY), Result(ResultKind.EXTRACTED)
COPIED = Result(ResultKind.COPIED)


def linted(
    dockerfile: str,
    files: Mapping[str, int] | None = None,
    results: Mapping[str, Result] | None = None,
    ignore_file: str = "",
    unignored: frozenset[str] = frozenset(),
    missed: tuple[str, ...] = (),
    build_args: tuple[tuple[str, str], ...] = (),
    name: str = "i",
    declaration: str = "",
    **others: Any,
) -> LintedImage:
    contents = {"Dockerfile": dockerfile.encode()}
    if declaration:
        contents["mzbuild.yml"] = declaration.encode()
    if ignore_file:
        contents[".dockerignore"] = ignore_file.encode()
    return LintedImage(
        Image(name, f"x/{name}", f"x/{name}/mzbuild.yml", build_args=build_args),
        contents,
        {**dict.fromkeys(contents, 1), **(files or {})},
        results or {},
        unignored,
        missed,
        **others,
    )


def found(*images: LintedImage, ignored: tuple[str, ...] = ()) -> list[str]:
    return [str(finding) for finding in lint(Linted(images), ignored)]


def rules(image: LintedImage) -> list[tuple[int, str]]:
    """The lines and rules of what is found."""
    return [(each.line, each.rule) for each in lint(Linted((image,)), ())]


class TestUnpinnedFrom:
    def test_an_external_image_is_found_by_its_tag(self) -> None:
        assert found(linted("FROM scratch\nFROM ghcr.io:443/acme/debian:12\n")) == [
            "x/i/Dockerfile:1: nothing of the stage 0 gets into the image. Remove the stage, or "
            "copy from it. [unused-stage]",
            "x/i/Dockerfile:2: `ghcr.io:443/acme/debian:12` has the tag `12` and can be another "
            "image tomorrow, under the same fingerprint. Add its digest, "
            "`ghcr.io:443/acme/debian:12@sha256:…`; `docker buildx imagetools inspect "
            "ghcr.io:443/acme/debian:12` shows it. [unpinned-from]",
        ]
        (message,) = found(linted("FROM localhost:5000/debian\n"))
        assert "has no tag, which means `latest`, and can be" in message

    def test_wherever_it_is_named(self) -> None:
        text = "ARG TAG=12\nFROM debian:$TAG AS a\nFROM a\nCOPY --from=b:1 /x /\n"
        text += "RUN --mount=type=bind,from=c:1,target=/c x\n"
        assert rules(linted(text)) == [
            (2, "unpinned-from"),
            (4, "unpinned-from"),
            (5, "unpinned-from"),
        ]
        (message,) = found(linted("ARG T=1\nFROM d:$T\n", build_args=(("T", "2"),)))
        assert "`d:2` has the tag `2`" in message

    def test_not_one_with_a_digest_nor_a_stage_nor_what_nobody_knows(self) -> None:
        text = f"ARG UNKNOWN\nFROM debian:12{DIGEST} AS Build\nFROM build AS next\nFROM scratch\n"
        text += f"COPY --from=next /a /\nCOPY --from=0 /b /\nCOPY --from=alpine{DIGEST} /c /\n"
        assert found(linted(text)) == []
        assert found(linted("ARG UNKNOWN\nFROM x:$UNKNOWN\n")) == []
        assert found(linted("MZFROM base\n")) == []


class TestMisplacedMzfrom:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "FROM scratch\n MZFROM b\n",
                "2: this `MZFROM` is indented, so it is not replaced, and Docker does not know "
                "it. Write it in capitals at the start of the line.",
            ),
            (
                "FROM scratch\nmzfrom b\n",
                "2: this `MZFROM` is not in capitals, so it is not replaced, and Docker does not "
                "know it. Write it in capitals at the start of the line.",
            ),
            (
                "FROM scratch\nRUN a \\\nMZFROM b\n",
                "3: this `MZFROM` belongs to the instruction or heredoc that begins above it: the "
                "image counts as built upon, but no stage starts from it. Indent the line, or end "
                "the instruction before it.",
            ),
            (
                "FROM scratch\nCOPY <<E /x\nMZFROM b\nE\n",
                "3: this `MZFROM` belongs to the instruction or heredoc that begins above it: the "
                "image counts as built upon, but no stage starts from it. Indent the line, or end "
                "the instruction before it.",
            ),
            (
                "FROM scratch\nRUN a \\\n# MZFROM b\n  c\n",
                "3: this `MZFROM` is in a comment inside of another instruction, where it does "
                "nothing. Remove it, or end the instruction before it.",
            ),
        ],
    )
    def test_one_that_does_nothing_is_found(self, text: str, message: str) -> None:
        assert f"x/i/Dockerfile:{message} [misplaced-mzfrom]" in found(linted(text))

    def test_not_one_that_works_nor_one_that_is_commented_out(self) -> None:
        assert found(linted("# MZFROM a\nMZFROM b AS c\nMZFROM\td\nCOPY --from=c /a /b\n")) == []


class TestUnusedStage:
    def test_a_stage_that_only_unused_ones_use_is_found_too(self) -> None:
        text = "MZFROM a AS one\nFROM one AS two\nMZFROM b AS three\nMZFROM c\n"
        text += "COPY --from=three /x /\n"
        assert rules(linted(text)) == [(1, "unused-stage"), (2, "unused-stage")]
        assert "nothing of the stage `one` gets into the image." in found(linted(text))[0]


class TestCopySource:
    def test_one_that_nothing_provides_is_found(self) -> None:
        text = "FROM scratch\nCOPY there gone /x/\nADD *.md nowhere/* /y/\n"
        assert found(linted(text, {"there": 1})) == [
            "x/i/Dockerfile:2: there is no `gone` in the context that Git sees, and no pre-image "
            "action makes it. Add the file, or correct the path, which is relative to the context. "
            "[copy-source]",
            "x/i/Dockerfile:3: there is no `*.md` in the context that Git sees, and no pre-image "
            "action makes it. Add the file, or correct the path, which is relative to the context. "
            "[copy-source]",
            "x/i/Dockerfile:3: there is no `nowhere/*` in the context that Git sees, and no "
            "pre-image action makes it. Add the file, or correct the path, which is relative to "
            "the context. [copy-source]",
        ]

    @pytest.mark.parametrize(
        "source",
        [
            *("file", "./file", "/file", "../file", "dir", "dir/", "dir/sub", ".", "/", "*", "d*"),
            *("dir/*", "dir/s?b/f", "bin", "examples/demo", "share/schema", "share/schema/deep"),
            *("doc/a.md", "doc", "$UNKNOWN", "https://x/y", "git@x:y", "<<EOF\nEOF\n#"),
        ],
    )
    def test_not_one_that_is_there_or_made_or_from_elsewhere(self, source: str) -> None:
        results = {
            "bin": BINARY,
            "examples/demo": BINARY,
            "share/schema": EXTRACTED,
            "doc/a.md": COPIED,
        }
        image = linted(f"FROM scratch\nCOPY {source} /x/\n", {"file": 1, "dir/sub/f": 1}, results)
        assert "copy-source" not in [rule for _, rule in rules(image)]

    def test_not_one_of_another_stage(self) -> None:
        assert found(linted("MZFROM a AS a\nMZFROM b\nCOPY --from=a /gone /x\n")) == []

    def test_one_in_json_may_have_white_space(self) -> None:
        text = 'FROM scratch\nCOPY ["a b", "c d", "/x/"]\n'
        (message,) = found(linted(text, {"a b": 1}))
        assert "there is no `c d` in the context" in message


class TestHiddenInput:
    def test_a_pattern_is_found_with_what_it_hides(self) -> None:
        ignore = "# comment\n*.md\n!keep.md\nbin\nDockerfile\n"
        files = {"a.md": 1, "b.md": 1, "keep.md": 1, "c": 1}
        assert found(linted("FROM scratch\nCOPY . /\n", files, {"bin": BINARY}, ignore)) == [
            "x/i/.dockerignore:2: `*.md` hides `a.md` and 1 more from Docker, but a change of it "
            "renames the image. Move what is hidden out of the context, or remove the pattern. "
            "[hidden-input]",
            "x/i/.dockerignore:4: `bin` hides `bin` from Docker, but a change of it renames the "
            "image. Move what is hidden out of the context, or remove the pattern. [hidden-input]",
        ]


class TestUncopiedBinary:
    DECLARATION = "name: demo\npre-image:\n- type: cargo-build\n  bin: [tool]\n  example: demo\n"

    def test_one_that_nothing_takes_is_found_where_it_is_declared(self) -> None:
        results = {"tool": BINARY, "examples/demo": BINARY, "share": EXTRACTED}
        text = "FROM scratch\nCOPY toolbox* /\n"
        image = linted(text, {"toolbox": 1}, results, declaration=self.DECLARATION)
        assert found(image) == [
            "x/i/mzbuild.yml:4: Cargo builds `tool` for this image, but the Dockerfile never "
            "copies it. Add a `COPY tool …`, or do not build it. [uncopied-binary]",
            "x/i/mzbuild.yml:5: Cargo builds `examples/demo` for this image, but the Dockerfile "
            "never copies it. Add a `COPY examples/demo …`, or do not build it. [uncopied-binary]",
        ]
        image = replace(image, image=replace(image.image, origin="x/i/BUILD:3"), contents={})
        assert found(replace(image, contents={"Dockerfile": b"FROM scratch\n"}))[1].startswith(
            "x/i/BUILD:3: Cargo builds `tool`"
        )

    @pytest.mark.parametrize(
        "line", ["COPY tool /", "COPY t* /", "COPY . /", "RUN --mount=target=/c x", "COPY $X /"]
    )
    def test_not_one_that_is_taken_or_may_be(self, line: str) -> None:
        assert found(linted(f"FROM scratch\n{line}\n", results={"tool": BINARY})) == []


def test_a_result_that_no_ignore_rule_matches_is_found() -> None:
    image = linted(
        "FROM scratch\nCOPY pages /\n",
        results={"pages/a": COPIED, "pages/b": COPIED},
        unignored=frozenset({"pages/a", "pages/b"}),
        declaration="name: i\npre-image:\n- type: copy\n  destination: pages\n",
    )
    assert found(image) == [
        "x/i/mzbuild.yml:4: a pre-image action makes `pages`, which no ignore rule matches: made "
        "in the work tree by another tool, it would be an input. Add `/pages` to x/i/.gitignore. "
        "[unignored-result]"
    ]


def test_a_context_that_is_too_large_is_found_with_its_largest_file() -> None:
    files = {"small": 1 << 20, "large": 3 << 19}
    assert found(linted("FROM scratch\n", files, max_context_size=3)) == []
    assert found(linted("FROM scratch\n", files, max_context_size=2)) == [
        "x/i/large:1: this is the largest file of a context of 2.5 MiB, more than the 2 MiB of "
        "[mzbuild-lint].max_context_size. Move what the image does not need out of its directory. "
        "[large-context]"
    ]


def test_an_input_that_the_scheme_misses_is_found_once_for_all_images() -> None:
    images = [linted("FROM scratch\n", missed=("a.toml",), name=name) for name in "abcde"]
    images.append(linted("# mzbuild: ignore=missed-input\nFROM scratch\n", missed=("a.toml",)))
    assert found(*images) == [
        "a.toml:1: Cargo reads this for `a`, `b` and `c` and 2 more, but the fingerprint scheme "
        "`mzbuild` leaves it out: when only this changes, the image keeps its name. Use the scheme "
        "`strict`. What one crate alone reads may be moved into its directory instead. "
        "[missed-input]"
    ]


def test_a_heredoc_that_never_ends_is_found() -> None:
    assert found(linted("FROM scratch\nCOPY <<EOF /x\nRUN y\n")) == [
        "x/i/Dockerfile:2: the heredoc `EOF` never ends. Add a line that is just `EOF`. [syntax]"
    ]


class TestNoFingerprint:
    @pytest.mark.parametrize(
        ("error", "finding"),
        [
            ("i/Dockerfile:3: no: x", "i/Dockerfile:3: no: x"),
            ("an i/mzbuild.yml:3: x", "an i/mzbuild.yml:3: x"),
            ("src/a/Cargo.toml: no crate `a`", "src/a/Cargo.toml:1: no crate `a`"),
            ("an i/mzbuild.yml: no `bin: app`", "an i/mzbuild.yml:4: no `bin: app`"),
            ("an i/mzbuild.yml: no `bin: other`", "an i/mzbuild.yml:1: no `bin: other`"),
            ("the image `app`", "an i/mzbuild.yml:2: the image `app`"),
            ("a b/c: an `y`", "an i/mzbuild.yml:1: a b/c: an `y`"),
            (
                "A cycle: a -> b. Remove an `MZFROM`",
                "an i/Dockerfile:3: A cycle: a -> b. Remove an `MZFROM`",
            ),
        ],
    )
    def test_what_is_wrong_is_found_at_the_place_that_it_names(
        self, error: str, finding: str
    ) -> None:
        contents = {
            "an i/mzbuild.yml": b'# i\nname: app\npre-image:\n- {type: x, bin: ["app"]}\n',
            "an i/Dockerfile": b"# i\n\nMZFROM b\n",
        }
        broken = {Image("i", "an i", "an i/mzbuild.yml"): error}
        (found,) = lint(Linted((), broken, contents), ())
        assert str(found) == f"{finding} [no-fingerprint]"
        assert lint(Linted((), broken, contents), {"no-fingerprint"}) == ()

    def test_an_image_of_a_build_file_is_found_at_its_target(self) -> None:
        (found,) = lint(Linted((), {Image("i", "i", "i/BUILD:3"): "both declare `x`"}), ())
        assert str(found) == "i/BUILD:3: both declare `x` [no-fingerprint]"


def test_findings_fit_a_screen_and_are_counted() -> None:
    text = "FROM debian AS unused\nFROM debian\n"
    images = tuple(linted(text, name=f"i{number:02}") for number in range(20))
    findings = lint(Linted(images), ())
    *lines, summary = findings_lines(findings)
    assert summary == "60 findings in 20 files: 40 unpinned-from, 20 unused-stage"
    assert max(map(len, lines)) <= 120
    # What finds a finding in a log by its place and its rule, needs but its first line.
    firsts = [line for line in lines if not line.startswith("    ")]
    assert [line.rpartition(" ")[2] for line in firsts] == [f"[{each.rule}]" for each in findings]
    # A sentence is not broken by the rule's name.
    assert lines[:3] == [
        "x/i00/Dockerfile:1: [unpinned-from]",
        "    `debian` has no tag, which means `latest`, and can be another image tomorrow, under "
        "the same fingerprint. Add its",
        "    digest, `debian@sha256:…`; `docker buildx imagetools inspect debian` shows it.",
    ]
    (unused,) = [each for each in findings[:3] if each.rule == "unused-stage"]
    assert [*findings_lines([unused])] == [
        str(unused),
        "1 finding in 1 file: 1 unused-stage",
    ]
    assert [*findings_lines(())] == []


class TestSwitchingOff:
    TEXT = "FROM debian AS unused\nFROM debian\n"

    def test_by_an_option(self) -> None:
        assert found(linted(self.TEXT), ignored=("unpinned-from", "unused-stage")) == []

    def test_by_a_comment_for_one_image(self) -> None:
        comment = "# mzbuild: ignore=unpinned-from, unused-stage\n"
        assert found(linted(comment + self.TEXT)) == []
        both = found(linted(comment + self.TEXT, name="a"), linted(self.TEXT, name="b"))
        assert [line.partition(":")[0] for line in both] == ["x/b/Dockerfile"] * 3
        assert rules(linted("#mzbuild: ignore=unused-stage\n" + self.TEXT)) == [
            (2, "unpinned-from"),
            (3, "unpinned-from"),
        ]

    def test_by_a_comment_for_one_instruction(self) -> None:
        comment = "# mzbuild: ignore=unpinned-from, unused-stage\n"
        first, second = self.TEXT.splitlines(keepends=True)
        assert rules(linted(first + comment + second)) == [
            (1, "unpinned-from"),
            (1, "unused-stage"),
        ]
        # Inside of one, and with white space below it; what comes after is another instruction.
        run = "RUN --mount=from=debian \\\n  # mzbuild: ignore=unpinned-from\n  x\n"
        pinned = f"FROM debian@sha256:{'0' * 64}\n"
        assert rules(linted(pinned + run)) == []
        assert rules(linted(pinned + run + "\nCOPY --from=debian a b\n")) == [(6, "unpinned-from")]
        assert rules(linted(f"{pinned}COPY --from=debian a b\n{comment}")) == [(2, "unpinned-from")]
        below = "# mzbuild: ignore=unpinned-from\n\nCOPY --from=debian a b\n"
        assert rules(linted(pinned + below)) == []

    def test_what_is_not_about_an_instruction_is_switched_off_anywhere(self) -> None:
        text = "FROM scratch\n# mzbuild: ignore=large-context\nCOPY large /\n"
        assert found(linted(text, {"large": 3 << 19}, max_context_size=1)) == []

    def test_a_rule_that_is_none_is_found_itself(self) -> None:
        (message,) = found(linted("FROM scratch\n# mzbuild: ignore=unused-stages\n"))
        assert message.startswith(
            "x/i/Dockerfile:2: `# mzbuild: ignore=…`: there is no rule `unused-stages`. Did you "
            "mean `unused-stage`? The rules are `cargo-build`, `copy-source`, "
        )


class TestSyntax:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("MZFORM base\n", "1: there is no instruction `MZFORM`. Did you mean `MZFROM`?"),
            (
                "FROM scratch\nCPY a b\n",
                "2: there is no instruction `CPY`. Did you mean `COPY`?",
            ),
            ("FROM scratch\nXYZZY a\n", "2: there is no instruction `XYZZY`."),
            (
                "",
                "1: no stage begins in this Dockerfile, so there is nothing to build. Add `FROM "
                "scratch`, or the image that it starts from, by `FROM` or `MZFROM`.",
            ),
            (
                "# nothing\nARG A\n",
                "1: no stage begins in this Dockerfile, so there is nothing to build. Add `FROM "
                "scratch`, or the image that it starts from, by `FROM` or `MZFROM`.",
            ),
            (
                "\nMZFROM base AS\n",
                "2: `AS` cannot follow `MZFROM base`: write just that, or `MZFROM base AS stage`.",
            ),
            ("MZFROM\n", "1: `MZFROM` names no image: write `MZFROM name`."),
            ("FROM\n", "1: `FROM` names no image: write `FROM name`."),
            (
                "FROM scratch AS a b\n",
                "1: `AS a b` cannot follow `FROM scratch`: write just that, or `FROM scratch AS "
                "stage`.",
            ),
            (
                "MZFROM base AS 1a\n",
                "1: `1a` cannot name a stage: a name begins with a letter, and has letters, "
                "digits, `-`, `_` and `.` in it.",
            ),
            (
                "ARG A\nRUN a\nCOPY b c\nFROM scratch\n",
                "2: `RUN` belongs to no stage. Begin one above it, by `FROM` or `MZFROM`.",
            ),
            (
                "FROM scratch\nCOPY --link a\n",
                "2: `COPY` needs a source and a destination: write `COPY source destination`.",
            ),
            (
                'FROM scratch\nADD ["a"]\n',
                "2: `ADD` needs a source and a destination: write `ADD source destination`.",
            ),
            (
                "MZFROM base stage\n",
                "1: `stage` cannot follow `MZFROM base`: write just that, or `MZFROM base AS "
                "stage`.",
            ),
        ],
    )
    def test_what_docker_cannot_read_is_found_at_its_line(self, text: str, message: str) -> None:
        assert found(linted(text, images=IMAGES)) == [f"x/i/Dockerfile:{message} [syntax]"]

    def test_not_what_it_can_read(self) -> None:
        text = "# syntax=docker/dockerfile:1.4\nARG A\nfrom scratch\nmaintainer x\nrun y\n"
        assert found(linted(text)) == []
        assert found(linted("MZFROM base as A_b.c-1\nCOPY <<E /x\nE\n")) == []
        # Another frontend has other instructions.
        assert found(linted("# syntax=acme/front\nFROM scratch\nINCLUDE x\n")) == []


IMAGES = frozenset({"base", "tools", "scratch"})


class TestMissingMzfrom:
    def test_an_image_of_the_repository_is_found_with_what_is_meant(self) -> None:
        text = "FROM base AS a\nFROM a\nCOPY --from=tools /x /\n"
        text += "RUN --mount=type=bind,from=tools:latest,target=/t x\n"
        assert found(linted(text, images=IMAGES)) == [
            "x/i/Dockerfile:1: `base` is an image of this repository, but not a stage here: Docker "
            "would look for it elsewhere. Write `MZFROM base AS a`. [missing-mzfrom]",
            "x/i/Dockerfile:3: `tools` is an image of this repository, but not a stage here: "
            "Docker would look for it elsewhere. Write `MZFROM tools AS tools` before this stage, "
            "which gives it that name. [missing-mzfrom]",
            "x/i/Dockerfile:4: `tools:latest` is an image of this repository, but not a stage "
            "here: Docker would look for it elsewhere. Write `MZFROM tools AS tools` before this "
            "stage, which gives it that name. [missing-mzfrom]",
        ]

    def test_not_a_stage_of_that_name_nor_another_image(self) -> None:
        text = "MZFROM tools AS tools\nFROM scratch\nCOPY --from=tools /x /\n"
        assert found(linted(text, images=IMAGES)) == []
        assert rules(linted("FROM base:12\n", images=IMAGES)) == [(1, "unpinned-from")]
        assert rules(linted("FROM acme/base\n", images=IMAGES)) == [(1, "unpinned-from")]


class TestStagesChosenByVariables:
    @pytest.mark.parametrize(
        "text",
        [
            "FROM scratch AS base-amd64\nFROM scratch AS base-arm64\nFROM base-${TARGETARCH}\n",
            "FROM scratch AS a\nFROM scratch AS b\nFROM $TARGETPLATFORM\n",
            "FROM scratch AS a\nFROM scratch AS b\nFROM $BUILDPLATFORM\n",
            "ARG BUILD_PROFILE\nFROM scratch AS x-DEV\nFROM scratch AS x-RELEASE\n"
            "FROM x-${BUILD_PROFILE}\n",
            "ARG BUILD_PROFILE=DEV\nFROM scratch AS x-DEV\nFROM scratch AS x-RELEASE\n"
            "FROM x-${BUILD_PROFILE}\n",
            "ARG BUILD_PROFILE=none\nFROM scratch AS x-DEV\nFROM scratch AS x-RELEASE\n"
            "FROM x-${BUILD_PROFILE}\n",
            "ARG CI_SANITIZER=none\nFROM scratch AS none\nFROM scratch AS address\n"
            "FROM ${CI_SANITIZER:-none}\n",
            "ARG VARIANT=slim\nFROM scratch AS v-slim\nFROM scratch AS v-fat\nFROM v-$VARIANT\n",
            "FROM scratch AS a\nFROM scratch AS b\nFROM $TARGETOS AS c\nFROM c\n",
            # What is always filled in has no use for a default.
            "FROM scratch AS amd64\nFROM scratch AS arm64\nFROM ${TARGETARCH:-other}\n",
            "FROM scratch AS base-os\nFROM base${TARGETOS:+-os}\n",
            "FROM scratch AS v7\nFROM scratch AS v8\nFROM v${TARGETVARIANT#v}\n",
            "ARG A\nARG B=b\nFROM scratch AS a\nFROM scratch AS b\nFROM ${A:-${B}}\n",
        ],
    )
    def test_they_are_used(self, text: str) -> None:
        assert found(linted(text)) == []

    def test_not_one_whose_name_fits_none(self) -> None:
        text = "FROM scratch AS other\nFROM scratch AS base-arm64\nFROM base-${TARGETARCH}\n"
        assert rules(linted(text)) == [(1, "unused-stage")]
        text = "ARG BASE=debian:12\nFROM scratch AS other\nFROM $BASE\n"
        assert rules(linted(text)) == [(2, "unused-stage"), (3, "unpinned-from")]

    def test_an_argument_that_the_image_declares_is_known(self) -> None:
        text = "ARG BUILD_PROFILE\nFROM scratch AS other\nFROM $BUILD_PROFILE\n"
        image = linted(text, build_args=(("BUILD_PROFILE", "x"),))
        assert rules(image) == [(2, "unused-stage"), (3, "unpinned-from")]


def test_what_is_quoted_or_has_brackets_is_a_source_that_is_there() -> None:
    text = 'FROM scratch\nCOPY "f" \'f\' "f" /a\nCOPY arr[[]0].txt /c/\n'
    assert found(linted(text, {"f": 1, "arr[0].txt": 1})) == []
    (message,) = found(linted('FROM scratch\nCOPY "g" /a\n', {"f": 1}))
    assert "there is no `g` in the context" in message
    # Docker refuses the set; Python would warn of it.
    assert rules(linted("FROM scratch\nCOPY [a--c] /\n", {"b": 1})) == [(2, "copy-source")]


def test_an_mzfrom_behind_a_byte_order_mark_is_found() -> None:
    (message,) = found(linted("\ufeffMZFROM base\n"))
    assert message == (
        "x/i/Dockerfile:1: a byte order mark stands before this `MZFROM`, so it is not replaced, "
        "and Docker does not know it. Save the file as UTF-8 without a byte order mark. "
        "[misplaced-mzfrom]"
    )


class TestDeclarations:
    def test_a_field_that_is_not_known_is_found(self) -> None:
        declaration = "name: i\npublsh: false\npre-image:\n- type: copy\n  source: a\n"
        declaration += "  destination: b\n  matchin: c\n"
        path = "x/i/mzbuild.yml"
        warnings = parse_mzbuild_yml(declaration.encode(), path, ACTION_TYPES).warnings
        assert found(linted("FROM scratch\n", declaration=declaration, warnings=warnings)) == [
            "x/i/mzbuild.yml:2: unknown field `publsh` is ignored. Did you mean `publish`? "
            "[unknown-field]",
            "x/i/mzbuild.yml:7: unknown field `pre-image[0].matchin` is ignored. Did you mean "
            "`matching`? [unknown-field]",
        ]

    def test_a_copy_action_that_copies_nothing_is_found(self) -> None:
        declaration = "name: i\npre-image:\n- type: copy\n  source: doc\n  destination: b\n"
        declaration += "  matching: '*.mdx'\n"
        image = Image("i", "x/i", "x/i/mzbuild.yml")
        action, repository = CopyAction("doc", "b", "*.mdx"), Repository(listing("doc/x.md"))
        complaints = tuple(action.complaints(image, repository, CONFIGURATION))
        declared = linted("FROM scratch\n", declaration=declaration, complaints=complaints)
        assert found(declared) == [
            "x/i/mzbuild.yml:6: `matching: *.mdx` matches none of the files in `doc`, so nothing "
            "is copied. Paths begin there, and a `*` matches `/`, too. [idle-copy]"
        ]

    def test_what_cargo_would_refuse_is_found_where_it_is(self) -> None:
        declaration = "name: i\npre-image:\n- type: cargo-build\n  bin: [app]\n  features: nope\n"
        complaints = (
            Complaint("cargo-build", "app", "x/i/mzbuild.yml: there is no\n\n    profile"),
            Complaint("cargo-build", "app", "x/i/mzbuild.yml: `features: nope`: there is none"),
            Complaint("cargo-build", "e", "src/Cargo.toml: there is no feature"),
        )
        image = linted("FROM scratch\n", declaration=declaration, complaints=complaints)
        assert found(image) == [
            "src/Cargo.toml:1: there is no feature [cargo-build]",
            "x/i/mzbuild.yml:4: there is no profile [cargo-build]",
            "x/i/mzbuild.yml:5: `features: nope`: there is none [cargo-build]",
        ]


def test_the_readme_has_all_rules() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    rows = [f"| `{name}` | {RULES[name].summary} |" for name in sorted(RULES)]
    assert "\n".join(["| rule | finds |", "|---|---|", *rows, ""]) in readme
