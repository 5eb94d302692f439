"""Cargo's command lines: what to build, where it ends up, what is done to it then."""

from __future__ import annotations

from collections.abc import Mapping

from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.lock import CargoLock
from mzbuild.core.cargo.results import origin
from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.core.cargo.staged_files import DIRECTORY, SOURCES
from mzbuild.core.cargo.workspace import CargoWorkspace, Crate
from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError
from mzbuild.core.paths import inside

# The profiles that every workspace has, and where Cargo puts what it builds with them:
# https://doc.rust-lang.org/cargo/reference/profiles.html#custom-profiles
_BUILT_IN_PROFILES: Mapping[str, str] = {
    "dev": "debug",
    "test": "debug",
    "release": "release",
    "bench": "release",
}

# Messages for programs tell where build scripts wrote; people get theirs as ever.
MESSAGES = "--message-format=json-render-diagnostics"


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
    settings: CargoSettings,
    lock: CargoLock | None,
    where: str,
) -> tuple[str, ...]:
    """Arguments of `cargo` for an action; `where` names the action in errors.

    `lock` is what `Cargo.lock` says, if there is one.

    Raises `MzbuildError` for what Cargo would refuse, such as a binary or example that is not
    there, and for a workspace without the profile that is asked for.
    """
    profile = settings.cargo_profile
    if profile not in _BUILT_IN_PROFILES and profile not in workspace.profiles:
        raise MzbuildError.of_lines(
            f"{where}: binaries are to be built with the profile `{profile}`, which the workspace "
            f'does not define. Add\n\n    [profile.{profile}]\n    inherits = "release"\n\nto the '
            "root's `Cargo.toml`, or use `--mzbuild-profile=release`."
        )
    workspace.check(build, where)
    crates = [workspace.bin_crate(name, where) for name in build.bins]
    crates += [workspace.example_crate(name, where) for name in build.examples]
    return (
        "build",
        f"--profile={profile}",
        f"--target={settings.target}",
        *sorted({f"--package={_package_spec(crate, workspace, lock)}" for crate in crates}),
        *(f"--bin={name}" for name in build.bins),
        *(f"--example={name}" for name in build.examples),
        *(f"--features={','.join(build.features)}" for _ in build.features[:1]),
        *(("--locked",) if lock is not None else ()),
        MESSAGES,
        *settings.flags.args,
    )


def _package_spec(crate: Crate, workspace: CargoWorkspace, lock: CargoLock | None) -> str:
    """What Cargo takes for a package and for no other: a name if it can be, as people read it.

    Without a lock file, nobody knows yet which packages from elsewhere have that name, too. The
    longer form is understood by all releases of Cargo:
    https://doc.rust-lang.org/cargo/reference/pkgid-spec.html
    """
    if lock and not lock.has_external(crate.package) and not workspace.namesakes(crate):
        return crate.package
    place = f"{DIRECTORY}/{SOURCES}/{crate.directory}".rstrip("/")
    return f"file://{place}#{crate.package}"


def built_files(build: CargoBuild, settings: CargoSettings) -> Mapping[str, str]:
    """The paths of an action's results in the context, each with its path in Cargo's target
    directory."""
    profile = settings.cargo_profile
    directory = f"{settings.target}/{_BUILT_IN_PROFILES.get(profile, profile)}"
    results = {name: f"{directory}/{name}" for name in build.bins}
    results.update({f"examples/{name}": f"{directory}/examples/{name}" for name in build.examples})
    return results


def debug_files(build: CargoBuild) -> Mapping[str, str]:
    """The paths of an action's results in the context, each with the path of the file that has
    its debug information, relative to where those are kept; none unless they are to be split."""
    if not build.split_debuginfo:
        return {}
    return {path: f"{path}.debug" for path in _result_paths(build)}


def finishing_commands(
    build: CargoBuild, settings: CargoSettings, results: str, debug: str
) -> tuple[tuple[str, ...], ...]:
    """The commands that make an action's results, in the directory `results`, of what Cargo built.

    They write debug information into the directory `debug`. A debugger finds it by the name and
    the checksum that are left in the binary:
    https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html
    """
    commands: list[tuple[str, ...]] = []
    debugs = debug_files(build)
    for path, made in built_files(build, settings).items():
        built, result = f"{DIRECTORY}/target/{made}", f"{results}/{path}"
        split = f"{debug}/{debugs[path]}" if path in debugs else None
        if split:
            commands.append((settings.objcopy, "--only-keep-debug", built, split))
        commands.append(_strip_command(build.strip, settings, built, result))
        if split:
            commands.append((settings.objcopy, f"--add-gnu-debuglink={split}", result))
    return tuple(commands)


def extracted_files(build: CargoBuild, where: str) -> tuple[tuple[str, str, str], ...]:
    """What an action takes of what build scripts make: the package, the source, and the path in
    the context, which ends in `/` if a file is to keep its name.

    A source is relative to the OUT_DIR of the package's build script, or begins with
    `$CARGO_TARGET_DIR`. Where the OUT_DIR lies, only Cargo knows, so that a `..` is judged when it
    is through. Raises `MzbuildError` for a path that leads out of its place wherever that is;
    `where` names the action in it.
    """
    found = []
    for package, pairs in build.extract:
        field = f"extract.{package}"
        for source, destination in pairs:
            path = inside(where, field, destination, "the context")
            if source.startswith(("/", "$")) and origin(source, "/target/of", "/target") is None:
                raise MzbuildError(
                    f"{where}: `{field}: {source}` leads out of Cargo's target directory. Give a "
                    "path relative to the OUT_DIR of the package, or `$CARGO_TARGET_DIR/…`."
                )
            path = f"{path}/" if path and destination.endswith("/") else path
            found.append((package, source, path))
    return tuple(found)


def _result_paths(build: CargoBuild) -> list[str]:
    return [*build.bins, *(f"examples/{name}" for name in build.examples)]


def _strip_command(
    strip: bool, settings: CargoSettings, built: str, result: str
) -> tuple[str, ...]:
    if strip:
        return (settings.strip, "--strip-debug", "-o", result, built)
    # These tables double a binary's size, and no debugger needs them.
    tables = ("-R", ".debug_pubnames", "-R", ".debug_pubtypes")
    return (settings.objcopy, *tables, built, result)
