"""What Cargo is given to build from, and what of it is looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

import pytest
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.includes import crate_inputs
from mzbuild.core.cargo.sources import CargoSources, SourcePart, SourceParts, SourceTree
from mzbuild.core.cargo.vendored import Vendored
from mzbuild.core.cargo.workspace import VendoredPackage
from mzbuild.core.errors import MzbuildError
from mzbuild.core.work_tree import files as work_tree_module
from mzbuild.core.work_tree.files import (
    EXECUTABLE,
    REGULAR,
    SYMLINK,
    ContentDigests,
    FileCache,
    WorkTree,
    digest_content,
)
from mzbuild.core.work_tree.links import link_texts, linked_listing

from tests.core.cargo.test_cargo_staged_files import digest
from tests.core.cargo.workspaces import crate, depends_on, load, root
from tests.core.conftest import Repository

FILES = {
    **root("a", "b", "c"),
    **crate("a", depends_on(b="../b")),
    "a/src/main.rs": "fn main() {}",
    **crate("b"),
    **crate("c"),
    "c/src/main.rs": "fn main() { }",
    "vendor/x/lib.rs": "x",
    ".cargo/config.toml": "[env]",
}


@pytest.fixture(autouse=True)
def no_file_is_too_fresh() -> Iterator[None]:
    with mock.patch.object(work_tree_module, "FRESH_NS", -(10**15)):
        yield


class Contents(FileCache[ContentDigests]):
    """Digests of files, and which files they were asked of."""

    def __init__(self) -> None:
        super().__init__(lambda absolute, _: digest_content(absolute))
        self.asked: list[str] = []

    def get(self, work_tree: WorkTree, path: str) -> ContentDigests:
        self.asked.append(path)
        return super().get(work_tree, path)


class Sources:
    """Gives the sources of one program after another, as the repository is at the time."""

    def __init__(self, repository: Repository):
        self.repository = repository
        self.contents = Contents()
        self._parts = SourceParts(self.contents)
        repository.write(FILES)

    def __call__(self, *bins: str) -> CargoSources:
        work_tree = self.repository.read()
        listing = linked_listing(work_tree.statuses, link_texts(work_tree))
        paths = [path for path in listing.paths if path.endswith("Cargo.toml")]
        workspace = load(
            {**dict.fromkeys(listing.paths, ""), **{path: FILES[path] for path in paths}}
        )
        package = VendoredPackage("vendor/x", listing.under("vendor/x"), "x", "1.0.0")
        vendored = Vendored((package,))
        crates = crate_inputs(workspace, listing)
        tree = SourceTree(workspace, listing, work_tree, crates, vendored, self._parts)
        return tree.of(CargoBuild(bins=bins or ("a",)), "image")


@pytest.fixture
def sources(repository: Repository) -> Sources:
    return Sources(repository)


def regular(crate: str, content: str) -> tuple[str, str, int]:
    return crate, digest(content), REGULAR


def test_a_build_has_its_crates_and_of_all_others_the_manifests(sources: Sources) -> None:
    built = sources("a")
    assert built.files == {
        "Cargo.toml": regular(".shared", FILES["Cargo.toml"]),
        ".cargo/config.toml": regular(".configuration", "[env]"),
        **{path: regular(path[0], FILES[path]) for path in FILES if path[:2] in ("a/", "b/")},
        "c/Cargo.toml": regular("c/", FILES["c/Cargo.toml"]),
        "vendor/x/lib.rs": regular("vendor/x/*", "x"),
    }
    assert set(built.empty) == {"c/src/lib.rs", "c/src/main.rs"}


def test_what_others_lack_is_told_from_what_they_have(sources: Sources) -> None:
    together, a, c = sources("a", "c"), sources("a"), sources("c")
    assert together.beyond(a) == {"others": ["c"], "own": ["c/Cargo.toml"]}
    assert together.beyond(c) == {"others": ["a", "b"], "own": ["a/Cargo.toml", "b/Cargo.toml"]}
    assert together.beyond(together) == {"others": [], "own": []}
    # What the sources of a crate name may be another's.
    named = SourcePart("named", "", {"c/src/main.rs": ("", REGULAR)})
    naming = CargoSources((*together.parts, named), ())
    assert naming.beyond(CargoSources((*a.parts, named), ())) == {
        "others": ["c"],
        "own": ["c/Cargo.toml", "c/src/main.rs"],
    }


def test_a_symlink_to_a_file_is_that_file(sources: Sources, repository: Repository) -> None:
    (repository.root / "b/script").write_text("run")
    (repository.root / "b/script").chmod(0o755)
    for name, target in {"file": "script", "directory": "src", "nothing": "gone"}.items():
        (repository.root / "b" / name).symlink_to(target)
    files = sources().files
    assert files["b/file"] == files["b/script"] == ("b", digest("run"), EXECUTABLE)
    assert files["b/directory"] == ("b", "src", SYMLINK)
    assert files["b/nothing"] == ("b", "gone", SYMLINK)


def test_a_symlink_that_leads_out_of_the_repository_leads_there_at_once(
    sources: Sources, repository: Repository, tmp_path: Path
) -> None:
    # Of what it leads through, nothing may be staged.
    (repository.root / "through").symlink_to(tmp_path)
    (repository.root / "b/out").symlink_to("../through")
    assert sources().files["b/out"] == ("b", str(tmp_path.resolve()), SYMLINK)


def test_whatever_changes_in_its_sources_changes_the_keys(
    sources: Sources, repository: Repository
) -> None:
    (repository.root / "b/link").symlink_to("src")
    known = [sources().keys]

    def is_new() -> bool:
        known.append(sources().keys)
        return known[-1] not in known[:-1]

    changes: Mapping[str, str] = {
        "b/src/lib.rs": "// 1",
        "b/new": "",
        "vendor/x/lib.rs": "y",
        "c/src/bin/new.rs": "",
        "c/Cargo.toml": FILES["c/Cargo.toml"] + "# 1",
        "Cargo.lock": "",
    }
    for path, content in changes.items():
        repository.write({path: content})
        assert is_new(), path
    (repository.root / "b/src/lib.rs").chmod(0o755)
    assert is_new()
    (repository.root / "b/link").unlink()
    (repository.root / "b/link").symlink_to("sr")
    assert is_new()
    (repository.root / "b/new").rename(repository.root / "b/newer")
    assert is_new()
    repository.write({"c/src/lib.rs": "// of a crate that is not built", "other": ""})
    assert not is_new()


def test_a_crate_is_another_one_where_what_its_build_script_is_built_on_is(
    sources: Sources, repository: Repository
) -> None:
    manifest = FILES["a/Cargo.toml"].replace("[dependencies]", "[build-dependencies]")
    with mock.patch.dict(FILES, {"a/Cargo.toml": manifest}):
        first = sources("a").packages
        repository.write({"b/src/lib.rs": "// 1"})
        second = sources("a").packages
    assert {name for name in first if first[name] != second[name]} == {"a", "b"}
    first = sources("a").packages
    repository.write({"b/src/lib.rs": "// 2"})
    second = sources("a").packages
    assert {name for name in first if first[name] != second[name]} == {"b"}


def test_only_the_crate_of_a_changed_file_is_looked_at_again(
    sources: Sources, repository: Repository
) -> None:
    repository.write({"b/src/data": "1"})
    sources("a", "c")
    assert sorted(sources.contents.asked) == sorted({*FILES, "b/src/data"})
    sources.contents.asked.clear()
    sources("a")
    sources("c")
    repository.write({"b/src/data": "2"})
    assert sources("a").files["b/src/data"] == regular("b", "2")
    # The manifests alone are looked at when a crate is not built for the first time.
    assert set(sources.contents.asked) == {"c/Cargo.toml", "a/Cargo.toml", "b/Cargo.toml"} | {
        path for path in [*FILES, "b/src/data"] if path.startswith("b/")
    }


def test_a_program_that_is_not_there_is_an_error(sources: Sources) -> None:
    with pytest.raises(MzbuildError, match=r"^image: no crate of the Cargo workspace has the bin"):
        sources("z")
