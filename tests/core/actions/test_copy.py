from __future__ import annotations

import pytest
from mzbuild.core.actions.copy import CopyAction, copied_files, copy_globs, matching_files
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image

from tests.core.conftest import listing

IMAGE = Image("i", "images/i", origin="images/i/mzbuild.yml")
FILES = listing(
    *("doc/a.md", "doc/b.txt", "doc/sub/c.md", "doc/caf\udce9.md", "docs/d.md", ".hidden/e.md"),
    *("link", "root.md", "images/i/Dockerfile", "images/i/file", "images/i/out/there"),
)


def copied(source: str, destination: str = "out", matching: str = "*") -> dict[str, str]:
    return dict(copied_files(IMAGE, CopyAction(source, destination, matching), FILES))


def error(source: str, destination: str = "out", matching: str = "*") -> str:
    with pytest.raises(MzbuildError) as raised:
        copied(source, destination, matching)
    return str(raised.value)


def test_a_directory_s_files_come_under_the_destination() -> None:
    assert copied("doc") == {
        "out/a.md": "doc/a.md",
        "out/b.txt": "doc/b.txt",
        "out/sub/c.md": "doc/sub/c.md",
        "out/caf\udce9.md": "doc/caf\udce9.md",
    }


def test_only_what_matches_is_copied() -> None:
    assert copied("doc", "out", "*.md") == {
        "out/a.md": "doc/a.md",
        "out/caf\udce9.md": "doc/caf\udce9.md",
        "out/sub/c.md": "doc/sub/c.md",
    }
    assert copied("doc", "out", "sub") == {"out/sub/c.md": "doc/sub/c.md"}
    assert copied("doc", "out", "none-like-it") == {}


@pytest.mark.parametrize("source", ["doc/", "./doc", "doc/.", "doc/../doc", "doc//"])
def test_a_source_may_be_written_in_several_ways(source: str) -> None:
    assert copied(source) == copied("doc")
    assert matching_files(CopyAction(source, "out"), FILES) == matching_files(
        CopyAction("doc", "out"), FILES
    )
    assert copy_globs(CopyAction(source, "out")) == ("doc/*", "doc/*/**/*")


def test_a_source_may_begin_with_a_dot() -> None:
    assert copied(".hidden") == {"out/e.md": ".hidden/e.md"}


def test_the_whole_repository_may_be_copied_and_into_the_context_s_root() -> None:
    assert copied(".", "./", "*.md")["docs/d.md"] == "docs/d.md"
    assert copied(".", "./", "*.md")["root.md"] == "root.md"
    assert copy_globs(CopyAction(".", "out", "*.md")) == ("*.md", "*/**/*.md")


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/etc", "//etc", "/"])
def test_a_path_that_leads_out_is_an_error(path: str) -> None:
    advice = "Give a path relative to the root of"
    assert error(path) == (
        f"images/i/mzbuild.yml: `source: {path}` leads out of the repository. {advice} the "
        "repository, without `..`."
    )
    assert error("doc", path) == (
        f"images/i/mzbuild.yml: `destination: {path}` leads out of the context. {advice} the "
        "context, without `..`."
    )
    assert error("doc", "out", path) == (
        f"images/i/mzbuild.yml: `matching: {path}` leads out of the source. {advice} the source, "
        "without `..`."
    )


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [
        ("link", "out", "`source: link` goes through `link`"),
        ("link/d", "out", "`source: link/d` goes through `link`"),
        ("doc/a.md", "out", "`source: doc/a.md` goes through `doc/a.md`"),
        ("doc", "file", "`destination: file` goes through `images/i/file`"),
        ("doc", "file/x", "`destination: file/x` goes through `images/i/file`"),
        ("doc", "out/there", "`destination: out/there` goes through `images/i/out/there`"),
    ],
)
def test_a_path_through_a_file_or_symlink_is_an_error(
    source: str, destination: str, message: str
) -> None:
    assert error(source, destination) == (
        f"images/i/mzbuild.yml: {message}, which is a file or a symlink. Give the path of a real "
        "directory."
    )


def test_a_copied_directory_cannot_come_to_lie_in_a_file_of_the_context() -> None:
    files = listing("doc/file/x", "images/i/Dockerfile", "images/i/out/file")
    with pytest.raises(MzbuildError, match="`destination: out/file` goes through"):
        copied_files(IMAGE, CopyAction("doc", "out"), files)


def test_a_source_that_is_not_there_is_an_error() -> None:
    assert error("dco") == (
        "images/i/mzbuild.yml: `source: dco`: Git sees no file in that directory. It is relative "
        "to the repository's root."
    )


def test_git_s_magic_pathspecs_are_an_error() -> None:
    assert error("doc", "out", ":(icase)*.MD") == (
        "images/i/mzbuild.yml: `matching: :(icase)*.MD`: Git's `:` pathspecs are not supported "
        "here. Use a plain glob, such as `*.yml`."
    )
