"""Commands that make files of a context, as they are declared."""

from __future__ import annotations

import pytest
from mzbuild.core.actions.action import Repository, Result, ResultKind
from mzbuild.core.actions.shell import ShellAction
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.mzbuild_yml import canonical_mzbuild_yml, parse_mzbuild_yml

from tests.core.conftest import ACTION_TYPES, listing

PATH = "i/mzbuild.yml"
FILES = listing(
    *("doc/a.md", "doc/deep/b.md", "doc/deep/c.txt", "doc/drafts/d.md", "other/a.md"),
    *("i/Dockerfile", "i/render.sh", "README.md"),
)


def action(*patterns: str, outputs: tuple[str, ...] = ("site",), command: str = "x") -> ShellAction:
    return ShellAction(command, outputs, patterns=patterns)


def image(*actions: ShellAction) -> Image:
    return Image("i", "i", PATH, pre_image=actions)


@pytest.mark.parametrize(
    ("patterns", "selected"),
    [
        (("doc/*.md",), ("doc/a.md",)),
        (("doc/**/*.md",), ("doc/a.md", "doc/deep/b.md", "doc/drafts/d.md")),
        (("doc/**/*.md", ":^doc/drafts/**"), ("doc/a.md", "doc/deep/b.md")),
        ((":!doc/drafts", "doc/**/*.md"), ("doc/a.md", "doc/deep/b.md")),
        (("doc/deep",), ("doc/deep/b.md", "doc/deep/c.txt")),
        (("./doc/deep/", "README.md"), ("README.md", "doc/deep/b.md", "doc/deep/c.txt")),
        ((), ()),
    ],
)
def test_globs_select_files_of_the_repository(
    patterns: tuple[str, ...], selected: tuple[str, ...]
) -> None:
    (group,) = action(*patterns).inputs(image(), Repository(FILES))
    assert (group.kind, group.name, group.paths) == ("shell", "x", selected)


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(MzbuildError) as error:
        list(action("doc/*.md", "doc/*.rst").inputs(image(), Repository(FILES)))
    assert str(error.value) == (
        "i/mzbuild.yml: `inputs: doc/*.rst` matches no file that Git sees. Paths begin at the "
        "repository's root; `**` stands for any directories."
    )


@pytest.mark.parametrize("output", ["../x", "/etc", "a/../../b"])
def test_an_output_stays_in_the_context(output: str) -> None:
    with pytest.raises(MzbuildError) as error:
        list(action(outputs=(output,)).inputs(image(), Repository(FILES)))
    assert str(error.value).startswith(f"i/mzbuild.yml: `outputs: {output}` leads out of the ")


def test_outputs_are_what_it_leaves_in_the_context() -> None:
    found = action(outputs=("site/", "./page")).results(image(), Repository(FILES))
    assert found == dict.fromkeys(("site", "page"), Result(ResultKind.EXTRACTED))


def test_directories_that_the_command_writes_into_are_there() -> None:
    made = action(command="./x > site/index && y > pages", outputs=("site", "pages", "d/"))
    assert made.directories(image()) == ("site", "d")


def test_what_it_takes_can_have_a_target() -> None:
    (taken,) = action("doc/**/*.md", ":^doc/drafts").taken
    assert taken.directory == ""
    assert taken.globs == (
        *("doc/**/*.md", "doc/**/*.md/**"),
        *("!doc/drafts", "!doc/drafts/**"),
    )


TEXT = """\
name: i
pre-image:
  - type: shell
    command: ./render.sh > site/index.html
    tools: [sh, cat]
    inputs: ["doc/**/*.md", ":^doc/drafts/**"]
    outputs: site
"""


def test_it_is_read_and_written_again() -> None:
    parsed = parse_mzbuild_yml(TEXT.encode(), PATH, ACTION_TYPES)
    assert parsed.warnings == ()
    assert parsed.image.pre_image == (
        ShellAction(
            "./render.sh > site/index.html",
            ("site",),
            ("sh", "cat"),
            ("doc/**/*.md", ":^doc/drafts/**"),
        ),
    )
    canonical = canonical_mzbuild_yml(parsed.image)
    assert parse_mzbuild_yml(canonical, PATH, ACTION_TYPES).image.pre_image == (
        parsed.image.pre_image
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    outputs: site\n",
            "",
            "i/mzbuild.yml:3: a `shell` action needs `outputs`: the files and directories of the "
            "context that its command makes.",
        ),
        (
            "[sh, cat]",
            "[sh, /bin/cat]",
            "i/mzbuild.yml:5: `/bin/cat` cannot be the name of a program. Give names without a "
            "path; they are looked for on the PATH.",
        ),
        (
            "    command: ./render.sh > site/index.html\n",
            "",
            "i/mzbuild.yml:3: the required field `pre-image[0].command` is missing. Add "
            "`command: …`.",
        ),
    ],
)
def test_a_mistake_is_an_error_that_says_where(old: str, new: str, message: str) -> None:
    with pytest.raises(MzbuildError) as error:
        parse_mzbuild_yml(TEXT.replace(old, new).encode(), PATH, ACTION_TYPES)
    assert str(error.value) == message
