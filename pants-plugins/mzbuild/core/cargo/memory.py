"""What Cargo remembers of packages that it has compiled, and making it forget.

This is part of the program in `cargo.program`. It removes files.

Cargo believes that a package is up to date where no file of it is newer than what was compiled, and
not even that of packages that are not in the workspace. Neither a file that is gone, nor one that a
macro has read, nor an edited vendored crate counts; nor does a variable that a macro or a build
script has read, nor what a linker is made of:
https://doc.rust-lang.org/nightly/nightly-rustc/cargo/core/compiler/fingerprint/
So what it remembers of a package goes whenever the package's files are other ones, and of all
packages of the repository when what they are compiled with is.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from typing import Callable, Optional

# What all build scripts may read: a part of a build's sources, and whether Git works among them.
SHARED = ".shared"
GIT = ".git"
# What all packages are compiled with: another part, which is Cargo's configuration with the files
# that it names, and the variables that Cargo gets.
CONFIGURATION = ".configuration"
ENVIRONMENT = ".environment"

# How the names of parts end that are packages from elsewhere.
ELSEWHERE = "/*"

# In each profile's directory; in it is a directory for each unit: `<package>-<hash>`.
_FINGERPRINTS = ".fingerprint"
# Beside it: for each unit of a build script, its program or its output.
_SCRIPTS = "build"
_MANIFEST = "Cargo.toml"

# In a build's directory: the key of each part when it was last built.
_BUILT = "built.json"
_UNIT = re.compile(r"(.+)-[0-9a-f]{16}")
_SCRIPT_RUN = "run-build-script-"


# For each part of the sources, the name of the package that it is, if any, and a key that is
# another when its files are.
Parts = Mapping[str, tuple[Optional[str], str]]


def made_by_unchanged(
    directory: str, parts: Parts, sources: Mapping[str, tuple[str | None, str, int]]
) -> Callable[[str], bool]:
    """Tells of the path of what a build has made among the sources whether it is to stay.

    It is where it lies in a package whose files are what they were when that was last built, since
    the package's build script may not run again. `sources` are as `cargo.staging` has them.
    """
    known = _load(directory)
    # Of a package that is not built there is the manifest at least, in a part `name/`.
    owners = {
        os.path.dirname(path): part.rstrip("/")
        for path, (part, _, _) in sources.items()
        if part is not None and os.path.basename(path) == _MANIFEST
    }

    def stays(path: str) -> bool:
        place = path
        while place:
            place = os.path.dirname(place)
            if owner := owners.get(place):
                return owner in known and (owner not in parts or parts[owner][1] == known[owner])
        return False

    return stays


def forget_changed(directory: str, target_directory: str, parts: Parts) -> None:
    """Has Cargo forget each package whose files are others than when it was last built.

    The keys of the parts are written down in `directory`.
    """
    known = _load(directory)
    changed = {name for name, (_, key) in parts.items() if known.get(name) != key}
    if not changed:
        return
    packages = {parts[name][0] for name in changed}
    units = tuple(_units(target_directory))
    # Those from elsewhere know nothing of the workspace.
    own = {package for name, (package, _) in parts.items() if not name.endswith(ELSEWHERE)}
    if changed & {CONFIGURATION, ENVIRONMENT}:
        packages |= own
    elif changed & {SHARED, GIT}:
        packages |= own & {package for unit, package in units if _is_script_run(unit)}
    for unit, package in units:
        if package in packages:
            shutil.rmtree(unit)
            # What a build script has once made, Cargo would leave for its next run to find.
            shutil.rmtree(_output_of(unit), ignore_errors=True)
    # At last: what is cut off before is done again.
    file = os.path.join(directory, _BUILT)
    unfinished = f"{file}.unfinished"
    with open(unfinished, "w") as written:
        json.dump({**known, **{name: parts[name][1] for name in changed}}, written)
    os.replace(unfinished, file)


def _load(directory: str) -> Mapping[str, str]:
    try:
        with open(os.path.join(directory, _BUILT)) as file:
            known = json.load(file)
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _units(target_directory: str) -> Iterator[tuple[str, str]]:
    """The directories of all that Cargo remembers, each with the package's name."""
    target = glob.escape(target_directory)
    # Of what runs on the machine that compiles, and below a platform's directory, of the others.
    for depth in ("*", "*/*"):
        for path in glob.iglob(f"{target}/{depth}/{_FINGERPRINTS}/*"):
            if match := _UNIT.fullmatch(os.path.basename(path)):
                yield path, match[1]


def _output_of(unit: str) -> str:
    fingerprints, name = os.path.split(unit)
    return os.path.join(os.path.dirname(fingerprints), _SCRIPTS, name)


def _is_script_run(unit: str) -> bool:
    return any(name.startswith(_SCRIPT_RUN) for name in os.listdir(unit))
