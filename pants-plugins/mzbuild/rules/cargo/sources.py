"""The sources that Cargo builds from, as they are fingerprinted."""

from __future__ import annotations

from pants.engine.rules import Rule, collect_rules, rule

from mzbuild.core.cargo.sources import SourceParts, SourceTree
from mzbuild.core.cargo.vendored import vendored_directories
from mzbuild.core.cargo.workspace import CargoWorkspace, config_files
from mzbuild.core.work_tree.files import FileCache, WorkTree, read_content
from mzbuild.core.work_tree.listing import Listing
from mzbuild.rules.fingerprints import CrateInputs
from mzbuild.rules.repository import CONTENTS

# These live as long as pantsd does; what they remember is used only while the files are the same.
_PARTS = SourceParts(CONTENTS)
_VENDORED = FileCache(lambda absolute, path: vendored_directories(read_content(absolute), path))


@rule
def source_tree(
    workspace: CargoWorkspace, crates: CrateInputs, work_tree: WorkTree, listing: Listing
) -> SourceTree:
    configs = config_files(listing, workspace)
    directories = {each for path in configs for each in _VENDORED.get(work_tree, path)}
    vendored = frozenset(path for each in directories for path in listing.under(each))
    return SourceTree(workspace, listing, work_tree, crates.files, vendored, _PARTS)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
