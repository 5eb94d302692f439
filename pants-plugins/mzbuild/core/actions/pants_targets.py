"""What Pants says of the targets that actions take, as it counts for fingerprints.

No target is built for a fingerprint. What counts is what Pants would build it from: the files of
the target and of all that it depends on, and the definition, which is a SHA-1 over a line of JSON
for each of

* these targets, sorted by address: the address, the type, and the fields with a value, without
  those that have no effect on what is built;
* the options that are set, by scope, of those scopes that the targets' backends read;
* the version of Pants.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from mzbuild.core.work_tree.listing import Listing

# Fields that say something to people, or whose effect is in the closure of targets.
_WITHOUT_EFFECT = frozenset({"dependencies", "description", "tags", "owners"})

# What all backends may look at.
_COMMON_SCOPES = frozenset({"source", "subprocess-environment", "environments-preview"})
# The scopes that the targets of a backend are built with, by the module that the types of these
# targets are from. Those of a backend that is not here are built with any.
_BACKEND_SCOPES: Mapping[str, frozenset[str]] = {
    "pants.core": frozenset(),
    "pants.engine": frozenset(),
    "pants.backend.adhoc": frozenset({"adhoc", "shell-setup"}),
    "pants.backend.shell": frozenset({"shell-setup"}),
    "pants.backend.go": frozenset({"golang", "go-binary"}),
    "pants.backend.python": frozenset(
        {
            "pex",
            "pex-binary-defaults",
            "pex-cli",
            "python",
            "python-bootstrap",
            "python-infer",
            "python-native-code",
            "python-repos",
            "setup-py-generation",
            "setuptools",
            "wheel",
        }
    ),
    "mzbuild": frozenset(),
}
# What of the global options has an effect on what is built.
_GLOBAL_OPTIONS = frozenset({"backend_packages", "plugins"})


class TargetUse(Enum):
    """What an action takes of a target: what it is packaged to, or its sources."""

    PACKAGE = "package"
    FILES = "files"


class TargetReference(NamedTuple):
    """A target that an action takes, by its address as it is written in a directory."""

    use: TargetUse
    spec: str
    directory: str


@dataclass(frozen=True)
class TargetInputs:
    """What a target is built from: files of the repository, sorted, and the definition.

    Where that cannot be told, `error` has the reason.
    """

    paths: tuple[str, ...] = ()
    definition: str = ""
    error: str = ""


NO_TARGETS: Mapping[TargetReference, TargetInputs] = MappingProxyType({})


@dataclass(frozen=True)
class DefinedTarget:
    """A target as Pants has it: `module` is that of its type."""

    address: str
    alias: str
    module: str
    fields: Mapping[str, Any]


def definition(
    targets: Iterable[DefinedTarget], options: Mapping[str, Mapping[str, Any]], version: str
) -> str:
    """The definition of targets, in 40 hexadecimal digits; see this module.

    `options` has the values that are set, by scope and name.
    """
    hashed = hashlib.sha1()
    for line in definition_lines(targets, options, version):
        hashed.update(f"{line}\n".encode())
    return hashed.hexdigest()


def definition_lines(
    targets: Iterable[DefinedTarget], options: Mapping[str, Mapping[str, Any]], version: str
) -> Iterator[str]:
    """The lines that a definition is a hash of."""
    targets = sorted(targets, key=lambda target: target.address)
    for target in targets:
        fields = {
            name: value
            for name, value in target.fields.items()
            if value not in (None, (), {}) and name not in _WITHOUT_EFFECT
        }
        yield _json([target.address, target.alias, fields])
    for scope, values in sorted(relevant_options(targets, options).items()):
        yield _json([scope, values])
    yield _json(["Pants", version])


def relevant_options(
    targets: Iterable[DefinedTarget], options: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    """Those of some options that some targets are built with."""
    known: set[str] = set(_COMMON_SCOPES)
    for target in targets:
        scopes = _scopes(target.module)
        known |= options.keys() if scopes is None else scopes
    resolves = {target.fields.get("resolve") for target in targets}
    found = {}
    for scope, values in options.items():
        if scope == "GLOBAL":
            values = {name: value for name, value in values.items() if name in _GLOBAL_OPTIONS}
        elif scope not in known or scope.startswith("mzbuild"):
            continue
        elif isinstance(values.get("resolves"), Mapping):
            # The lock files of others have no effect.
            resolves.add(values.get("default_resolve"))
            used = {key: value for key, value in values["resolves"].items() if key in resolves}
            values = {**values, "resolves": used}
        if values:
            found[scope] = values
    return found


def past_inputs(now: TargetInputs | None, listing: Listing) -> TargetInputs:
    """What a target was built from in a revision, as far as that can be told from what it is now.

    Those of its files that the revision has, in `listing`, are told; others that it had are not.
    """
    if now is None or now.error:
        return TargetInputs()
    return replace(now, paths=tuple(path for path in now.paths if path in listing))


def named_files(value: Any) -> Iterator[str]:
    """The strings in the value of an option, any of which may name a file, such as a lock file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from named_files(each)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from named_files(each)


def _scopes(module: str) -> frozenset[str] | None:
    for prefix, scopes in _BACKEND_SCOPES.items():
        if module == prefix or module.startswith(f"{prefix}."):
            return scopes
    return None


def _json(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """The value as JSON has it; what it does not know, as a string."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(_json, value))
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value)
