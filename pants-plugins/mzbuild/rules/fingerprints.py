"""The inputs and the fingerprints of all images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Callable

from pants.engine.rules import Get, Rule, collect_rules, rule

from mzbuild.core.cargo.includes import crate_inputs
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.explain.snapshot import Snapshot, declared_records
from mzbuild.core.fingerprint.configuration import Configuration, Scheme
from mzbuild.core.fingerprint.inputs import (
    InputFile,
    InputGroup,
    image_inputs,
    input_runs,
    missed_inputs,
)
from mzbuild.core.fingerprint.records import InputRecords
from mzbuild.core.fingerprint.scheme import input_record, raw_fingerprints, show_fingerprint
from mzbuild.core.fingerprint.survey import Survey, survey
from mzbuild.core.image.mzbuild_yml import canonical_mzbuild_yml
from mzbuild.core.work_tree.files import REGULAR, WorkTree, bytes_digests, link_target
from mzbuild.core.work_tree.listing import Listing
from mzbuild.rules.fingerprint_logs import FingerprintLogFile
from mzbuild.rules.images import Images
from mzbuild.rules.repository import CONTENTS, RustReferences
from mzbuild.subsystems.mzbuild import Mzbuild

# Lives as long as pantsd does; what it remembers is used only while the files are as they were.
_RECORDS = InputRecords(CONTENTS)


@dataclass(frozen=True)
class ImageInputs:
    """What goes into each image, by its name."""

    groups: Mapping[str, tuple[InputGroup, ...]]
    # The runs that the inputs are cut into, and for each image the indices of its own, in order.
    runs: tuple[tuple[str, ...], ...]
    by_image: Mapping[str, tuple[int, ...]]

    def paths(self, name: str) -> tuple[str, ...]:
        """What goes into an image, sorted."""
        return tuple(path for index in self.by_image[name] for path in self.runs[index])

    def count(self, name: str) -> int:
        """How many files go into an image."""
        return sum(len(self.runs[index]) for index in self.by_image[name])


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprint and the spec of each image, by its name."""

    fingerprints: Mapping[str, str]
    specs: Mapping[str, str]


@dataclass(frozen=True)
class FingerprintsRequest:
    """A request for the fingerprints of all images as they are in a configuration."""

    configuration: Configuration


@dataclass(frozen=True)
class ConfiguredFingerprints(Fingerprints):
    """The fingerprints in the configuration that was asked for."""


@dataclass(frozen=True)
class PublishedConfigurations:
    """What images are published for: the options, once for each architecture."""

    configurations: tuple[Configuration, ...]


@dataclass(frozen=True)
class CrateInputs:
    """The files of each crate by its name, as the fingerprint scheme has them."""

    files: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class MissedInputs:
    """For each image, the inputs that only the strict scheme has, sorted."""

    paths: Mapping[str, tuple[str, ...]]

    def of(self, name: str, inputs: ImageInputs, work_tree: WorkTree) -> tuple[str, ...]:
        """Those of an image, less the symlinks that lead to one of its inputs."""
        paths = self.paths[name]
        known = frozenset(inputs.paths(name)) if paths else frozenset()
        return tuple(path for path in paths if link_target(work_tree, path) not in known)


@rule
async def all_crate_inputs(
    workspace: CargoWorkspace, listing: Listing, configuration: Configuration
) -> CrateInputs:
    if configuration.scheme is not Scheme.STRICT:
        return CrateInputs(crate_inputs(workspace, listing))
    references = await Get(RustReferences)
    return CrateInputs(crate_inputs(workspace, listing, references.by_source))


@rule
def all_image_inputs(
    images: Images,
    workspace: CargoWorkspace,
    crates: CrateInputs,
    listing: Listing,
    configuration: Configuration,
) -> ImageInputs:
    groups = {
        image.name: image_inputs(
            image, images.graph, workspace, crates.files, listing, configuration.scheme
        )
        for image in images.graph.images
    }
    indices: dict[tuple[str, ...], int] = {}
    by_image = {
        name: tuple(indices.setdefault(run, len(indices)) for run in input_runs(groups[name]))
        for name in groups
    }
    return ImageInputs(groups, tuple(indices), by_image)


@rule
async def all_missed_inputs(
    images: Images,
    workspace: CargoWorkspace,
    listing: Listing,
    inputs: ImageInputs,
    configuration: Configuration,
) -> MissedInputs:
    if configuration.scheme is Scheme.STRICT:
        return MissedInputs(dict.fromkeys(inputs.groups, ()))
    references = await Get(RustReferences)
    files = crate_inputs(workspace, listing, references.by_source)
    return MissedInputs(
        {
            image.name: missed_inputs(
                image, inputs.paths(image.name), images.graph, workspace, files, listing
            )
            for image in images.graph.images
        }
    )


@rule
async def all_fingerprints(configuration: Configuration) -> Fingerprints:
    configured = await Get(ConfiguredFingerprints, FingerprintsRequest(configuration))
    return Fingerprints(configured.fingerprints, configured.specs)


@rule
def published_configurations(
    mzbuild: Mzbuild, configuration: Configuration
) -> PublishedConfigurations:
    archs = dict.fromkeys(mzbuild.archs or [configuration.arch])
    return PublishedConfigurations(tuple(configuration.with_arch(arch) for arch in archs))


@rule
def configured_fingerprints(
    request: FingerprintsRequest,
    images: Images,
    inputs: ImageInputs,
    work_tree: WorkTree,
    log: FingerprintLogFile,
    mzbuild: Mzbuild,
) -> ConfiguredFingerprints:
    records = _RECORDS.of(work_tree, inputs.runs, declared_records(images.graph.images))
    raw = raw_fingerprints(
        images.graph, inputs.by_image, records.__getitem__, request.configuration
    )
    fingerprints = {name: show_fingerprint(value) for name, value in raw.items()}
    # This comes here only when something has changed.
    found = Survey(inputs.groups, fingerprints, {})
    record = input_records(images, work_tree)
    log.add(Snapshot(request.configuration, found, images.graph.dependencies, record))
    return ConfiguredFingerprints(
        fingerprints,
        {name: mzbuild.spec(name, fingerprint) for name, fingerprint in fingerprints.items()},
    )


@rule
def survey_images(
    images: Images,
    workspace: CargoWorkspace,
    crates: CrateInputs,
    listing: Listing,
    work_tree: WorkTree,
    configuration: Configuration,
) -> Survey:
    return survey(
        images.graph,
        lambda image: image_inputs(
            image, images.graph, workspace, crates.files, listing, configuration.scheme
        ),
        input_records(images, work_tree),
        configuration,
    )


def input_files(images: Images, work_tree: WorkTree) -> Callable[[str], InputFile]:
    """What gives an input's mode and content by its path, as they count for the fingerprint.

    It raises `MzbuildError` for a file that cannot be read.
    """
    # An image that a BUILD file declares has its declaration in place of a file.
    declared = {
        image.mzbuild_yml: InputFile(REGULAR, bytes_digests(canonical_mzbuild_yml(image)))
        for image in images.graph.images
        if not image.declared_in_file
    }

    def file(path: str) -> InputFile:
        known = declared.get(path)
        return known or InputFile(work_tree.mode(path), CONTENTS.get(work_tree, path))

    return file


def input_records(images: Images, work_tree: WorkTree) -> Callable[[str], bytes]:
    """What gives the `input_record` of each input by its path, and remembers it."""
    file = input_files(images, work_tree)

    @cache
    def record(path: str) -> bytes:
        mode, content = file(path)
        return input_record(path, mode, content.sha1)

    return record


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
