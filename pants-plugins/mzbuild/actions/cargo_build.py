"""The `cargo-build` pre-image action: programs, which Cargo builds for all images at once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Dict, Optional  # noqa: UP035  # See `RawExtract`.

from pants.core.goals.package import OutputPathField
from pants.engine.addresses import Address
from pants.engine.fs import Directory
from pants.engine.rules import Rule
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    DictStringToStringField,
    Field,
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    InvalidFieldTypeException,
    StringSequenceField,
    Target,
)
from pants.engine.unions import UnionRule
from pants.util.frozendict import FrozenDict
from pants.util.strutil import help_text

from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.workspace import CargoWorkspace, Crate
from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError
from mzbuild.pants_api import collect_rules, get_digest_entries, implicitly, rule, uncacheable_rule
from mzbuild.rules.cargo.actions import CargoAction
from mzbuild.rules.cargo.batch import cargo_batch
from mzbuild.rules.cargo.pre_image import CargoBuildRequest, cargo_build
from mzbuild.rules.images import MzbuildTargets, crate_addresses
from mzbuild.rules.pre_image import PreImageRequest, PreImageResult
from mzbuild.rules.synthetic_targets import WORKSPACE_TARGET_NAME
from mzbuild.target_types import InferredDependenciesField

# Pants evaluates annotations for its help, and Python 3.9 cannot evaluate `X | None`.
RawExtract = Optional[Dict[str, Dict[str, str]]]  # noqa: UP006
Extract = Optional[FrozenDict[str, FrozenDict[str, str]]]


class BinField(StringSequenceField):
    alias = "bin"
    help = 'The binaries to build. For example, `bin=["environmentd"]`.'


class ExampleField(StringSequenceField):
    alias = "example"
    help = help_text(
        """
        The examples to build; they are put into the context's directory `examples`. For
        example, `example=["loadgen"]`.
        """
    )


class StripField(BoolField):
    alias = "strip"
    default = True
    help = help_text(
        """
        Whether to remove debug information from the binaries. If not, only the tables
        `.debug_pubnames` and `.debug_pubtypes` are removed. For example, `strip=False`.
        """
    )


class SplitDebuginfoField(BoolField):
    alias = "split_debuginfo"
    default = False
    help = help_text(
        """
        Whether to keep the binaries' debug information in separate files, which
        `pants package` puts into `dist/` when it builds the image. A binary `app` then names
        its `app.debug`, where debuggers look for it. For example, `split_debuginfo=True`.
        """
    )


class FeaturesField(StringSequenceField):
    alias = "features"
    help = 'The Cargo features to switch on. For example, `features=["jemalloc"]`.'


class ExtractField(Field):
    alias = "extract"
    value: Extract
    default: ClassVar[Extract] = None
    help = help_text(
        """
        Files that build scripts make: for each package, paths with those that they get in the
        context. A path is relative to the `OUT_DIR` of the package's build script, and may lead
        anywhere in Cargo's target directory, which `$CARGO_TARGET_DIR` names, too. For example,
        `extract={"protos": {"schema.bin": "share/schema.bin"}}`.
        """
    )

    @classmethod
    def compute_value(cls, raw_value: RawExtract, address: Address) -> Extract:
        packages = super().compute_value(raw_value, address)
        if packages is None:
            return None
        # Later versions of Pants freeze what a BUILD file says before it comes here.
        mappings = (dict, FrozenDict)
        if not isinstance(packages, mappings) or not all(
            isinstance(paths, mappings) and all(isinstance(path, str) for path in paths.values())
            for paths in packages.values()
        ):
            raise InvalidFieldTypeException(
                address,
                cls.alias,
                packages,
                expected_type="a dictionary of dictionaries of strings",
            )
        return FrozenDict({package: FrozenDict(paths) for package, paths in packages.items()})


class RustflagsField(StringSequenceField):
    alias = "rustflags"
    help = help_text(
        """
        Flags of rustc, added to those of `[mzbuild-cargo]`. For example,
        `rustflags=["-Ctarget-cpu=x86-64-v3"]`.
        """
    )


class CargoEnvField(DictStringToStringField):
    alias = "env"
    help = help_text(
        """
        Environment variables for Cargo, added to those of `[mzbuild-cargo]`. For example,
        `env={"CXX": "clang++"}`.
        """
    )


class CargoArgsField(StringSequenceField):
    alias = "args"
    help = help_text(
        """
        Arguments of `cargo build`, added to those of `[mzbuild-cargo]`. For example,
        `args=["--no-default-features"]`.
        """
    )


class MzbuildCargoBuildTarget(Target):
    alias = "mzbuild_cargo_build"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        InferredDependenciesField,
        BinField,
        ExampleField,
        StripField,
        SplitDebuginfoField,
        FeaturesField,
        ExtractField,
        RustflagsField,
        CargoEnvField,
        CargoArgsField,
        OutputPathField,
    )
    help = help_text(
        """
        A pre-image action: Cargo builds binaries and examples, which are put into the context.

        For example, used by an image with `pre_image=[":binaries"]`:

            mzbuild_cargo_build(name="binaries", bin=["persistcli", "catalog-debug"])

        It needs no image: `pants package` puts what it builds into a directory of `dist/`.
        """
    )


@dataclass(frozen=True)
class RunCargoBuild(PreImageRequest):
    """A request for the programs of a `cargo-build`."""

    action_type = CargoBuildAction
    target_type = MzbuildCargoBuildTarget

    action: CargoBuildAction


@dataclass(frozen=True)
class CargoBuildDependenciesFieldSet(FieldSet):
    required_fields = (BinField, ExampleField)

    bin: BinField
    example: ExampleField


class InferCargoBuildDependencies(InferDependenciesRequest[CargoBuildDependenciesFieldSet]):
    infer_from = CargoBuildDependenciesFieldSet


# As `cargo_build` is.
@uncacheable_rule
async def run_cargo_build(request: RunCargoBuild) -> PreImageResult:
    together = request.together
    batch = await cargo_batch(together, **implicitly())
    asked = CargoAction(request.action, request.image.origin, together.configuration)
    built = await cargo_build(CargoBuildRequest(asked, batch), **implicitly())
    entries = await get_digest_entries(built.digest, **implicitly())
    files = tuple(entry for entry in entries if not isinstance(entry, Directory))
    return PreImageResult(files, built.debug)


@rule
def infer_cargo_build_dependencies(
    request: InferCargoBuildDependencies,
    workspace: CargoWorkspace,
    targets: MzbuildTargets,
    configuration: Configuration,
) -> InferredDependencies:
    build = CargoBuild(
        bins=request.field_set.bin.value or (), examples=request.field_set.example.value or ()
    )
    workspace.check_known()
    crates: tuple[Crate, ...] = ()
    # What no crate has depends on none. Whoever asks for the image's fingerprint is told.
    with suppress(MzbuildError):
        crates = workspace.roots(build, configuration.scheme, str(request.field_set.address))
    shared = Address("", target_name=WORKSPACE_TARGET_NAME)
    return InferredDependencies([shared, *crate_addresses(crates, targets)])


def rules() -> Iterable[Rule | UnionRule]:
    return (
        *collect_rules(),
        UnionRule(PreImageRequest, RunCargoBuild),
        UnionRule(InferDependenciesRequest, InferCargoBuildDependencies),
    )
