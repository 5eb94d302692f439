"""The images that a command was given, for rules that Pants hands them one at a time."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs import Specs
from pants.base.specs_parser import SpecsParser
from pants.build_graph.address import ResolveError
from pants.engine.addresses import Address, Addresses
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.options_parsing import _Options
from pants.engine.internals.session import SessionValues
from pants.engine.rules import Get, _uncacheable_rule, collect_rules, rule
from pants.vcs import changed, git
from pants.vcs.changed import ChangedAddresses, ChangedOptions, ChangedRequest
from pants.vcs.git import GitWorktreeRequest, MaybeGitWorktree

from mzbuild.core.image.declaration import Image
from mzbuild.rules.fingerprints import Fingerprints
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.registries import Registries

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SelectedImages:
    """A command's targets, and the names of the images among them, sorted.

    With `to_publish`, `publish` is all that the command is to do with them.
    """

    addresses: tuple[Address, ...]
    names: tuple[str, ...]
    to_publish: bool


@dataclass(frozen=True)
class PublishedImages:
    """The images among a goal's targets that are published, sorted by name."""

    images: tuple[Image, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(image.name for image in self.images)


@_uncacheable_rule
def published_images(
    addresses: Addresses,
    images: Images,
    fingerprints: Fingerprints,
    registries: Registries,
    warnings: ImageWarnings,
) -> PublishedImages:
    registries.check()
    selected = [images.names[address] for address in addresses if address in images.names]
    found = [images.graph.by_name[name] for name in sorted(selected)]
    published = tuple(image for image in found if image.publish)
    fingerprints.check(images.graph, (image.name for image in published))
    if not published:
        logger.warning("None of the targets is an image to publish. `::` stands for all images.")
    return PublishedImages(published)


# Pants tells goals what was selected, but not the rules that package one target each. So it is
# found out here as Pants does it before it starts a goal (`pants.init.specs_calculator`), but for
# the directory that the command was given in: of that, only the shell's word is to be had here.
# Where it is wrong, so is the selection; then what is packaged is planned one by one.
@rule
async def selected_images(
    parsed: _Options,
    session_values: SessionValues,
    build_root: BuildRoot,
    images: Images,
) -> SelectedImages:
    options = parsed.options
    changes = ChangedOptions.from_options(options.for_scope("changed"))
    if changes.provided:
        git_worktree = (await Get(MaybeGitWorktree, GitWorktreeRequest())).git_worktree
        files = changes.changed_files(git_worktree) if git_worktree else []
        request = ChangedRequest(tuple(files), changes.dependents)
        addresses = Addresses(await Get(ChangedAddresses, ChangedRequest, request))
    else:
        directory = session_values[CompleteEnvironmentVars].get("PWD", "")
        inside = f"{directory}/".startswith(f"{build_root.path}/")
        try:
            specs = SpecsParser(working_dir=directory if inside else None).parse_specs(
                options.specs,
                description_of_origin="the command line",
                unmatched_glob_behavior=GlobMatchErrorBehavior.ignore,
            )
            addresses = await Get(Addresses, Specs, specs)
        except (SpecsParser.BadSpecError, ResolveError) as error:
            logger.debug(f"The command was not given in {directory}: {error}")
            addresses = Addresses()
    return SelectedImages(
        tuple(addresses),
        tuple(sorted(images.names[address] for address in addresses if address in images.names)),
        to_publish=options.goals == ["publish"],
    )


def rules() -> tuple[object, ...]:
    return (*collect_rules(), *changed.rules(), *git.rules())  # type: ignore[no-untyped-call]
