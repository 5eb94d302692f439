"""The inputs and the fingerprints of all images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Callable

from pants.engine.rules import Rule

from mzbuild.core.actions.action import Repository
from mzbuild.core.cargo.includes import crate_inputs, git_readers
from mzbuild.core.configuration import Configuration, Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.explain.snapshot import Snapshot, declared_records
from mzbuild.core.fingerprint.inputs import (
    ImageInputs,
    InputFile,
    all_inputs,
    image_inputs,
    missed_inputs,
    uncovered_inputs,
)
from mzbuild.core.fingerprint.records import InputRecords
from mzbuild.core.fingerprint.scheme import input_record
from mzbuild.core.fingerprint.survey import Survey, concerning, failures, survey
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.image.mzbuild_yml import canonical_mzbuild_yml
from mzbuild.core.work_tree.files import REGULAR, WorkTree, bytes_digests, link_target
from mzbuild.pants_api import collect_rules, concurrently, implicitly, rule
from mzbuild.rules.fingerprint_logs import FingerprintLogFile
from mzbuild.rules.images import Images
from mzbuild.rules.repository import (
    CONTENTS,
    KeptFiles,
    all_outward_links,
    all_rust_references,
    current_linked_listing,
    find_vendored,
)
from mzbuild.subsystems.mzbuild import Mzbuild

# Lives as long as pantsd does; what it remembers is used only while the files are as they were.
_RECORDS = InputRecords(CONTENTS)


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprint and the spec of each image, by its name; or the reason why it has none."""

    fingerprints: Mapping[str, str]
    specs: Mapping[str, str]
    errors: Mapping[str, str]

    def check(self, graph: ImageGraph, names: Iterable[str]) -> None:
        """Raises `MzbuildError` where some of these images, or of what they build on, have none."""
        errors = concerning(names, graph.dependencies, self.errors)
        if errors:
            raise MzbuildError.of_lines("\n".join(failures(errors)))

    def broken(self, names: Iterable[str]) -> Mapping[str, str]:
        """Those of some images that have no fingerprint, with why."""
        return {name: self.errors[name] for name in names if name in self.errors}


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
class MissedInputs:
    """For each image, the inputs that only the strict scheme has, sorted; where that is in use,
    what it does not cover either, in words."""

    paths: Mapping[str, tuple[str, ...]]
    uncovered: Mapping[str, tuple[str, ...]]

    def of(self, name: str, inputs: ImageInputs, work_tree: WorkTree) -> tuple[str, ...]:
        """Those of an image, less the symlinks that lead to one of its inputs."""
        paths = self.paths.get(name, ())
        known = frozenset(inputs.paths(name)) if paths else frozenset()
        return tuple(path for path in paths if link_target(work_tree, path) not in known)


@rule
async def all_image_inputs(
    images: Images, repository: Repository, configuration: Configuration
) -> ImageInputs:
    if configuration.scheme is Scheme.STRICT:
        # The `mzbuild` scheme goes through no symlink.
        listing, vendored = await concurrently(
            current_linked_listing(**implicitly()), find_vendored(**implicitly())
        )
        repository = replace(repository, listing=listing, vendored=vendored)
    graph = images.graph
    return all_inputs(graph.images, lambda image: image_inputs(image, graph, repository))


@rule
async def all_missed_inputs(
    images: Images, repository: Repository, inputs: ImageInputs
) -> MissedInputs:
    references = await all_rust_references(**implicitly())
    if repository.scheme is Scheme.STRICT:
        asks_git = repository.cargo_options.git
        readers = git_readers(references.by_source) if asks_git else frozenset()
        links = (await all_outward_links(**implicitly())).paths
        uncovered = uncovered_inputs(images.graph.images, inputs, readers, links)
        return MissedInputs(dict.fromkeys(inputs.groups, ()), uncovered)
    linked, vendored = await concurrently(
        current_linked_listing(**implicitly()), find_vendored(**implicitly())
    )
    files = crate_inputs(repository.workspace, linked, references.by_source)
    strict = replace(
        repository,
        listing=linked,
        crate_files=files,
        scheme=Scheme.STRICT,
        vendored=vendored,
    )
    missed: dict[str, tuple[str, ...]] = {}
    for image in images.graph.images:
        if image.name not in inputs.groups:
            continue
        # What cannot be told of the strict scheme's inputs is for those to know who use it.
        with suppress(MzbuildError):
            missed[image.name] = missed_inputs(image, inputs, images.graph, strict)
    return MissedInputs(missed, {})


@rule
async def all_fingerprints(configuration: Configuration) -> Fingerprints:
    configured = await configured_fingerprints(FingerprintsRequest(configuration), **implicitly())
    return Fingerprints(configured.fingerprints, configured.specs, configured.errors)


@rule
def published_configurations(
    mzbuild: Mzbuild, configuration: Configuration
) -> PublishedConfigurations:
    archs = dict.fromkeys(mzbuild.archs or [configuration.arch])
    return PublishedConfigurations(tuple(configuration.with_arch(arch) for arch in archs))


# Async, or later versions of Pants would not see it from a rule above.
@rule
async def configured_fingerprints(
    request: FingerprintsRequest,
    /,
    images: Images,
    inputs: ImageInputs,
    work_tree: WorkTree,
    kept_files: KeptFiles,
    log: FingerprintLogFile,
    mzbuild: Mzbuild,
) -> ConfiguredFingerprints:
    with kept_files.of(CONTENTS, "contents.json", work_tree):
        records = _RECORDS.of(work_tree, inputs.runs, declared_records(images.graph.images))
    found = survey(images.graph, inputs, records, request.configuration)
    # This comes here only when something has changed.
    record = input_records(images, work_tree)
    joined = {run: known for run, known in zip(inputs.runs, records) if isinstance(known, bytes)}
    log.add(Snapshot(request.configuration, found, images.graph.dependencies, record, joined))
    specs = {name: mzbuild.spec(name, value) for name, value in found.fingerprints.items()}
    return ConfiguredFingerprints(found.fingerprints, specs, found.errors)


@rule
def survey_images(inputs: ImageInputs, fingerprints: Fingerprints) -> Survey:
    return Survey(inputs.groups, fingerprints.fingerprints, fingerprints.errors)


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
