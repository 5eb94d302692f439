"""What the fingerprints of earlier runs were made of. This module reads and writes files.

A log has lines of two kinds, each an identifier, a tab and JSON: a group of input files, with their
modes and SHA-1; and an image with its fingerprint, which tells the groups that it is made of. Only
what is new is added, so that a change adds little. A log that has become too long is put aside, in
place of the one before.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from fcntl import LOCK_EX, flock
from typing import Any, get_type_hints

from mzbuild.core.actions.action import InputGroup
from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.explain.snapshot import Snapshot
from mzbuild.core.fingerprint.scheme import input_record
from mzbuild.core.fingerprint.survey import Survey

_LARGEST = 32 << 20  # bytes
_TAG_PREFIX = "mzbuild-"


@dataclass
class FingerprintLog:
    """The log at a path, as a process knows it that writes to it."""

    path: str
    largest: int = _LARGEST
    # The identifiers of what the log has.
    _known: set[str] = field(default_factory=set)

    def add(self, snapshot: Snapshot) -> None:
        """Adds what the log does not have. Raises `OSError` where it cannot be written."""
        if self._known.issuperset(snapshot.survey.fingerprints.values()):
            return
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(f"{self.path}.lock", "w") as lock:
            # Another process may be writing, too. Closing the file lets go of it.
            flock(lock, LOCK_EX)
            if os.path.exists(self.path) and os.path.getsize(self.path) > self.largest:
                os.replace(self.path, _before(self.path))
            with open(self.path, "a+b") as file:
                file.seek(0)
                content = file.read()
                # A process may have been ended while it was writing.
                file.truncate(content.rfind(b"\n") + 1)
                lines = content.split(b"\n")[:-1]
                self._known = {line.partition(b"\t")[0].decode() for line in lines}
                file.writelines(line.encode() for line in self._new_lines(snapshot))

    def _new_lines(self, snapshot: Snapshot) -> Iterator[str]:
        identifiers: dict[InputGroup, str] = {}
        for name, fingerprint in snapshot.survey.fingerprints.items():
            if fingerprint in self._known:
                continue
            groups = snapshot.survey.inputs[name]
            for group in groups:
                if group not in identifiers:
                    identifiers[group] = identifier = _identifier(group, snapshot)
                    if identifier not in self._known:
                        yield self._line(identifier, _group_json(group, snapshot))
            image = {
                "name": name,
                "configuration": {
                    option.name: _plain(getattr(snapshot.configuration, option.name))
                    for option in fields(Configuration)
                },
                "groups": [identifiers[group] for group in groups],
                "dependencies": {
                    other: snapshot.survey.fingerprints[other]
                    for other in snapshot.dependencies[name]
                },
            }
            yield self._line(fingerprint, image)

    def _line(self, identifier: str, value: Mapping[str, object]) -> str:
        self._known.add(identifier)
        return f"{identifier}\t{json.dumps(value, separators=(',', ':'))}\n"


def recorded(path: str, wanted: str) -> tuple[str, Snapshot]:
    """The name of an image, and what it and all that it builds on was made of.

    `path` is that of a log; `wanted` is a fingerprint or how it begins, or an image's tag that ends
    with it. Raises `MzbuildError` where the log does not have it, or more than one of the kind.
    """
    beginning = wanted.rpartition(_TAG_PREFIX)[2].upper()
    for file in (path, _before(path)):
        lines = dict(_lines(file))
        # Identifiers of groups are in lower case.
        found = [each for each in lines if beginning and each.startswith(beginning)]
        if len(found) > 1:
            raise MzbuildError(
                f"`{wanted}` is how {listed(sorted(found))} begin. Give more of the one you mean."
            )
        if found:
            return _snapshot(lines, found[0])
    raise MzbuildError(
        f"No fingerprint that begins with `{wanted}` has been computed in this clone, as far as is "
        "remembered. Give one that a command printed here, or a revision: `--since=…`."
    )


def _snapshot(lines: Mapping[str, str], fingerprint: str) -> tuple[str, Snapshot]:
    inputs: dict[str, tuple[InputGroup, ...]] = {}
    fingerprints: dict[str, str] = {}
    dependencies: dict[str, tuple[str, ...]] = {}
    records: dict[str, bytes] = {}
    groups: dict[str, InputGroup] = {}
    waiting = [fingerprint]
    first = json.loads(lines[fingerprint])
    while waiting:
        current = waiting.pop()
        image = json.loads(lines[current])
        name = image["name"]
        if name in fingerprints:
            continue
        for identifier in image["groups"]:
            if identifier not in groups:
                groups[identifier] = _read_group(json.loads(lines[identifier]), records)
        inputs[name] = tuple(groups[identifier] for identifier in image["groups"])
        fingerprints[name] = current
        dependencies[name] = tuple(sorted(image["dependencies"]))
        waiting.extend(image["dependencies"].values())
    configuration = Configuration(
        **{
            option: kind(first["configuration"][option])
            for option, kind in get_type_hints(Configuration).items()
        }
    )
    survey = Survey(inputs, fingerprints, {})
    return first["name"], Snapshot(configuration, survey, dependencies, records.__getitem__)


def _identifier(group: InputGroup, snapshot: Snapshot) -> str:
    hashed = hashlib.sha1(f"{group.kind}\0{group.name}\0{group.definition}".encode())
    known = snapshot.joined.get(group.paths)
    hashed.update(b"".join(map(snapshot.record, group.paths)) if known is None else known)
    return hashed.hexdigest()


def _group_json(group: InputGroup, snapshot: Snapshot) -> Mapping[str, object]:
    # A record is two bytes of mode, the path, and twenty bytes of SHA-1 before the last one.
    records = {path: snapshot.record(path) for path in group.paths}
    return {
        "kind": group.kind,
        "name": group.name,
        **({"definition": group.definition} if group.definition else {}),
        "files": {
            path: record[:2].hex() + record[-21:-1].hex() for path, record in records.items()
        },
    }


def _read_group(value: Any, records: dict[str, bytes]) -> InputGroup:
    for path, shown in value["files"].items():
        mode, sha1 = int(shown[:4], 16), bytes.fromhex(shown[4:])
        records[path] = input_record(path, mode, sha1)
    paths, definition = tuple(value["files"]), value.get("definition", "")
    return InputGroup(value["kind"], value["name"], paths, definition)


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _before(path: str) -> str:
    return f"{path}.1"


def _lines(path: str) -> Iterator[tuple[str, str]]:
    """Identifiers and JSON; without a line that was not written to its end."""
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                identifier, _, value = line.partition("\t")
                if value.endswith("\n"):
                    yield identifier, value
    except FileNotFoundError:
        return
