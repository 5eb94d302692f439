"""A revision's files are those of a checkout: each test makes one, and compares."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.revisions.revision_tree import RevisionTree
from mzbuild.core.work_tree.files import digest_content, read_content
from mzbuild.core.work_tree.reader import read_work_tree

from tests.core.conftest import ENV, Repository

Files = Mapping[str, tuple[int, bytes]]


def of_revision(root: Path, revision: str, env: Mapping[str, str] = ENV) -> Files:
    """Modes and SHA-1 of all files, from Git's objects."""
    tree = RevisionTree(str(root), env, revision)
    sha1s = tree.sha1s(tree.listing.paths)
    return {path: (tree.mode(path), sha1s[path]) for path in tree.listing.paths}


def of_checkout(repository: Repository, revision: str, below: str = "") -> Files:
    """The same from a second work tree of the revision."""
    checkout = repository.root.with_name("checkout")
    repository.git("worktree", "add", "--quiet", "--detach", str(checkout), revision)
    git = ["git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "update"]
    subprocess.run([*git, "--init", "--recursive"], cwd=checkout, env=ENV, check=True)
    tree = read_work_tree(str(checkout / below), ENV)
    return {
        path: (tree.mode(path), digest_content(tree.absolute(path)).sha1) for path in tree.statuses
    }


def error(root: Path, revision: str) -> str:
    with pytest.raises(MzbuildError) as raised:
        RevisionTree(str(root), ENV, revision)
    return str(raised.value)


def disturb(repository: Repository) -> None:
    """Makes the work tree, the index and the branch differ from the commit before."""
    repository.git("rm", "--quiet", "-r", "--cached", "--ignore-unmatch", "d")
    repository.commit({"plain": "later", ".gitattributes": "* eol=crlf\n", "late": ""})
    repository.write({"plain": "not committed", "untracked": ""})


def test_contents_modes_and_names(repository: Repository) -> None:
    names = ["plain", "d/e/deep", "a b", "line\nbreak", "\t tab", "ünïcode", os.fsdecode(b"\xff")]
    repository.write({**dict.fromkeys(names, "x"), "empty": "", "many\nlines": "a\n\nb\n"})
    (repository.root / "binary").write_bytes(bytes(range(256)) * 999)
    (repository.root / "plain").chmod(0o755)
    (repository.root / "d/e/deep").chmod(0o755)
    repository.commit({})
    disturb(repository)
    found = of_revision(repository.root, "HEAD~1")
    assert found == of_checkout(repository, "HEAD~1")
    assert {*names, "binary"} < found.keys()
    assert not found.keys() & {"late", "untracked"}


def test_symlinks_are_followed_within_the_revision(repository: Repository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("outside of the repository")
    repository.write({"d/file": "content", "d/e/other": "other"})
    links = {
        "to-file": "d/file",
        "d/up": "../d/e/other",
        "to-directory": "d",
        "through-directory": "to-directory/e/../file",
        "chain": "d/../through-directory",
        "dangling": "nowhere",
        "through-file": "d/file/x",
        "through-nothing": "nowhere/../d/file",
        "loop": "loop",
        "to-ignored": "ignored",
        "to-outside": str(outside),
        "beside": "../outside",
        "root": "/",
    }
    for name, target in links.items():
        (repository.root / name).symlink_to(target)
    repository.commit({".gitignore": "ignored\n"})
    (repository.root / "ignored").write_text("in this work tree alone")
    disturb(repository)
    found = of_revision(repository.root, "HEAD~1")
    assert found == of_checkout(repository, "HEAD~1")
    assert found["chain"][1] == found["d/file"][1] != found["to-directory"][1]


def test_a_symlink_to_an_absolute_path_of_the_work_tree_stays_in_the_revision(
    repository: Repository,
) -> None:
    (repository.root / "link").symlink_to(repository.root / "file")
    repository.commit({"file": "before"})
    repository.commit({"file": "after"})
    tree = RevisionTree(str(repository.root), ENV, "HEAD~1")
    assert tree.contents(["link"]) == {"link": b"before"}


def test_a_symlink_leads_to_other_content_in_another_revision(repository: Repository) -> None:
    (repository.root / "link").symlink_to("file")
    for content in ("one", "two"):
        repository.commit({"file": content})
    one, two = (of_revision(repository.root, revision) for revision in ("HEAD~1", "HEAD"))
    assert one["link"][1] == one["file"][1] != two["link"][1] == two["file"][1]


def test_contents_are_converted_as_a_checkout_does_it(repository: Repository) -> None:
    repository.git("config", "filter.shout.smudge", "tr a-z A-Z")
    repository.git("config", "filter.shout.clean", "tr A-Z a-z")
    repository.git("config", "core.autocrlf", "true")
    attributes = (
        "*.shout filter=shout\n*.id ident\n*.lf -text\n*.utf16 working-tree-encoding=UTF-16LE\n"
    )
    repository.commit(
        {
            ".gitattributes": attributes,
            "d/.gitattributes": "*.shout -filter\n",
            "loud.shout": "loud\nand clear\n",
            "d/quiet.shout": "quiet\n",
            "a.id": "$Id$\n",
            "same.lf": "a\nb\n",
            "windows.txt": "a\nb\n",
            "wide.utf16": "wide\n".encode("utf-16-le").decode("latin-1"),
        }
    )
    disturb(repository)
    found = of_revision(repository.root, "HEAD~1")
    assert found == of_checkout(repository, "HEAD~1")
    contents = RevisionTree(str(repository.root), ENV, "HEAD~1").contents(
        ["loud.shout", "d/quiet.shout", "windows.txt", "same.lf"]
    )
    assert contents["loud.shout"] == b"LOUD\r\nAND CLEAR\r\n"
    assert contents["d/quiet.shout"] == b"quiet\r\n"
    assert contents["windows.txt"] == b"a\r\nb\r\n"
    assert contents["same.lf"] == b"a\nb\n"


def test_another_conversion_gives_another_content(repository: Repository) -> None:
    repository.commit({"file": "a\nb\n"})
    before = of_revision(repository.root, "HEAD")
    repository.git("config", "core.autocrlf", "true")
    after = of_revision(repository.root, "HEAD")
    assert after == of_checkout(repository, "HEAD") != before


def test_submodules_are_as_the_revision_records_them(
    repository: Repository, tmp_path: Path
) -> None:
    inner = Repository(tmp_path / "inner")
    inner.commit({"file": "one\n", ".gitattributes": "* eol=crlf\n"})
    repository.git("submodule", "--quiet", "add", str(inner.root), "sub/inner")
    (repository.root / "into").symlink_to("sub/inner/file")
    repository.commit({"file": ""})
    inner.commit({"file": "two\n"})
    repository.git("-C", "sub/inner", "pull", "--quiet")
    repository.commit({})
    assert of_revision(repository.root, "HEAD~1") == of_checkout(repository, "HEAD~1")
    contents = RevisionTree(str(repository.root), ENV, "HEAD").contents(["sub/inner/file", "into"])
    assert contents == {"sub/inner/file": b"two\r\n", "into": b"two\r\n"}


def test_a_submodule_that_the_work_tree_has_no_more(repository: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    inner.commit({"file": "one"})
    repository.git("submodule", "--quiet", "add", str(inner.root), "inner")
    repository.commit({})
    repository.git("rm", "--quiet", "inner")
    repository.commit({})
    assert of_revision(repository.root, "HEAD~1") == of_checkout(repository, "HEAD~1")


def test_a_submodule_that_was_never_checked_out_has_no_files(
    repository: Repository, tmp_path: Path
) -> None:
    inner = Repository(tmp_path / "inner")
    inner.commit({"file": "one"})
    repository.git("submodule", "--quiet", "add", str(inner.root), "inner")
    repository.commit({"file": ""})
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", str(repository.root), str(clone))
    assert of_revision(clone, "HEAD").keys() == {"file", ".gitmodules"}


def test_a_submodule_without_the_recorded_commit(repository: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    inner.commit({"file": "one"})
    repository.git("submodule", "--quiet", "add", str(inner.root), "inner")
    lost = "1" * 40
    repository.git("update-index", "--cacheinfo", f"160000,{lost},inner")
    repository.git("commit", "--quiet", "--message", "lost")
    assert error(repository.root, "HEAD") == (
        f"The submodule `inner` lacks the commit {lost}, which belongs to `HEAD`. "
        "Run `git -C inner fetch`."
    )


def test_paths_are_relative_to_the_root(repository: Repository) -> None:
    (repository.root / "d").mkdir()
    (repository.root / "d/link").symlink_to("../above")
    repository.commit({"above": "x\n", ".gitattributes": "* eol=crlf\n", "d/file": "y\n"})
    found = of_revision(repository.root / "d", "HEAD")
    assert found == of_checkout(repository, "HEAD", below="d")
    assert found.keys() == {"link", "file"}


def test_within_a_hook_of_git(repository: Repository) -> None:
    repository.commit({"file": "x"})
    hook = {**ENV, "GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_PREFIX": ""}
    assert of_revision(repository.root, "HEAD", hook) == of_revision(repository.root, "HEAD")


def test_a_revision_that_does_not_exist(repository: Repository) -> None:
    repository.commit({"file": ""})
    hint = "Give a commit, a branch or a tag; `git fetch` gets those of the others."
    for revision in ("no-such-branch", "--all", "HEAD:file", "HEAD~5", ""):
        expected = f"There is no revision `{revision}`. {hint}"
        assert error(repository.root, revision) == expected


def test_three_dots_are_the_merge_base(repository: Repository) -> None:
    repository.commit({"file": "base"})
    base = repository.git("rev-parse", "HEAD").strip()
    repository.git("checkout", "--quiet", "-b", "ahead")
    repository.commit({"file": "ahead"})
    repository.git("checkout", "--quiet", "--detach", base)
    repository.commit({"mine": ""})
    for revision in ("ahead...", "...ahead", "ahead...HEAD", "HEAD...ahead"):
        assert RevisionTree(str(repository.root), ENV, revision).commit == base
    assert RevisionTree(str(repository.root), ENV, "ahead").commit != base
    assert "There is no revision `mian`." in error(repository.root, "mian...")
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit({"other": ""})
    assert error(repository.root, "ahead...") == (
        "`ahead...` has no merge base. Name two that have a commit in common."
    )


def test_a_shallow_clone(repository: Repository, tmp_path: Path) -> None:
    for content in ("one", "two"):
        repository.commit({"file": content})
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth=1", repository.root.as_uri(), str(clone))
    assert error(clone, "HEAD~1") == (
        "There is no revision `HEAD~1`. This clone is shallow: it has the latest commits only. "
        "`git fetch --unshallow` gets the others."
    )


def test_a_damaged_repository(repository: Repository) -> None:
    repository.commit({"a": "a", "b": "b", "c": "c"})
    name = repository.git("rev-parse", "HEAD:b").strip()
    (repository.root / ".git/objects" / name[:2] / name[2:]).unlink()
    with pytest.raises(MzbuildError) as raised:
        of_revision(repository.root, "HEAD")
    assert "lacks contents of the commit" in str(raised.value)


def test_what_has_been_read_is_not_read_again(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a": "1", "b": "1"})
    repository.commit({"b": "2"})
    before = of_revision(repository.root, "HEAD~1")
    read: list[str] = []
    open_files = RevisionTree._open

    def opened(self: RevisionTree, paths: list[str]) -> object:
        read.extend(paths)
        return open_files(self, paths)

    monkeypatch.setattr(RevisionTree, "_open", opened)
    after = of_revision(repository.root, "HEAD")
    assert read == ["b"]
    assert after["a"] == before["a"]
    assert read_content(str(repository.root / "b")) == b"2"
