"""What the core's tests share: real repositories, and the core put together as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from mzbuild.core.actions.action import Repository as Repo
from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.actions.shell import ShellAction
from mzbuild.core.actions.taking_targets import FilesAction, PackageAction
from mzbuild.core.cargo.includes import crate_inputs, rust_references
from mzbuild.core.cargo.manifest import parse_cargo_toml
from mzbuild.core.cargo.members import load_workspace
from mzbuild.core.configuration import Arch, Configuration, Profile, Sanitizer, Scheme
from mzbuild.core.fingerprint.inputs import all_inputs, image_inputs
from mzbuild.core.fingerprint.records import InputRecords
from mzbuild.core.fingerprint.survey import survey
from mzbuild.core.image.graph import ImageGraph, build_graph
from mzbuild.core.image.mzbuild_yml import FILE_NAME, parse_mzbuild_yml
from mzbuild.core.work_tree.files import FileCache, WorkTree, digest_content, read_content
from mzbuild.core.work_tree.listing import Listing
from mzbuild.core.work_tree.reader import read_work_tree

# How long an example takes on a busy machine is no property of the code.
settings.register_profile("here", deadline=None)
settings.load_profile("here")

ACTION_TYPES = (CargoBuildAction, CopyAction, FilesAction, PackageAction, ShellAction)

VECTORS = Path(__file__).parent.parent / "vectors"

CONFIGURATION = Configuration(
    Arch.X86_64, Profile.OPTIMIZED, coverage=False, sanitizer=Sanitizer.NONE, scheme=Scheme.MZBUILD
)

# What the user has set for Git must not decide a test.
ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{role}_NAME": "test" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "test@example.invalid" for role in ("AUTHOR", "COMMITTER")},
}


class Repository:
    """A Git repository that a test fills."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet")

    def git(self, *args: str) -> str:
        """Runs Git at the root and returns what it prints."""
        allow = ["-c", "protocol.file.allow=always"]
        result = subprocess.run(
            ["git", *allow, *args], cwd=self.root, env=ENV, check=True, stdout=subprocess.PIPE
        )
        return os.fsdecode(result.stdout)

    def write(self, files: Mapping[str, str]) -> None:
        """Writes files, each under its path from the root."""
        for path, content in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content)

    def commit(self, files: Mapping[str, str]) -> None:
        """Writes files, and commits everything that is there."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "all")

    def read(self) -> WorkTree:
        """The work tree as it is now."""
        return read_work_tree(str(self.root), ENV)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture(scope="session")
def vectors_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_vectors_repository(tmp_path_factory.mktemp("vectors") / "monorepo")


def make_vectors_repository(root: Path) -> Path:
    """Lays out the fixture monorepo of the vectors in a new directory."""
    script, description = VECTORS / "make_repo.py", VECTORS / "monorepo.json"
    subprocess.run([sys.executable, script, description, root], check=True, env=ENV)
    return root


def listing(*paths: str) -> Listing:
    return Listing(tuple(sorted(paths)))


@dataclass(frozen=True)
class Description:
    """All that the core knows of a repository's images."""

    graph: ImageGraph
    inputs: Mapping[str, tuple[str, ...]]
    fingerprints: Mapping[str, str]


def describe(root: Path, configuration: Configuration = CONFIGURATION) -> Description:
    """What the core, without Pants, makes of a repository."""
    work_tree = read_work_tree(str(root), ENV)
    files = Listing(tuple(work_tree.statuses))

    def read(path: str) -> bytes:
        return read_content(work_tree.absolute(path))

    workspace = load_workspace(files, lambda path: parse_cargo_toml(read(path), path))
    images = [
        parse_mzbuild_yml(read(path), path, ACTION_TYPES).image for path in files.named(FILE_NAME)
    ]
    graph = build_graph(images, files, read)
    sources = [path for path in files.paths if path.endswith(".rs")]
    references = {path: rust_references(read(path)) for path in sources}
    strict = configuration.scheme is Scheme.STRICT
    crate_files = crate_inputs(workspace, files, references if strict else None)
    inputs = all_inputs(
        graph.images,
        lambda image: image_inputs(
            image, graph, Repo(files, workspace, crate_files, configuration.scheme)
        ),
    )
    contents = FileCache(lambda absolute, _: digest_content(absolute))
    records = InputRecords(contents).of(work_tree, inputs.runs, {})
    found = survey(graph, inputs, records, configuration)
    assert found.errors == {}
    return Description(
        graph, {name: inputs.paths(name) for name in inputs.groups}, found.fingerprints
    )
