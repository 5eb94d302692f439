"""What Pants sees of images and crates: what the targets without a BUILD file are made from.

Targets come from Pants' own view of the repository and not from Git's, which is taken anew in each
run: Pants would have to look at every target of the repository again in each run. The two views
differ only where ignore rules do, and what is built and named is always as Git sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.engine.fs import PathGlobs
from pants.engine.rules import Rule

from mzbuild.core.cargo.manifest import CargoToml, parse_cargo_toml
from mzbuild.core.cargo.members import load_workspace
from mzbuild.core.cargo.workspace import ROOT_MANIFEST, CargoWorkspace
from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.glob import escape_glob
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.mzbuild_yml import FILE_NAME, declared_in
from mzbuild.core.paths import under
from mzbuild.core.work_tree.files import link_targets
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import (
    collect_rules,
    contents_of_globs,
    implicitly,
    paths_of_globs,
    rule,
)
from mzbuild.rules.pre_image import PreImageActions
from mzbuild.subsystems.mzbuild_cargo import MzbuildCargo


@dataclass(frozen=True)
class Declarations:
    """The images that files declare, and the crates of the workspace.

    Only what stands in these files is filled in.
    """

    images: tuple[Image, ...]
    workspace: CargoWorkspace


@dataclass(frozen=True)
class LinkTargets:
    """The files that symlinks in the directories of images, crates and copies lead to."""

    by_link: Mapping[str, str]


@rule
async def declarations(mzbuild_cargo: MzbuildCargo, actions: PreImageActions) -> Declarations:
    files = await contents_of_globs(
        PathGlobs([f"**/{FILE_NAME}", f"**/{ROOT_MANIFEST}"]), **implicitly()
    )
    contents = {file.path: file.content for file in files}
    listing = Listing(tuple(sorted(contents)))
    # There are targets even where a file has a mistake. Who asks for what it declares is told.
    images = tuple(
        declared_in(path, contents.__getitem__, actions.types).image
        for path in listing.named(FILE_NAME)
    )
    manifests: dict[str, CargoToml] = {}
    for path in listing.named(ROOT_MANIFEST):
        with suppress(MzbuildError):
            manifests[path] = parse_cargo_toml(contents[path], path)
    workspace = load_workspace(
        Listing(tuple(manifests)),
        manifests.__getitem__,
        mzbuild_cargo.workspace_root,
        lenient=True,
    )
    return Declarations(images, workspace)


# By itself, since only targets are made of it: it looks at each file, whenever some come or go.
@rule
async def all_link_targets(build_root: BuildRoot, declarations: Declarations) -> LinkTargets:
    images = declarations.images
    directories = [image.context for image in images]
    directories += [crate.directory for crate in declarations.workspace.crates]
    directories += [
        taken.directory for image in images for action in image.pre_image for taken in action.taken
    ]
    # This rule runs again when files come and go, or a symlink leads elsewhere.
    paths = await paths_of_globs(
        PathGlobs(under(escape_glob(name), "**/*") for name in directories), **implicitly()
    )
    return LinkTargets(link_targets(build_root.path, paths.files))


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
