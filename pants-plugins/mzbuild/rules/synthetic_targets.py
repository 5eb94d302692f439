"""The targets that no BUILD file declares: images, their actions, crates, files they share."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count, takewhile
from typing import Any

from pants.engine.addresses import Address
from pants.engine.internals.synthetic_targets import (
    SyntheticAddressMaps,
    SyntheticTargetsRequest,
)
from pants.engine.internals.target_adaptor import TargetAdaptor
from pants.engine.rules import Rule
from pants.engine.target import Target
from pants.engine.unions import UnionRule

from mzbuild.core.actions.action import Action
from mzbuild.core.cargo.workspace import ROOT_MANIFEST, Crate, shared_globs
from mzbuild.core.configuration import Configuration, Scheme
from mzbuild.core.git.glob import escape_glob
from mzbuild.core.image.declaration import Image
from mzbuild.core.paths import under
from mzbuild.core.work_tree.listing import Listing, is_under, less_nested, nesting
from mzbuild.pants_api import collect_rules, concurrently, implicitly, rule, synthetic_address_map
from mzbuild.rules.build_files import BuildFiles, DeclaredTargets
from mzbuild.rules.declarations import Declarations, LinkTargets
from mzbuild.rules.pre_image import PreImageActions
from mzbuild.rules.repository import CrateInputs, all_crate_inputs, cargo_workspace
from mzbuild.target_types import (
    BuildArgsField,
    CargoCrateTarget,
    CargoWorkspaceTarget,
    CrateInputsField,
    ImageNameField,
    InputsField,
    MainlineField,
    MzbuildFilesTarget,
    MzbuildImageTarget,
    PreImageField,
    PublishField,
)

WORKSPACE_TARGET_NAME = "cargo-workspace"

# Names the file that targets appear to come from where there is no such file.
_NO_FILE = "BUILD.mzbuild"


@dataclass(frozen=True)
class MzbuildTargetsRequest(SyntheticTargetsRequest):
    path: str = SyntheticTargetsRequest.SINGLE_REQUEST_FOR_ALL_TARGETS


@dataclass(frozen=True)
class MadeTargets:
    """The targets that no BUILD file declares, by the file that they appear to come from.

    A target of the same name in a BUILD file takes the place of one of these.
    """

    by_file: Mapping[str, tuple[TargetAdaptor, ...]]

    @cached_property
    def by_address(self) -> Mapping[Address, TargetAdaptor]:
        return {
            Address(posixpath.dirname(file), target_name=target.name): target
            for file, targets in self.by_file.items()
            for target in targets
        }

    def dependencies(self, address: Address) -> tuple[Address, ...]:
        """What the target that was made at an address depends on."""
        made = self.by_address.get(address)
        paths = made.kwargs.get("dependencies", ()) if made else ()
        directories_and_names = (path[len("//") :].split(":") for path in paths)
        return tuple(
            Address(directory, target_name=name) for directory, name in directories_and_names
        )


class _Targets:
    """The targets made so far, by the file that they appear to come from."""

    def __init__(self, declared: DeclaredTargets) -> None:
        self.by_file: dict[str, list[TargetAdaptor]] = defaultdict(list)
        self._declared = declared
        self._names: set[tuple[str, str]] = set()

    def name(self, directory: str, target_type: type[Target], wanted: str) -> str:
        """Takes a name in a directory: the wanted one, with a number where another target of here,
        or one of another type in a BUILD file, has it."""
        candidates = (wanted if number == 1 else f"{wanted}-{number}" for number in count(1))
        name = next(
            name
            for name in candidates
            if (directory, name) not in self._names
            and not self._declared.is_taken(directory, name, target_type.alias)
        )
        self._names.add((directory, name))
        return name

    def add(self, file: str, target_type: type[Target], name: str, **fields: Any) -> None:
        """Makes a target that appears to come from a file."""
        self.by_file[file].append(TargetAdaptor(target_type.alias, name, file, **fields))


@rule
def synthetic_targets(
    request: MzbuildTargetsRequest, made: MadeTargets, build_files: BuildFiles
) -> SyntheticAddressMaps:
    return SyntheticAddressMaps(
        synthetic_address_map(file, targets, build_files.digest)
        for file, targets in made.by_file.items()
    )


@rule
async def make_targets(
    declarations: Declarations,
    link_targets: LinkTargets,
    configuration: Configuration,
    declared: DeclaredTargets,
    known: PreImageActions,
) -> MadeTargets:
    targets, all_links = _Targets(declared), link_targets.by_link
    images, workspace = declarations.images, declarations.workspace
    shared, read = workspace, CrateInputs({})
    if configuration.scheme is Scheme.STRICT:
        # Configuration, sources and symlinks lead to inputs that no manifest tells of.
        shared, read = await concurrently(
            cargo_workspace(**implicitly()), all_crate_inputs(**implicitly())
        )
    # The names that people type are taken first: those of images, then those of crates.
    image_names = [
        targets.name(image.context, MzbuildImageTarget, declared.image_target_name(image))
        for image in images
    ]
    # At the root, which has no name, a crate's target goes by the crate's.
    crate_names = [
        targets.name(
            crate.directory, CargoCrateTarget, posixpath.basename(crate.directory) or crate.name
        )
        for crate in workspace.crates
    ]
    nested_contexts = nesting(image.context for image in images)
    for image, name in zip(images, image_names):
        nested = nested_contexts[image.context]
        _add_image(targets, name, image, known.with_targets(image), nested, all_links)
    for crate, name in zip(workspace.crates, crate_names):
        nested = workspace.nested[crate.directory]
        links = _links_in(all_links, crate.directory, nested)
        _add_crate(targets, name, crate, nested, [*links, *read.files.get(crate.name, ())])
    if workspace.crates:
        targets.add(
            # The target is the root's, wherever the workspace is.
            _NO_FILE if workspace.root else ROOT_MANIFEST,
            CargoWorkspaceTarget,
            targets.name("", CargoWorkspaceTarget, WORKSPACE_TARGET_NAME),
            **{InputsField.alias: shared_globs(configuration.scheme, shared)},
        )
    return MadeTargets({file: tuple(made) for file, made in targets.by_file.items()})


def _add_image(
    targets: _Targets,
    name: str,
    image: Image,
    actions: Iterable[tuple[Action, type[Target]]],
    nested: tuple[str, ...],
    all_links: Mapping[str, str],
) -> None:
    links = _links_in(all_links, image.context, nested)
    fields = {
        InputsField.alias: (*InputsField.default, *_excluded(image.context, nested)),
        ImageNameField.alias: image.name,
        "description": image.description,
        PublishField.alias: image.publish,
        MainlineField.alias: image.mainline,
        BuildArgsField.alias: dict(image.build_args),
        PreImageField.alias: [
            f":{_add_action(targets, image, action, target_type, all_links)}"
            for action, target_type in actions
        ],
        "dependencies": _linked_files(targets, image.context, links, f"linked-by-{image.name}"),
    }
    targets.add(image.origin, MzbuildImageTarget, name, **fields)


def _add_action(
    targets: _Targets,
    image: Image,
    action: Action,
    target_type: type[Target],
    all_links: Mapping[str, str],
) -> str:
    name = targets.name(image.context, target_type, action.type)
    fields = dict(action.canonical())
    if action.taken:
        fields["dependencies"] = _taken_files(targets, image, action, all_links)
    targets.add(image.origin, target_type, name, **fields)
    return name


def _taken_files(
    targets: _Targets, image: Image, action: Action, all_links: Mapping[str, str]
) -> list[str]:
    """Makes targets for the files that an action takes; only one beside them can own them."""
    made: list[str] = []
    links = action.select(Listing(tuple(sorted(all_links))))
    for directory, globs in action.taken:
        relative = [posixpath.relpath(glob, directory or ".") for glob in globs]
        made.append(_add_files(targets, directory, f"copied-by-{image.name}", relative))
        leading_to = [all_links[link] for link in links]
        made += _linked_files(targets, directory, leading_to, f"linked-by-{image.name}")
    return made


def _links_in(all_links: Mapping[str, str], directory: str, nested: tuple[str, ...]) -> list[str]:
    """The files that symlinks in a directory lead to."""
    inside = tuple(link for link in all_links if is_under(link, directory))
    return [all_links[link] for link in less_nested(inside, nested)]


def _linked_files(targets: _Targets, directory: str, links: Iterable[str], name: str) -> list[str]:
    """Makes targets for the files elsewhere that symlinks lead to: they are inputs as well."""
    elsewhere: dict[str, set[str]] = defaultdict(set)
    for target in links:
        if not is_under(target, directory):
            elsewhere[posixpath.dirname(target)].add(escape_glob(posixpath.basename(target)))
    return [
        _add_files(targets, owner, name, sorted(globs))
        for owner, globs in sorted(elsewhere.items())
    ]


def _add_files(targets: _Targets, directory: str, wanted: str, globs: Iterable[str]) -> str:
    # Pants knows no targets in hidden directories, but one above may own their files.
    visible = list(takewhile(lambda part: not part.startswith("."), directory.split("/")))
    owner = "/".join(visible)
    name = targets.name(owner, MzbuildFilesTarget, wanted)
    sources = tuple(posixpath.relpath(under(directory, glob), owner or ".") for glob in globs)
    targets.add(under(owner, _NO_FILE), MzbuildFilesTarget, name, **{InputsField.alias: sources})
    return f"//{owner}:{name}"


def _add_crate(
    targets: _Targets, name: str, crate: Crate, nested: tuple[str, ...], links: Iterable[str]
) -> None:
    fields = {
        InputsField.alias: (
            *CrateInputsField.default,
            *_excluded(crate.directory, nested),
        ),
        "dependencies": _linked_files(
            targets, crate.directory, links, f"linked-by-{crate.package}"
        ),
    }
    targets.add(crate.manifest.path, CargoCrateTarget, name, **fields)


def _excluded(directory: str, nested: Iterable[str]) -> list[str]:
    return [f"!{escape_glob(posixpath.relpath(other, directory or '.'))}/**" for other in nested]


def rules() -> Iterable[Rule | UnionRule]:
    return (*collect_rules(), *MzbuildTargetsRequest.rules())
