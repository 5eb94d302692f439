"""A sparse checkout leaves files out: they count, and are read, as Git has them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.work_tree import files, same_listing
from mzbuild.core.work_tree import reader as work_tree_reader
from mzbuild.core.work_tree.files import WorkTree, followed_mode, read_content
from mzbuild.core.work_tree.links import link_texts, linked_listing, outward_links
from mzbuild.core.work_tree.reader import WorkTreeReader

from tests.core.conftest import ENV, Repository, describe

FILES = {
    "img/mzbuild.yml": "name: img\npre-image:\n- {type: copy, source: lib, destination: lib}\n",
    "img/Dockerfile": "FROM scratch\n",
    "img/a": "a",
    "img/out/b": "b\n",
    "img/out/run": "#!/bin/sh\n",
    "lib/c": "c",
    "lib/deep/d": "d",
    "other/mzbuild.yml": "name: other\n",
    "other/Dockerfile": "FROM scratch\n",
}
LINKS = {
    "img/to-out": "out/run",
    "img/to-nothing": "out/none",
    "img/out/to-in": "../a",
    "img/out/to-link": "to-in",
    "img/to-link": "out/to-link",
    "img/out/to-directory": "../../lib",
    "img/to-directory": "out",
    "img/out/to-elsewhere": "../../../elsewhere",
}


def skip(root: Path, *paths: str) -> None:
    """Tells the work tree to leave these files out."""
    Repository(root).git("update-index", "--skip-worktree", *paths)
    for path in paths:
        (root / path).unlink()


def sparse(*patterns: str) -> Callable[[Path], object]:
    return lambda root: Repository(root).git("sparse-checkout", "set", "--no-cone", *patterns)


def cone(*more: str) -> Callable[[Path], object]:
    return lambda root: Repository(root).git("sparse-checkout", "set", "--cone", *more)


WAYS: Mapping[str, Callable[[Path], object]] = {
    "a file": sparse("/*", "!/img/out/b"),
    "an executable": sparse("/*", "!/img/out/run"),
    "a directory": sparse("/*", "!/img/out/"),
    "a symlink": sparse("/*", "!/img/out/to-in"),
    "a symlink to a symlink": sparse("/*", "!/img/out/to-link"),
    "a symlink that is there to one that is not": sparse("/*", "!/img/to-link"),
    "a symlink to a directory": sparse("/*", "!/img/out/to-directory"),
    "what a symlink leads to": sparse("/*", "!/lib/"),
    "what a copy takes": sparse("/*", "!/lib/deep/"),
    "what declares the image": sparse("/*", "!/img/mzbuild.yml"),
    "all but a directory": sparse("/other/"),
    "all of the image": cone("other"),
    "all directories": cone("--sparse-index"),
    "by a bit in the index": lambda root: skip(root, "img/a", "img/out/b", "lib/c"),
}


@pytest.fixture
def whole(repository: Repository) -> Repository:
    repository.write({**FILES, ".gitignore": "/.pants.d/\n"})
    (repository.root / "img/out/run").chmod(0o755)
    repository.root.with_name("elsewhere").mkdir()
    for path, text in LINKS.items():
        (repository.root / path).symlink_to(text)
    repository.commit({})
    return repository


def contents(work_tree: WorkTree) -> Mapping[str, tuple[int, int, bytes]]:
    """What there is to know of each file."""
    return {
        path: (
            work_tree.mode(path),
            followed_mode(work_tree, path),
            read_content(work_tree.absolute(path)),
        )
        for path in work_tree.statuses
    }


@pytest.mark.parametrize("way", WAYS)
def test_what_is_left_out_counts_as_git_has_it(whole: Repository, way: str) -> None:
    fingerprints, before = describe(whole.root).fingerprints, whole.read()
    texts, known, outward = link_texts(before), contents(before), outward_links(before)
    WAYS[way](whole.root)
    now = whole.read()
    assert now.left_out
    assert contents(now) == known
    assert link_texts(now) == texts
    assert outward_links(now) == outward == {"img/out/to-elsewhere"}
    assert describe(whole.root).fingerprints == fingerprints


@pytest.mark.parametrize("way", WAYS)
def test_what_is_left_out_is_opened_elsewhere(whole: Repository, way: str) -> None:
    assert whole.read().elsewhere(FILES) == {}
    WAYS[way](whole.root)
    work_tree = whole.read()
    there = {path for path in work_tree.statuses if os.path.isfile(whole.root / path)}
    elsewhere = work_tree.elsewhere(FILES)
    assert elsewhere.keys() == FILES.keys() - there
    assert all(path.startswith(f"{whole.root}/.pants.d/") for path in elsewhere.values())


def test_what_is_left_out_comes_as_git_would_write_it(repository: Repository) -> None:
    repository.commit({".gitattributes": "*.bat text eol=crlf\n", "a.bat": "x\r\n"})
    sparse("/*", "!/a.bat")(repository.root)
    assert contents(repository.read())["a.bat"][2] == b"x\r\n"


def test_what_is_staged_but_not_committed_counts(whole: Repository) -> None:
    whole.write({"img/a": "staged"})
    whole.git("add", "img/a")
    skip(whole.root, "img/a")
    assert contents(whole.read())["img/a"][2] == b"staged"


def test_what_was_deleted_or_is_there_anyway_counts_as_the_work_tree_has_it(
    whole: Repository,
) -> None:
    skip(whole.root, "img/a", "img/out/b")
    whole.write({"img/a": "there, though it is to be left out"})
    (whole.root / "lib/c").unlink()
    found = contents(whole.read())
    assert found["img/a"][2] == b"there, though it is to be left out"
    assert found["img/out/b"][2] == b"b\n"
    assert "lib/c" not in found


def test_below_the_root_of_a_repository_files_are_left_out_as_well(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({f"below/{path}": text for path, text in FILES.items()})
    before = contents(WorkTreeReader(str(repository.root / "below")).read(ENV))
    sparse("/*", "!/below/img/out/", "!/below/lib/")(repository.root)
    reader = WorkTreeReader(str(repository.root / "below"), workdir=str(tmp_path / "workdir"))
    assert contents(reader.read(ENV)) == before


def submodule(repository: Repository, tmp_path: Path) -> Path:
    other = Repository(tmp_path / "other")
    other.commit({"a": "a", "d/b": "b"})
    repository.commit({".gitignore": "/.pants.d/\n"})
    repository.git("submodule", "--quiet", "add", str(other.root), "img/module")
    repository.commit(FILES)
    return repository.root / "img/module"


def test_a_submodule_leaves_files_out_as_well(repository: Repository, tmp_path: Path) -> None:
    module = submodule(repository, tmp_path)
    before = contents(repository.read())
    sparse("/a")(module)
    assert not (module / "d").exists()
    assert contents(repository.read()) == before


def test_a_submodule_that_is_left_out_is_an_error_where_it_is_an_input(
    repository: Repository, tmp_path: Path
) -> None:
    module = submodule(repository, tmp_path)
    sparse("/*", "!/img/module")(repository.root)
    shutil.rmtree(module, ignore_errors=True)
    work_tree = repository.read()
    with pytest.raises(MzbuildError) as error:
        work_tree.absolute("img/module")
    assert str(error.value) == (
        "img/module is left out by a sparse checkout, and it is a submodule. Run `git "
        "sparse-checkout add` for it, and `git submodule update --init`."
    )
    assert read_content(work_tree.absolute("img/a")) == b"a"


@pytest.fixture
def partial(whole: Repository, tmp_path: Path) -> Repository:
    """A partial clone of which all images but one are left out."""
    whole.git("config", "uploadpack.allowFilter", "true")
    whole.git("config", "uploadpack.allowAnySHA1InWant", "true")
    whole.git(
        *("clone", "--quiet", "--no-checkout", "--filter=blob:none"),
        *(whole.root.as_uri(), str(tmp_path / "partial")),
    )
    clone = Repository(tmp_path / "partial")
    clone.git("sparse-checkout", "set", "--cone", "other")
    clone.git("checkout", "--quiet", "master")
    return clone


def packs(repository: Repository) -> int:
    return len([*(repository.root / ".git/objects/pack").glob("*.pack")])


def test_a_partial_clone_fetches_what_it_lacks_at_once(
    partial: Repository, whole: Repository
) -> None:
    before, work_tree = packs(partial), partial.read()
    work_tree.left_out.bring(work_tree.statuses)
    assert packs(partial) == before + 1
    shutil.rmtree(whole.root / ".git")
    assert {path: read_content(work_tree.absolute(path)).decode() for path in FILES} == FILES
    assert packs(partial) == before + 1


def test_what_cannot_be_fetched_is_an_error_where_it_is_an_input(
    partial: Repository, whole: Repository
) -> None:
    away = whole.root.rename(whole.root.with_name("away"))
    reader = WorkTreeReader(str(partial.root), (".pants.d/",), watch=True)
    for _ in range(2):
        work_tree = reader.read(ENV)
        assert read_content(work_tree.absolute("other/Dockerfile")) == b"FROM scratch\n"
        with pytest.raises(MzbuildError) as error:
            work_tree.absolute("img/a")
        assert str(error.value) == (
            "img/a is left out by a sparse checkout, and this partial clone lacks its content and "
            "cannot fetch it. Run the command again when `git fetch` works, or in a clone that was "
            "made without `--filter`."
        )
        assert linked_listing(work_tree.statuses, link_texts(work_tree)).texts == {}
    away.rename(whole.root)
    assert read_content(reader.read(ENV).absolute("img/a")) == b"a"


def test_fetching_is_tried_once_for_a_work_tree(partial: Repository, whole: Repository) -> None:
    shutil.rmtree(whole.root)
    work_tree = partial.read()
    with mock.patch.object(work_tree.left_out, "_git", side_effect=work_tree.left_out._git) as git:
        for path in FILES:
            work_tree.left_out.bring([path])
    assert sum("fetch" in call.args for call in git.mock_calls) == 1


def test_what_git_has_lost_is_an_error_in_its_own_words(whole: Repository) -> None:
    name = whole.git("rev-parse", "HEAD:img/a").strip()
    skip(whole.root, "img/a", "img/out/b")
    (whole.root / ".git/objects" / name[:2] / name[2:]).unlink()
    work_tree = whole.read()
    work_tree.left_out.bring(work_tree.statuses)
    assert read_content(work_tree.absolute("img/out/b")) == b"b\n"
    with pytest.raises(MzbuildError) as error:
        work_tree.absolute("img/a")
    assert str(error.value).startswith(
        "img/a is left out by a sparse checkout, and Git cannot give it: error: "
    )
    assert name in str(error.value)


def test_what_stays_left_out_takes_no_listing(whole: Repository) -> None:
    sparse("/*", "!/img/out/b", "!/lib/")(whole.root)
    reader = WorkTreeReader(str(whole.root), (".pants.d/",), watch=True)
    never = -(10**15)
    with (
        mock.patch.object(files, "FRESH_NS", never),
        mock.patch.object(same_listing, "FRESH_NS", never),
    ):
        for _ in range(3):
            known = reader.read(ENV)
            assert read_content(known.absolute("img/out/b")) == b"b\n"
        with mock.patch.object(work_tree_reader, "read_listing", side_effect=AssertionError):
            assert reader.read(ENV) == known
