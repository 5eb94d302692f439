"""The sources that Cargo builds from, as they are fingerprinted."""

from __future__ import annotations

from pants.engine.rules import Rule

from mzbuild.core.cargo.sources import SourceParts, SourceTree
from mzbuild.core.cargo.vendored import Vendored
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.core.work_tree.links import LinkedListing
from mzbuild.pants_api import collect_rules, rule
from mzbuild.rules.repository import CONTENTS, CrateInputs

# It lives as long as pantsd does; what it remembers is used only while the files are the same.
_PARTS = SourceParts(CONTENTS)


@rule
def source_tree(
    workspace: CargoWorkspace,
    crates: CrateInputs,
    work_tree: WorkTree,
    listing: LinkedListing,
) -> SourceTree:
    vendored = Vendored(workspace.vendored)
    return SourceTree(workspace, listing, work_tree, crates.files, vendored, _PARTS)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
