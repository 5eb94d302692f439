"""What BUILD files declare beside images and crates, read without making any target of it."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count

from pants.base.exceptions import MappingError
from pants.engine.env_vars import EnvironmentVars
from pants.engine.fs import Digest, PathGlobs
from pants.engine.internals.build_files import BuildFileOptions
from pants.engine.internals.defaults import BuildFileDefaults, BuildFileDefaultsParserState
from pants.engine.internals.parser import BuildFilePreludeSymbols, Parser
from pants.engine.internals.target_adaptor import TargetAdaptor
from pants.engine.rules import Rule
from pants.engine.target import RegisteredTargetTypes
from pants.engine.unions import UnionMembership

from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.pants_api import (
    collect_rules,
    get_digest_contents,
    implicitly,
    parse_targets,
    path_globs_to_digest,
    rule,
)
from mzbuild.rules.declarations import Declarations
from mzbuild.target_types import MzbuildImageTarget


@dataclass(frozen=True)
class BuildFiles:
    """All BUILD files, by their paths."""

    digest: Digest
    contents: Mapping[str, bytes]


@dataclass(frozen=True)
class DeclaredTargets:
    """The targets that BUILD files declare in the root and where images and crates are: the aliases
    of their types by name, by directory.

    A file with a mistake has none here: Pants tells whoever asks for its targets.
    """

    by_directory: Mapping[str, Mapping[str, str]]

    def is_taken(self, directory: str, name: str, type_alias: str) -> bool:
        """Whether a target of another type has the name."""
        declared = self.by_directory.get(directory, {}).get(name)
        return declared not in (None, type_alias)

    def image_target_name(self, image: Image) -> str:
        """The name of the target of an image that has an `mzbuild.yml`: the directory's own.

        Where a target of another type has that, it is the name of the `mzbuild_image` beside that
        one, or else `image`. The root has no name: there, the image gives its own.
        """
        declared = self.by_directory.get(image.context, {})
        default = posixpath.basename(image.context) or image.name
        if not self.is_taken(image.context, default, MzbuildImageTarget.alias):
            return default
        own = [name for name in declared if declared[name] == MzbuildImageTarget.alias]
        others = chain(("image",), (f"image-{number}" for number in count(2)))
        return own[0] if own else next(name for name in others if name not in declared)


@rule
async def build_files(options: BuildFileOptions) -> BuildFiles:
    globs = [f"**/{pattern}" for pattern in options.patterns]
    globs += [f"!{ignored}" for ignored in options.ignores]
    digest = await path_globs_to_digest(PathGlobs(globs), **implicitly())
    files = await get_digest_contents(digest, **implicitly())
    return BuildFiles(digest, {file.path: file.content for file in files})


@rule
def declared_targets(
    files: BuildFiles,
    declarations: Declarations,
    parser: Parser,
    macros: BuildFilePreludeSymbols,
    target_types: RegisteredTargetTypes,
    union_membership: UnionMembership,
) -> DeclaredTargets:
    directories = {"", *(image.context for image in declarations.images)}
    directories |= {crate.directory for crate in declarations.workspace.crates}
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path, content in files.contents.items():
        directory = posixpath.dirname(path)
        if directory not in directories:
            continue
        # Neither defaults of fields nor the environment give a target its name or its type.
        defaults = BuildFileDefaultsParserState.create(
            directory, BuildFileDefaults({}), target_types, union_membership
        )
        with suppress(MzbuildError):
            parsed = parse_build_file(path, content, parser, macros, defaults, EnvironmentVars())
            for name, adaptor in parsed.items():
                found[directory][name] = adaptor.type_alias
    return DeclaredTargets(dict(found))


def parse_build_file(
    path: str,
    content: bytes,
    parser: Parser,
    macros: BuildFilePreludeSymbols,
    defaults: BuildFileDefaultsParserState,
    env: EnvironmentVars,
) -> Mapping[str, TargetAdaptor]:
    """The targets of a BUILD file, by their names.

    Raises `MzbuildError` for one that cannot be read.
    """
    try:
        return parse_targets(path, content.decode(), parser, macros, env, defaults)
    except (MappingError, SyntaxError, ValueError) as error:
        raise MzbuildError(f"{path}: {error}") from None


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
