"""Cargo's command lines: what to build, where it ends up, what is done to it then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mzbuild.core.cargo_workspace import CargoWorkspace
from mzbuild.core.configuration import Configuration, Profile, Sanitizer
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image import CargoBuild

_PROFILE_ARGS: Mapping[Profile, Sequence[str]] = {
    Profile.OPTIMIZED: ("--profile=optimized",),
    Profile.RELEASE: ("--release",),
    Profile.DEV: (),
}
_PROFILE_DIRECTORIES = {
    Profile.OPTIMIZED: "optimized",
    Profile.RELEASE: "release",
    Profile.DEV: "debug",
}


def target_triple(configuration: Configuration) -> str:
    """The platform that binaries are compiled for: what runs in a Linux container."""
    return f"{configuration.arch.value}-unknown-linux-gnu"


def build_directory(configuration: Configuration) -> str:
    """The name of the directory in which builds of a configuration keep what they compiled."""
    parts = [configuration.arch.value, configuration.profile.value]
    if configuration.coverage:
        parts.append("coverage")
    parts.append(configuration.sanitizer.value)
    return "-".join(parts)


def cargo_build_args(
    build: CargoBuild,
    workspace: CargoWorkspace,
    configuration: Configuration,
    where: str,
    *,
    locked: bool,
) -> tuple[str, ...]:
    """Arguments of `cargo` for an action; `where` names the action in errors.

    Raises `MzbuildError` for a binary or example that is not there, and for a workspace without
    the profile that is asked for.
    """
    if configuration.profile is Profile.OPTIMIZED and "optimized" not in workspace.profiles:
        raise MzbuildError(
            f"{where}: binaries are to be built with the profile `optimized`, which the workspace "
            'does not define. Add\n\n    [profile.optimized]\n    inherits = "release"\n\nto the '
            "root's `Cargo.toml`, or use `--mzbuild-profile=release`."
        )
    if configuration.coverage or configuration.sanitizer is not Sanitizer.NONE:
        # A binary without what its image's name says would be a wrong answer.
        raise MzbuildError(
            f"{where}: Cargo builds with coverage or a sanitizer are not supported yet; only "
            "fingerprints for them are."
        )
    crates = [workspace.bin_crate(name, where) for name in build.bins]
    crates += [workspace.example_crate(name, where) for name in build.examples]
    return (
        "build",
        *_PROFILE_ARGS[configuration.profile],
        f"--target={target_triple(configuration)}",
        *(f"--package={name}" for name in sorted({crate.name for crate in crates})),
        *(f"--bin={name}" for name in build.bins),
        *(f"--example={name}" for name in build.examples),
        *(f"--features={','.join(build.features)}" for _ in build.features[:1]),
        *(("--locked",) if locked else ()),
        # Messages for programs tell where build scripts wrote; people get theirs as ever.
        "--message-format=json-render-diagnostics",
    )


def built_files(build: CargoBuild, configuration: Configuration) -> Mapping[str, str]:
    """The paths of an action's results in the context, each with its path in Cargo's target
    directory."""
    directory = f"{target_triple(configuration)}/{_PROFILE_DIRECTORIES[configuration.profile]}"
    results = {name: f"{directory}/{name}" for name in build.bins}
    results.update({f"examples/{name}": f"{directory}/examples/{name}" for name in build.examples})
    return results


def strip_args(strip: bool) -> tuple[str, ...]:
    """The command that is run on each result, which follows as its last argument.

    Without stripping, the tables go that no debugger needs and that double a binary's size.
    """
    if strip:
        return ("strip", "--strip-debug")
    return ("objcopy", "-R", ".debug_pubnames", "-R", ".debug_pubtypes")
