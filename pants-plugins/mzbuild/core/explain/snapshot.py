"""What the fingerprints of a repository's images were made of, at one moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Callable

from mzbuild.core.actions.action import ActionTypes, Repository
from mzbuild.core.actions.pants_targets import (
    NO_TARGETS,
    TargetInputs,
    TargetReference,
    past_inputs,
)
from mzbuild.core.cargo.config_file import merged_config, read_config
from mzbuild.core.cargo.includes import crate_inputs, rust_references
from mzbuild.core.cargo.lock import parse_cargo_lock
from mzbuild.core.cargo.manifest import parse_cargo_toml
from mzbuild.core.cargo.members import load_workspace
from mzbuild.core.cargo.vendored import Vendored
from mzbuild.core.cargo.workspace import LOCK_FILE, ROOT_MANIFEST, CargoWorkspace
from mzbuild.core.configuration import Configuration, Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import all_inputs, image_inputs
from mzbuild.core.fingerprint.scheme import input_record
from mzbuild.core.fingerprint.survey import Survey, survey
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import build_graph
from mzbuild.core.image.mzbuild_yml import FILE_NAME, canonical_mzbuild_yml, declared_in
from mzbuild.core.paths import under
from mzbuild.core.revisions.revision_tree import RevisionTree
from mzbuild.core.work_tree.files import REGULAR
from mzbuild.core.work_tree.links import linked_listing

# Most of these files are the same in all revisions.
_rust_references = lru_cache(maxsize=1 << 14)(rust_references)


@dataclass(frozen=True)
class Snapshot:
    """All images, what each builds on directly, and the `input_record` of each input."""

    configuration: Configuration
    survey: Survey
    dependencies: Mapping[str, tuple[str, ...]]
    record: Callable[[str], bytes]
    # The records of some groups of inputs by their paths, joined, where they are known anyway.
    joined: Mapping[tuple[str, ...], bytes] = field(default_factory=dict)


def declared_records(images: Iterable[Image]) -> dict[str, bytes]:
    """What stands in place of an `mzbuild.yml` for the images that have none, by its path."""
    return {
        image.mzbuild_yml: input_record(
            image.mzbuild_yml, REGULAR, hashlib.sha1(canonical_mzbuild_yml(image)).digest()
        )
        for image in images
        if not image.declared_in_file
    }


def revision_snapshot(
    tree: RevisionTree,
    configuration: Configuration,
    actions: ActionTypes,
    declared: Iterable[Image] = (),
    cargo_root: str = "",
    targets: Mapping[TargetReference, TargetInputs] = NO_TARGETS,
) -> Snapshot:
    """The images of a revision; `declared` are those that its BUILD files declare.

    `actions` are the types of actions, `cargo_root` is the directory of the Cargo workspace.
    `targets` has what Pants says of targets now: it does not know those of other revisions.
    """
    listing, declared = tree.listing, tuple(declared)
    declarations = listing.named(FILE_NAME)
    contexts = {path.rpartition("/")[0] for path in declarations}
    contexts.update(image.context for image in declared)
    dockerfiles = {under(context, "Dockerfile") for context in contexts}
    contents = tree.contents(
        [
            *declarations,
            *(path for path in dockerfiles if path in listing),
            *listing.named(ROOT_MANIFEST),
        ]
    )
    linked = linked_listing(listing.paths, tree.link_texts)

    def content(path: str) -> bytes:
        real = linked.real(path)
        return contents[real] if real in contents else tree.contents([real])[real]

    try:
        workspace = load_workspace(
            linked,
            lambda path: parse_cargo_toml(content(path), path),
            cargo_root,
            merged_config(cargo_root, linked, lambda path: read_config(content(path), path)),
        )
    except MzbuildError as error:
        workspace = CargoWorkspace(root=cargo_root, error=str(error))
    files = [declared_in(path, contents.__getitem__, actions) for path in declarations]
    graph = build_graph(
        [*(file.image for file in files), *declared],
        listing,
        contents.__getitem__,
        {file.image.origin: file.error for file in files if file.error is not None},
    )
    references = None
    if configuration.scheme is Scheme.STRICT:
        # The `mzbuild` scheme goes through no symlink.
        listing = linked
        sources = tree.contents(path for path in listing.paths if path.endswith(".rs"))
        references = {path: _rust_references(content) for path, content in sources.items()}
    crate_files = crate_inputs(workspace, listing, references)
    lock = None
    if workspace.vendored and (path := under(cargo_root, LOCK_FILE)) in linked:
        lock = parse_cargo_lock(content(path), path)
    vendored = Vendored(workspace.vendored, lock)

    repository = Repository(
        listing,
        workspace,
        crate_files,
        configuration.scheme,
        vendored,
        targets={
            reference: past_inputs(targets.get(reference), tree.listing)
            for image in graph.images
            for action in image.pre_image
            for reference in action.references(image)
        },
    )
    inputs = all_inputs(
        graph.images,
        lambda image: image_inputs(image, graph, repository),
    )
    records = declared_records(graph.images)
    # All at once: it is Git that reads them.
    sha1s = tree.sha1s({*chain.from_iterable(inputs.runs)} - records.keys())

    def record(path: str) -> bytes:
        if path not in records:
            records[path] = input_record(path, tree.mode(path), sha1s[path])
        return records[path]

    def joined(run: Iterable[str]) -> bytes | MzbuildError:
        try:
            return b"".join(map(record, run))
        except MzbuildError as error:
            return error

    return Snapshot(
        configuration,
        survey(graph, inputs, [joined(run) for run in inputs.runs], configuration),
        graph.dependencies,
        record,
    )
