"""The images that BUILD files declared in another revision."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from pants.build_graph.address import Address, AddressInput
from pants.engine.env_vars import CompleteEnvironmentVars, EnvironmentVars
from pants.engine.fs import FileContent
from pants.engine.internals.build_files import BUILDFileEnvVarExtractor
from pants.engine.internals.defaults import BuildFileDefaults, BuildFileDefaultsParserState
from pants.engine.internals.parser import BuildFilePreludeSymbols, Parser
from pants.engine.internals.target_adaptor import TargetAdaptor
from pants.engine.rules import Rule
from pants.engine.target import RegisteredTargetTypes, Target, Targets
from pants.engine.unions import UnionMembership
from pants.option.global_options import GlobalOptions

from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import collect_rules, rule
from mzbuild.rules.build_files import parse_build_file
from mzbuild.rules.images import declared_image
from mzbuild.rules.pre_image import PreImageActions
from mzbuild.target_types import MzbuildImageTarget, PreImageField


@dataclass(frozen=True)
class BuildFileReader:
    """What it takes to read BUILD files that are not in the work tree.

    Macros are those of now: Pants has no others.
    """

    patterns: tuple[str, ...]
    parser: Parser
    macros: BuildFilePreludeSymbols
    target_types: RegisteredTargetTypes
    union_membership: UnionMembership
    actions: PreImageActions

    def select(self, listing: Listing) -> tuple[str, ...]:
        """The paths of the BUILD files."""
        is_build_file = re.compile("|".join(map(fnmatch.translate, self.patterns))).match
        return tuple(p for p in listing.paths if is_build_file(posixpath.basename(p)))

    def images(self, files: Mapping[str, bytes], env: CompleteEnvironmentVars) -> tuple[Image, ...]:
        """The images that all the BUILD files of a repository declare, which are by their paths.

        Raises `MzbuildError` for files that cannot be read.
        """
        targets: dict[Address, Target] = {}
        known = (MzbuildImageTarget.alias, *self.actions.target_types)
        defaults: dict[str, BuildFileDefaults] = {}
        for directory, paths in groupby(sorted(files, key=posixpath.split), posixpath.dirname):
            state = BuildFileDefaultsParserState.create(
                directory,
                _inherited(directory, defaults),
                self.target_types,
                self.union_membership,
            )
            for path in paths:
                for name, adaptor in self._parse(path, files[path], state, env).items():
                    if adaptor.type_alias in known:
                        address = Address(directory, target_name=name)
                        target_type = self.target_types.aliases_to_types[adaptor.type_alias]
                        targets[address] = target_type(
                            adaptor.kwargs, address, self.union_membership
                        )
            defaults[directory] = state.get_frozen_defaults()
        return tuple(
            declared_image(
                target,
                (self.actions.declared_by(action, target) for action in _actions(target, targets)),
            )
            for target in targets.values()
            if target.alias == MzbuildImageTarget.alias
        )

    def _parse(
        self,
        path: str,
        content: bytes,
        defaults: BuildFileDefaultsParserState,
        env: CompleteEnvironmentVars,
    ) -> Mapping[str, TargetAdaptor]:
        try:
            names = BUILDFileEnvVarExtractor.get_env_vars(FileContent(path, content))
        except (SyntaxError, ValueError) as error:
            raise MzbuildError.of_lines(f"{path}: {error}") from None
        variables = EnvironmentVars(env.get_subset((*names, *self.macros.referenced_env_vars)))
        return parse_build_file(path, content, self.parser, self.macros, defaults, variables)


@rule
def build_file_reader(
    parser: Parser,
    macros: BuildFilePreludeSymbols,
    target_types: RegisteredTargetTypes,
    union_membership: UnionMembership,
    actions: PreImageActions,
    global_options: GlobalOptions,
) -> BuildFileReader:
    patterns = tuple(global_options.build_patterns)
    return BuildFileReader(patterns, parser, macros, target_types, union_membership, actions)


def _inherited(directory: str, defaults: Mapping[str, BuildFileDefaults]) -> BuildFileDefaults:
    while directory:
        directory = posixpath.dirname(directory)
        if directory in defaults:
            return defaults[directory]
    return BuildFileDefaults({})


def _actions(image: Target, targets: Mapping[Address, Target]) -> Targets:
    actions = []
    for value in image[PreImageField].value or ():
        address = AddressInput.parse(
            value,
            relative_to=image.address.spec_path,
            description_of_origin=f"the field `pre_image` of {image.address}",
        ).dir_to_address()
        if address not in targets:
            raise MzbuildError(
                f"{image.description_of_origin}: `pre_image` names {value}, which is no action."
            )
        actions.append(targets[address])
    return Targets(actions)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
