"""A work tree changed in every way that Git knows: what the fingerprints are right afterwards.

Each is compared with what `benchmarks/plain_fingerprint.py`, which shares no code with the plugin
and remembers nothing, says of the same tree.
"""

from __future__ import annotations

import copy
import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.repo import Repo
from tests.e2e.steps import Step, append, chmod, delete, git, git_path, move, restore, write
from tests.e2e.vectors import differing, fingerprints, plain, vectors_repository

# The images that an input of all of them, or of a crate, goes into.
DEBIAN_BASE = {"debian-base", "environmentd", "inner", "jobs", "loadgen", "outer", "prod-base"}
CARGO = {"environmentd", "jobs", "loadgen"}
PROD_BASE = {"environmentd", "jobs", "prod-base"}
MODES, MCP, OUTER = {"modes"}, {"mcp"}, {"outer"}
NONE: set[str] = set()


def conflict(repo: Repo) -> None:
    result = repo.git("merge", "theirs", check=False)
    assert "CONFLICT (content)" in result.stdout, str(result)
    assert "CONFLICT (modify/delete)" in result.stdout, str(result)


def exclude(pattern: str) -> Step:
    def step(repo: Repo) -> None:
        with git_path(repo, "info/exclude").open("a") as file:
            file.write(f"{pattern}\n")

    return step


def same_size_edit(repo: Repo) -> None:
    """An edit that leaves the file's size and its time of modification as they were."""
    path = repo.root / "src/storage/src/lib.rs"
    status = path.stat()
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size


def add_submodule(repo: Repo) -> None:
    module = repo.root.with_name("module")
    if not module.exists():
        Repo(module, {"file": "1\n", ".gitignore": "*.o\n"}, repo.env)
    allow = ("-c", "protocol.file.allow=always")
    repo.git(
        *allow, "submodule", "--quiet", "add", "--force", str(module), "misc/images/mcp/module"
    )


def directory_to_link(repo: Repo) -> None:
    """The files stay to be reached under their old paths, where Git no longer sees them."""
    move("misc/images/modes/sub dir", "misc/images/modes/real dir")(repo)
    write("misc/images/modes/sub dir", Path("real dir"))(repo)


def file_to_directory(repo: Repo) -> None:
    delete("test/outer/innermost")(repo)
    write("test/outer/innermost/file", "not in inner's context\n")(repo)


def directory_to_file(repo: Repo) -> None:
    delete("test/outer/innermost/file")(repo)
    (repo.root / "test/outer/innermost").rmdir()
    write("test/outer/innermost", "not in inner's context\n")(repo)


def named_pipe(repo: Repo) -> None:
    """Git sees no such file, and reading it would wait for ever."""
    delete("misc/images/prod-base/pipe")(repo)
    os.mkfifo(repo.root / "misc/images/prod-base/pipe")


def exclude_for_user(repo: Repo) -> None:
    mine = git_path(repo, "mine").absolute()
    mine.write_text("*~\n")
    repo.git("config", "core.excludesFile", str(mine))


def write_elsewhere(repo: Repo) -> None:
    """Writes to a file through a name for it that lies outside of the work tree."""
    elsewhere = repo.root.with_name("elsewhere")
    elsewhere.unlink(missing_ok=True)
    os.link(repo.root / "misc/images/mcp/Dockerfile", elsewhere)
    with elsewhere.open("a") as file:
        file.write("# x\n")


MAPPED: list[mmap.mmap] = []
UNNAMED: list[int] = []


def map_file(repo: Repo) -> None:
    with (repo.root / "misc/images/mcp/vendored.lock").open("r+b") as file:
        MAPPED.append(mmap.mmap(file.fileno(), 0))
    write_mapped(repo)


def write_mapped(_repo: Repo) -> None:
    MAPPED[-1][0] = (MAPPED[-1][0] + 1) % 128


def name_unnamed_file(repo: Repo) -> None:
    """Gives a file its first name, while it stays open."""
    file = os.open(repo.root, os.O_TMPFILE | os.O_RDWR)
    UNNAMED.append(file)
    path = repo.root / "misc/images/mcp/unnamed"
    # By itself, `os.link` takes the symlink in /proc for the file, whatever it is told.
    os.link(f"/proc/self/fd/{file}", path, src_dir_fd=file, follow_symlinks=True)


def write_unnamed_file(_repo: Repo) -> None:
    os.write(UNNAMED[-1], b"x\n")


ODD_NAMES = (
    "sp ace",
    "äccent",
    "a*b?[c]",
    "line\nbreak",
    "\ttab",
    'qu"ote',
    "back\\slash",
    "-x",
    "🦀",
)
SPARSE = ("sparse-checkout", "set", "--no-cone", "/*")

# Each change in steps, with the images that each step moves: those must, and no others may. In this
# order they can also be made all at once.
CHANGES: Mapping[str, tuple[tuple[Step, set[str]], ...]] = {
    "checkout of a branch": (
        (git("checkout", "--quiet", "topic"), CARGO | PROD_BASE),
        (git("checkout", "--quiet", "-"), CARGO | PROD_BASE),
    ),
    "sparse checkout": (
        (git(*SPARSE, "!/src/ore/data/"), NONE),
        (git(*SPARSE, "!/src/*/src/", "!/test/*/*/Dockerfile", "!/misc/images/modes/*.sh"), NONE),
        (write("test/outer/here", "there, though it is left out\n"), OUTER),
        (delete("test/outer/here"), OUTER),
        (git("sparse-checkout", "disable"), NONE),
    ),
    "merge with conflicts": ((conflict, PROD_BASE),),
    "edit": (
        (append("src/environmentd/src/main.rs", "// x\n"), {"environmentd", "loadgen"}),
        (append("src/environmentd/src/main.rs", "// x\n"), {"environmentd", "loadgen"}),
    ),
    "edit of the same size": ((same_size_edit, {"environmentd", "loadgen"}),),
    "edit that Git is told not to look for": (
        (git("update-index", "--assume-unchanged", "src/testkit/src/lib.rs"), NONE),
        (append("src/testkit/src/lib.rs", "// x\n"), {"loadgen"}),
        (git("update-index", "--no-assume-unchanged", "src/testkit/src/lib.rs"), NONE),
    ),
    "deletion": ((delete("src/build-info/src/lib.rs"), {"environmentd", "loadgen"}),),
    "removal from the index": ((git("rm", "--quiet", "--cached", "src/ore/src/lib.rs"), NONE),),
    "addition": (
        (write("test/outer/inner/new", "new\n"), {"inner", "outer"}),
        (git("add", "test/outer/inner/new"), NONE),
        (git("rm", "--quiet", "--force", "test/outer/inner/new"), {"inner", "outer"}),
    ),
    "intent to add": (
        (write("src/ore/intended", "x\n"), CARGO),
        (git("add", "--intent-to-add", "src/ore/intended"), NONE),
    ),
    "chmod": (
        (chmod("misc/images/debian-base/Dockerfile", 0o755), DEBIAN_BASE),
        (chmod("misc/images/debian-base/Dockerfile", 0o744), NONE),
        (chmod("misc/images/debian-base/Dockerfile", 0o655), DEBIAN_BASE),
    ),
    "touch": ((lambda repo: os.utime(repo.root / "src/ore/Cargo.toml"), NONE),),
    "rename": (
        (move("misc/images/modes/blob.bin", "misc/images/modes/b.bin"), MODES),
        (move("misc/images/modes/b.bin", "misc/images/modes/blob.bin"), MODES),
    ),
    "git mv": ((git("mv", "src/tools/src/lib.rs", "src/tools/src/l.rs"), {"jobs", "loadgen"}),),
    "git mv of an image": (
        (git("mv", "misc/images/openssh-static", "misc/ssh"), PROD_BASE | {"openssh-static"}),
    ),
    "ignored": (
        (append("src/ore/debug.log", "more\n"), NONE),
        (append("src/environmentd/ci/environmentd", "rebuilt\n"), NONE),
    ),
    "forced": (
        (write("src/tools/kept.log", "kept\n"), NONE),
        (git("add", "--force", "src/tools/kept.log"), {"jobs", "loadgen"}),
        (append("src/tools/kept.log", "more\n"), {"jobs", "loadgen"}),
        (append("misc/images/mcp/vendored.lock", "more\n"), MCP),
        (chmod("misc/images/mcp/vendored.lock", 0o755), MCP),
    ),
    "new ignore file in a directory": (
        (write("test/outer/notes", "x\n"), OUTER),
        (write("test/.gitignore", "notes\n"), OUTER),
        (delete("test/.gitignore"), OUTER),
    ),
    "ignore rule removed": (
        (write("misc/images/jobs/persistcli", "stale\n"), NONE),
        (write("misc/images/jobs/.gitignore", "/catalog-debug\n"), {"jobs"}),
        (append("misc/images/jobs/persistcli", "staler\n"), {"jobs"}),
    ),
    "ignore rule of the root removed": (
        (write("misc/images/mcp/old.lock.bak", "x\n"), NONE),
        (write(".gitignore", "target/\ntarget-xcompile/\n*.log\nvendored.lock\n"), MCP),
    ),
    "info/exclude": (
        (write("misc/images/modes/private", "x\n"), MODES),
        (exclude("private"), MODES),
    ),
    "core.excludesFile": (
        (write("misc/images/modes/editor~", "x\n"), MODES),
        (exclude_for_user, MODES),
    ),
    "submodule": (
        (add_submodule, MCP),
        (append("misc/images/mcp/module/file", "2\n"), MCP),
        (write("misc/images/mcp/module/untracked", ""), MCP),
        (write("misc/images/mcp/module/ignored.o", ""), NONE),
        (git("submodule", "--quiet", "deinit", "--force", "misc/images/mcp/module"), MCP),
    ),
    "clone in a context": ((git("clone", "--quiet", ".", "misc/images/modes/clone"), NONE),),
    "file becomes symlink": (
        (write("test/outer/here", Path("link's target")), OUTER),
        (write("test/outer/link's target", "now there\n"), OUTER),
        (append("test/outer/link's target", "and changed\n"), OUTER),
        (write("test/outer/here", "outer\n"), OUTER),
    ),
    "write through another name": ((write_elsewhere, MCP),),
    "write through memory": ((map_file, MCP), (write_mapped, MCP), (write_mapped, MCP)),
    "file that was made without a name": (
        (name_unnamed_file, MCP),
        (write_unnamed_file, MCP),
        (write_unnamed_file, MCP),
    ),
    "symlink's target changes": (
        (append("README.md", "edited\n"), MODES),
        (write("misc/images/modes/outside", Path("../../../src/outside.log")), MODES),
        (write("src/outside.log", "ignored, but linked to\n"), MODES),
        (write("src/copy.log", "ignored, but linked to\n"), NONE),
        # Another file of the same content: nothing that is hashed is any different.
        (write("misc/images/modes/outside", Path("../../../src/copy.log")), NONE),
        (chmod("src/copy.log", 0o755), NONE),
    ),
    "symlinks to no file": (
        (write("src/testkit/dangling", Path("no/where")), {"loadgen"}),
        (write("src/testkit/dangling", Path("no/way")), {"loadgen"}),
        (write("src/testkit/loop", Path("loop")), {"loadgen"}),
        (write("src/testkit/directory", Path("src")), {"loadgen"}),
    ),
    "file becomes directory": ((file_to_directory, OUTER), (directory_to_file, OUTER)),
    "directory becomes symlink": (
        (directory_to_link, MODES),
        (exclude("/misc/images/modes/sub dir"), MODES),
    ),
    "directory becomes file": (
        (delete("src/tools/examples/multi/main.rs"), {"jobs", "loadgen"}),
        (lambda repo: (repo.root / "src/tools/examples/multi").rmdir(), NONE),
        (write("src/tools/examples/multi", "file\n"), {"jobs", "loadgen"}),
    ),
    "file becomes named pipe": ((named_pipe, PROD_BASE),),
    "odd names": (
        (lambda repo: repo.write({f"misc/images/mcp/{name}": name for name in ODD_NAMES}), MCP),
        (git("add", "misc/images/mcp"), NONE),
    ),
    "empty directory": ((lambda repo: (repo.root / "test/outer/empty").mkdir(), NONE),),
    "image changes": (
        (append("misc/images/loadgen/mzbuild.yml", "description: x\n"), {"loadgen"}),
        (write("misc/images/loadgen/Dockerfile", "MZFROM mcp\n"), {"loadgen"}),
        (append("misc/images/mcp/Dockerfile", "# x\n"), {"loadgen", "mcp"}),
    ),
    "new image": (
        (write("misc/new/Dockerfile", "MZFROM debian-base\n"), NONE),
        (write("misc/new/mzbuild.yml", "name: new\n"), {"new"}),
        (write("misc/new/mzbuild.yml", "name: newer\n"), {"new", "newer"}),
        (delete("misc/new/mzbuild.yml"), {"newer"}),
    ),
    "image in a context": (
        (write("misc/images/modes/nested/Dockerfile", "FROM scratch\n"), MODES),
        (write("misc/images/modes/nested/mzbuild.yml", "name: nested\n"), {"modes", "nested"}),
        (write("misc/images/modes/nested/more", ""), {"nested"}),
    ),
    "crates change": (
        (append("Cargo.lock", "# x\n"), CARGO),
        (write("ci/builder/new", ""), CARGO),
        (write(".cargo/config", "[net]\n"), CARGO),
        (append(".cargo/config.toml", "# x\n"), NONE),
        (append("src/alloc/src/lib.rs", "// x\n"), NONE),
        (
            append("src/storage/Cargo.toml", "alloc = { path = '../alloc' }\n"),
            {"environmentd", "loadgen"},
        ),
        (append("src/alloc/src/lib.rs", "// x\n"), {"environmentd", "loadgen"}),
        (write("src/alloc/mzcompose.py", ""), NONE),
    ),
}


def prepare(repo: Repo) -> None:
    """Commits the fixture, and the branches that the changes need."""
    notes, removed = "misc/images/prod-base/notes", "test/outer/removed"
    repo.write({notes: "first\n", removed: "first\n", "misc/images/prod-base/pipe": ""})
    repo.commit("the fixture")
    repo.git("checkout", "--quiet", "-b", "theirs")
    delete(removed)(repo)
    repo.write({notes: "theirs\n"})
    repo.commit("theirs")
    repo.git("checkout", "--quiet", "main")
    repo.write({notes: "ours\n", removed: "ours\n"})
    repo.commit("ours")
    repo.git("checkout", "--quiet", "-b", "topic")
    chmod("misc/images/prod-base/Dockerfile", 0o755)(repo)
    repo.write({"src/ore/topic.rs": ""})
    repo.commit("topic")
    repo.git("checkout", "--quiet", "main")


@pytest.fixture(scope="module")
def unchanged(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[tuple[Repo, Mapping[str, str]]]:
    """The fixture, and its fingerprints."""
    # Pants 2.17 crashes on any symlink loop that it is let see.
    ignore = "+['/src/testkit/loop']"
    env = {**cold_caches, "PANTS_MZBUILD_ARCH": "x86_64", "PANTS_PANTS_IGNORE": ignore}
    repo = vectors_repository(tmp_path_factory.mktemp("states") / "repo", env)
    prepare(repo)
    before = plain(repo)
    assert fingerprints(repo) == before
    yield repo, before
    repo.stop_pantsd()


@pytest.fixture
def state(unchanged: tuple[Repo, Mapping[str, str]]) -> Iterator[tuple[Repo, Mapping[str, str]]]:
    """The fixture for a test to change, and its fingerprints until then."""
    repo, before = unchanged
    yield repo, before
    restore(repo)
    assert plain(repo) == before


@pytest.mark.parametrize("change", CHANGES)
def test_right_after_the_change(state: tuple[Repo, Mapping[str, str]], change: str) -> None:
    repo, before = state
    for step, moved in CHANGES[change]:
        step(repo)
        after = fingerprints(repo)
        assert after == plain(repo)
        assert differing(before, after) == moved
        before = after


def test_without_pantsd(state: tuple[Repo, Mapping[str, str]]) -> None:
    repo, before = state
    for steps in CHANGES.values():
        for step, _ in steps:
            step(repo)
    after = fingerprints(repo, "--no-pantsd")
    assert after == plain(repo)
    # Two of the changes come to nothing in the end.
    assert differing(before, after) == {*before, "nested"} - {"debian-base", "inner"}


def test_in_a_linked_work_tree_without_pantsd(state: tuple[Repo, Mapping[str, str]]) -> None:
    repo, before = state
    linked = copy.copy(repo)
    linked.root = repo.root.with_name("linked")
    repo.git("worktree", "add", "--quiet", "--detach", str(linked.root))
    assert plain(linked) == before
    for steps in CHANGES.values():
        first_step, _ = steps[0]
        first_step(linked)
    after = fingerprints(linked, "--no-pantsd")
    assert after == plain(linked)
    assert set(after) == set(before)
    assert differing(before, after) == set(before)
    # The main work tree is as it was, though the two share a repository.
    assert fingerprints(repo) == before
