"""`pants mzbuild-fingerprint`: what each image is named by."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain

from pants.base.exiter import PANTS_FAILED_EXIT_CODE, PANTS_SUCCEEDED_EXIT_CODE, ExitCode
from pants.base.specs import Specs
from pants.build_graph.build_configuration import BuildConfiguration
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule, Rule
from pants.engine.unions import UnionMembership
from pants.goal.builtin_goal import BuiltinGoal
from pants.init.engine_initializer import GraphSession
from pants.option.option_types import EnumOption
from pants.option.options import Options
from pants.util.strutil import softwrap

from mzbuild.core.cargo.settings import CargoOptions, with_cargo
from mzbuild.core.configuration import Configuration, Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import ImageInputs
from mzbuild.core.fingerprint.survey import concerning, failures
from mzbuild.core.safe import printable
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.goals.image_goal import with_names
from mzbuild.pants_api import collect_rules, request_product, rule
from mzbuild.rules.fingerprints import Fingerprints, MissedInputs
from mzbuild.rules.images import Images
from mzbuild.rules.registries import ImageTags
from mzbuild.rules.selection import ReportedImages
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)

# How many missed inputs the warning names.
_SHOWN = 3


class Format(Enum):
    """How fingerprints are printed."""

    TEXT = "text"
    JSON = "json"
    SPEC = "spec"


@dataclass(frozen=True)
class FingerprintedImage:
    """What the goal tells of one image."""

    name: str
    address: str
    # All are `None` where `error` says why they cannot be computed.
    fingerprint: str | None
    spec: str | None
    # The same, as the engine and `FROM` lines have it: with the primary registry, if there is one.
    reference: str | None
    # The names of the images that it builds on directly.
    dependencies: tuple[str, ...]
    # How many files go into it; `None` where that cannot be said.
    inputs: int | None
    # Those that Cargo builds with, or would, but the scheme leaves out; of `strict`, in words.
    missed: tuple[str, ...]
    error: str | None


@dataclass(frozen=True)
class FingerprintedImages:
    """What the goal tells of the images that were asked for, sorted by name."""

    images: tuple[FingerprintedImage, ...]
    warnings: tuple[str, ...]
    # Why some of them have no fingerprint.
    failures: tuple[str, ...]


# A builtin goal, since it takes precedence: `pants run mzbuild-fingerprint ::` means it as well.
class FingerprintGoal(BuiltinGoal):
    name = "mzbuild-fingerprint"
    help = softwrap(
        """
        Print the fingerprints of images: the names under which they are found.

        For example, `pants mzbuild-fingerprint ::` prints a line `name: FINGERPRINT` for each
        image of the repository. Neither Docker nor Cargo is needed for it.
        """
    )

    format = EnumOption(
        default=Format.TEXT,
        help=softwrap(
            """
            `text` prints `name: FINGERPRINT` lines, `spec` prints the name that Docker has for
            each image, as `docker run` takes it, and `json` a list of objects with `name`,
            `address`, `fingerprint`, `spec` (without a registry of `registries`), `reference` (in
            the primary registry, as `--format=spec` has it), `dependencies` (the names of the
            images it builds on directly), `inputs` (how many files go into it), `missed` (the
            paths of files that Cargo reads for it, but that the fingerprint scheme leaves out; of
            `strict`, what reads Git or lies behind symlinks out of the repository) and `error` (why
            there is no fingerprint, `spec` and `reference`; else null). For example:
            `--mzbuild-fingerprint-format=json`.
            """
        ),
    )

    # Pants takes `--mzbuild-fingerprint-scheme`, the flag of an option of `[mzbuild]`, for one of
    # this goal's, since it begins with the goal's name.
    scheme = EnumOption(
        default=None,
        enum_type=Scheme,
        help=softwrap(
            """
            The same as `[mzbuild].fingerprint_scheme`, of which this is the flag. For example:
            `--mzbuild-fingerprint-scheme=strict`.
            """
        ),
    )

    def run(
        self,
        *,
        build_config: BuildConfiguration,
        graph_session: GraphSession,
        options: Options,
        specs: Specs,
        union_membership: UnionMembership,
    ) -> ExitCode:
        try:
            named = with_names(specs, options)
            result = request_product(graph_session.scheduler_session, FingerprintedImages, named)
        except MzbuildError as error:
            logger.error("%s", error)  # noqa: TRY400  # A mistake of the user's has no traceback.
            return PANTS_FAILED_EXIT_CODE
        except ExecutionError as error:
            for cause in error.wrapped_exceptions:
                logger.error("%s", cause)  # noqa: TRY400  # A mistake of the user's has no traceback.
            return PANTS_FAILED_EXIT_CODE
        # Here and not in a rule, which Pants starts over when it learns of a change while it runs.
        for warning in result.warnings:
            logger.warning("%s", printable(warning))
        # At once: each line by itself would be a message from pantsd to its client.
        print("".join(f"{line}\n" for line in show(result.images, self.format)), end="")
        for failure in result.failures:
            logger.error("%s", failure)
        return PANTS_FAILED_EXIT_CODE if result.failures else PANTS_SUCCEEDED_EXIT_CODE


def show(images: Sequence[FingerprintedImage], output_format: Format) -> Iterable[str]:
    """The lines to print."""
    if output_format is Format.TEXT:
        return [f"{image.name}: {image.fingerprint}" for image in images if image.fingerprint]
    if output_format is Format.SPEC:
        return [image.reference for image in images if image.reference]
    return [json.dumps([vars(image) for image in images], indent=2)]


@rule
def configuration(
    mzbuild: Mzbuild, goal: FingerprintGoal, cargo_options: CargoOptions
) -> Configuration:
    return with_cargo(mzbuild.configuration(goal.scheme), cargo_options)


@rule
def fingerprinted_images(
    reported: ReportedImages,
    images: Images,
    inputs: ImageInputs,
    missed_inputs: MissedInputs,
    fingerprints: Fingerprints,
    tags: ImageTags,
    work_tree: WorkTree,
) -> FingerprintedImages:
    missed = {name: missed_inputs.of(name, inputs, work_tree) for name in reported.names}
    return FingerprintedImages(
        tuple(
            FingerprintedImage(
                name=name,
                address=images.addresses[name].spec,
                fingerprint=fingerprints.fingerprints.get(name),
                spec=fingerprints.specs.get(name),
                reference=tags.local.get(name),
                dependencies=images.graph.dependencies[name],
                inputs=inputs.count(name) if name in inputs.groups else None,
                missed=(*missed[name], *missed_inputs.uncovered.get(name, ())),
                error=fingerprints.errors.get(name),
            )
            for name in reported.names
        ),
        (*images.warnings, *_warnings(missed.values())),
        failures(concerning(reported.names, images.graph.dependencies, fingerprints.errors)),
    )


def _warnings(missed: Iterable[Sequence[str]]) -> Iterable[str]:
    paths = sorted(set(chain.from_iterable(missed)))
    if paths:
        count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
        names = [f"`{path}`" for path in paths[:_SHOWN]]
        names += ["…"] if len(paths) > _SHOWN else []
        yield (
            f"The fingerprint scheme `mzbuild` leaves out {count} that Cargo reads: "
            f"{', '.join(names)}. Images keep their names when only those change. "
            "`--mzbuild-fingerprint-format=json` lists them as `missed`; "
            "`--mzbuild-fingerprint-scheme=strict` covers them."
        )


def rules() -> Iterable[Rule | QueryRule]:
    return (*collect_rules(), *FingerprintGoal.rules(), QueryRule(FingerprintedImages, (Specs,)))
