"""The targets that images and their inputs are; each pre-image action has its own."""

from __future__ import annotations

from typing import ClassVar

from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.core.goals.package import OutputPathField
from pants.engine.fs import PathGlobs
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    Dependencies,
    DictStringToStringField,
    MultipleSourcesField,
    SpecialCasedDependencies,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import help_text

from mzbuild.pants_api import UnmatchedBuildFileGlobs


class InputsField(MultipleSourcesField):
    """The files that make a target change when they do.

    What counts as an input is Git's to say, not a glob's: these globs tell Pants who owns a
    file, and are not what is hashed or built.
    """

    uses_source_roots = False
    default: ClassVar[tuple[str, ...]] = ("**/*",)
    help = help_text(
        """
        The files that belong to this target, as globs relative to its directory. For example,
        `["**/*", "!testdata/**"]`.

        It decides which target a file argument or `--changed-since` selects. Which files are
        hashed and built is not its business: those are all that Git sees in the directory.
        Where no BUILD file declares the target, the directories of other images and crates
        within are left out; a target in a BUILD file leaves out what it says itself.
        """
    )

    # Most of these globs nobody has written, and they stand for files that may come: there is
    # nothing to warn of. Pants means this method to be final, but has no other way to say so.
    def path_globs(  # type: ignore[misc]
        self, unmatched_build_file_globs: UnmatchedBuildFileGlobs
    ) -> PathGlobs:
        ignore = UnmatchedBuildFileGlobs(GlobMatchErrorBehavior.ignore)
        return super().path_globs(ignore)


class CrateInputsField(InputsField):
    """The files of a crate. What `mzcompose` has is no input of it."""

    default = ("**/*", "!mzcompose", "!mzcompose/**", "!mzcompose.py")


class ImageNameField(StringField):
    alias = "image_name"
    help = help_text(
        """
        The image's name, of lower-case letters and digits with `-` between them, which no other
        image of the repository may have; the target's name if not set. For example,
        `image_name="environmentd"`.
        """
    )


class PublishField(BoolField):
    alias = "publish"
    default = True
    help = help_text(
        """
        Whether the image belongs into registries. An image that does not can still be built
        upon, and is then always built. For example, `publish=False` for one that only tests use.
        """
    )


class MainlineField(BoolField):
    alias = "mainline"
    default = True
    help = "Whether the image gets the tags of releases. For example, `mainline=False`."


class BuildArgsField(DictStringToStringField):
    alias = "build_args"
    help = help_text(
        """
        Build arguments for the Dockerfile's `ARG`s. For example, `{"VERSION": "1.10"}`.

        They can be read in the image's history: none may be a secret.
        """
    )


class PreImageField(SpecialCasedDependencies):
    alias = "pre_image"
    help = help_text(
        """
        The addresses of the actions that run before Docker does, in the order in which they
        run. For example, `[":binaries", ":configuration"]`, which are an `mzbuild_cargo_build`
        and an `mzbuild_copy` of the same BUILD file.
        """
    )


class RunArgsField(StringSequenceField):
    alias = "run_args"
    help = help_text(
        """
        Arguments for `docker run`, besides those of `[mzbuild].docker_run_args`. For example,
        `["--publish=6875:6875"]`.
        """
    )


class RunEnvField(StringSequenceField):
    alias = "run_env"
    help = help_text(
        """
        Environment variables for `pants run`, each as `NAME=value`, or as `NAME` to hand on the
        value that it has where Pants runs. For example, `["RUST_LOG=debug", "USER"]`.
        """
    )


class InferredDependenciesField(Dependencies):
    help = help_text(
        """
        Leave it out: what an image or an action depends on is inferred. For example, an image
        depends on `base` where its Dockerfile says `MZFROM base`.
        """
    )


class MzbuildImageTarget(Target):
    alias = "mzbuild_image"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        InferredDependenciesField,
        InputsField,
        ImageNameField,
        PublishField,
        MainlineField,
        BuildArgsField,
        PreImageField,
        RunArgsField,
        RunEnvField,
        OutputPathField,
    )
    help = help_text(
        """
        A Docker image, named by a fingerprint of all that goes into it. Its directory is its
        context and has its `Dockerfile`.

        Each directory with an `mzbuild.yml` has such a target without any BUILD file. To declare
        an image in a BUILD file instead, leave out the `mzbuild.yml`. For example:

            mzbuild_cargo_build(name="binaries", bin=["environmentd"])

            mzbuild_image(
                image_name="environmentd",
                pre_image=[":binaries"],
            )

        Where there is an `mzbuild.yml` too, the file says what the image is, and the target may
        only add what the file cannot say: `run_args`, `run_env`, `output_path`, `tags`.
        """
    )


class MzbuildFilesTarget(Target):
    alias = "mzbuild_files"
    core_fields = (*COMMON_TARGET_FIELDS, Dependencies, InputsField)
    help = help_text(
        """
        Files that images have as inputs though they are not in their contexts: what a `copy`
        copies, or what a symlink leads to.

        For example, in `doc/user/BUILD`, to have `--changed-since` see the files of an
        `mzbuild_copy` that a BUILD file declares:

            mzbuild_files(name="manual", sources=["**/*.md"])
        """
    )


class CargoCrateTarget(Target):
    alias = "cargo_crate"
    core_fields = (*COMMON_TARGET_FIELDS, Dependencies, CrateInputsField)
    help = help_text(
        """
        A package of the Cargo workspace, in the directory of its `Cargo.toml`.

        Each member of the workspace has such a target without any BUILD file. One is written
        by hand only to give it tags or further dependencies. For example:

            cargo_crate(name="ore", tags=["hub"])
        """
    )


class CargoWorkspaceTarget(Target):
    alias = "cargo_workspace"
    core_fields = (*COMMON_TARGET_FIELDS, Dependencies, InputsField)
    help = help_text(
        """
        What all Cargo builds have as inputs besides their crates: the workspace's `Cargo.toml`
        and `Cargo.lock`, `.cargo/config` and `ci/builder`.

        A repository with a Cargo workspace has this target, `//:cargo-workspace`, without any
        BUILD file. For example: `pants dependents --transitive //:cargo-workspace`.
        """
    )


def target_types() -> list[type[Target]]:
    return [
        MzbuildImageTarget,
        MzbuildFilesTarget,
        CargoCrateTarget,
        CargoWorkspaceTarget,
    ]
