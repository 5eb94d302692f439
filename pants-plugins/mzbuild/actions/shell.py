"""The `shell` pre-image action: a command in a sandbox, which Pants runs again for other inputs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.util_rules.system_binaries import BinaryShimsRequest
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.fs import CreateDigest, Directory, MergeDigests
from pants.engine.internals.graph import OwnersRequest
from pants.engine.internals.session import SessionValues
from pants.engine.process import Process
from pants.engine.rules import Rule
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    StringField,
    StringSequenceField,
    Target,
)
from pants.engine.unions import UnionRule
from pants.util.strutil import help_text

from mzbuild.actions.targets import entries_of
from mzbuild.core.actions.shell import ShellAction
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import ImageInputs, context_paths
from mzbuild.core.paths import under
from mzbuild.core.safe import printable
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import (
    collect_rules,
    create_digest,
    create_shims,
    execute_process,
    find_owners,
    get_digest_entries,
    implicitly,
    merge_digests,
    rule,
    uncacheable_rule,
)
from mzbuild.rules.captured_files import capture_files, files_to_capture
from mzbuild.rules.images import MzbuildTargets
from mzbuild.rules.pre_image import PreImageRequest, PreImageResult
from mzbuild.target_types import InferredDependenciesField

# How many lines of what a failed command printed are in the error.
_SHOWN = 25


class CommandField(StringField):
    alias = "command"
    required = True
    help = help_text(
        """
        The command, which `sh` runs in the image's directory of a sandbox. For example,
        `command="./render.sh > site/index.html"`.
        """
    )


class ToolsField(StringSequenceField):
    alias = "tools"
    help = help_text(
        """
        The programs of this machine that the command may use, by name. For example,
        `tools=["cat", "sed"]`.
        """
    )


class CommandInputsField(StringSequenceField):
    alias = "inputs"
    help = help_text(
        """
        The files that are there, besides those of the image's directory: globs relative to the
        repository's root, in which `**` stands for any directories. One that begins with `:^`
        leaves files out. For example, `inputs=["doc/**/*.md", ":^doc/drafts"]`.
        """
    )


class OutputsField(StringSequenceField):
    alias = "outputs"
    required = True
    help = help_text(
        """
        The files and directories that the command makes, relative to the image's directory. For
        example, `outputs=["site"]`.
        """
    )


class MzbuildShellTarget(Target):
    alias = "mzbuild_shell"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        InferredDependenciesField,
        CommandField,
        ToolsField,
        CommandInputsField,
        OutputsField,
    )
    help = help_text(
        """
        A pre-image action: a command makes files of the context.

        For example, used by an image with `pre_image=[":site"]`:

            mzbuild_shell(
                name="site",
                command="./render.sh > site/index.html",
                tools=["cat"],
                inputs=["doc/**/*.md"],
                outputs=["site"],
            )
        """
    )


@dataclass(frozen=True)
class RunShell(PreImageRequest):
    """A request for what the command of a `shell` makes."""

    action_type = ShellAction
    target_type = MzbuildShellTarget

    action: ShellAction


@dataclass(frozen=True)
class ShellDependenciesFieldSet(FieldSet):
    required_fields = (CommandField, CommandInputsField)

    inputs: CommandInputsField


class InferShellDependencies(InferDependenciesRequest[ShellDependenciesFieldSet]):
    infer_from = ShellDependenciesFieldSet


@dataclass(frozen=True)
class SearchPath:
    """The directories in which programs are looked for."""

    directories: tuple[str, ...]


@uncacheable_rule
def search_path(session_values: SessionValues) -> SearchPath:
    path = session_values[CompleteEnvironmentVars].get("PATH", "")
    return SearchPath(tuple(each for each in path.split(os.pathsep) if os.path.isabs(each)))


@rule
async def run_shell(
    request: RunShell,
    inputs: ImageInputs,
    work_tree: WorkTree,
    listing: Listing,
    search: SearchPath,
) -> PreImageResult:
    action, image = request.action, request.image
    outputs = action.places(image)
    own = [path for path in context_paths(inputs.groups[image.name]) if path in listing]
    paths = sorted({*own, *action.files(image, listing)})
    captured = await capture_files(
        files_to_capture(work_tree, paths, follow_links=False), **implicitly()
    )
    directories = [under(image.context, path) for path in action.directories(image)]
    empty = await create_digest(CreateDigest(map(Directory, directories)), **implicitly())
    files = await merge_digests(MergeDigests((captured.digest, empty)), **implicitly())
    request_of_tools = BinaryShimsRequest.for_binaries(
        *action.tools, rationale=f"run `{action.command}`", search_path=search.directories
    )
    tools = await create_shims(request_of_tools, **implicitly())
    directory = image.context or "."
    result = await execute_process(
        Process(
            ("/bin/sh", "-c", action.command),
            description=f"Run {printable(action.command)}",
            input_digest=files,
            immutable_input_digests=tools.immutable_input_digests,
            env={"PATH": tools.path_component},
            working_directory=image.context or None,
            output_files=outputs,
            output_directories=outputs,
        ),
        **implicitly(),
    )
    if result.exit_code:
        said = (result.stdout + result.stderr).decode(errors="replace").rstrip()
        end = "\n".join(said.splitlines()[-_SHOWN:])
        raise MzbuildError.of_lines(
            f"{image.origin}: the command `{action.command}` ended with exit code "
            f"{result.exit_code}, in the directory `{directory}` of its sandbox. To keep that, use "
            f"`--keep-sandboxes=on_failure`. This is the end of its output:\n{end}"
        )
    entries = entries_of(await get_digest_entries(result.output_digest, **implicitly()))
    for output in outputs:
        if not any(e.path == output or e.path.startswith(f"{output}/") for e in entries):
            raise MzbuildError(
                f"{image.origin}: the command `{action.command}` ended well, but has not made "
                f"`{output}`, which is among its `outputs`. They are relative to the image's "
                "directory."
            )
    return PreImageResult(entries)


@rule
async def infer_shell_dependencies(
    request: InferShellDependencies, listing: Listing, targets: MzbuildTargets
) -> InferredDependencies:
    field_set = request.field_set
    action = ShellAction("", (), patterns=field_set.inputs.value or ())
    owners = await find_owners(OwnersRequest(action.select(listing)), **implicitly())
    return InferredDependencies(address for address in owners if address in targets.files)


def rules() -> Iterable[Rule | UnionRule]:
    return (
        *collect_rules(),
        UnionRule(PreImageRequest, RunShell),
        UnionRule(InferDependenciesRequest, InferShellDependencies),
    )
