"""The features of packages, compared with those that Cargo itself would build them with."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from mzbuild.core.cargo.lock import parse_cargo_lock
from mzbuild.core.cargo.metadata import (
    CargoMetadata,
    Platform,
    host_triple,
    metadata_args,
    parse_packages,
)
from mzbuild.core.cargo.resolution import FeatureRules, Selection, Unit, resolve
from mzbuild.core.cargo.settings import CargoSettings

from tests.core.cargo.workspaces import load

TRIPLE = "x86_64-unknown-linux-gnu"
CRATES = 8
FEATURES = ("f0", "f1", "f2")

# Conditions that hold here, and some that do not.
PLATFORMS = ("cfg(unix)", "cfg(windows)", 'cfg(all(target_os = "linux", not(windows)))', TRIPLE)


VENDOR = '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "vendor"\n'


def workspace(seed: int, members: int = CRATES) -> dict[str, str]:
    """A workspace in which features go all ways, by the path of each file. All crates but the
    first few are from elsewhere: members depend on them by version."""
    chance = random.Random(seed)
    resolver = ("1", "2")[seed % 2]
    files = {}
    names = [f"c{number}" for number in range(CRATES)]
    for number, name in enumerate(names):
        tables: dict[str, list[str]] = {}
        optional, plain = [], []
        for other in names[number + 1 :]:
            kind = chance.choice(["", "", "", "build-", "dev-"])
            if chance.random() < 0.5:
                continue
            here = names.index(other) < members
            fields = [f'path = "../{other}"' if here else 'version = "0.1"']
            if chance.random() < 0.3:
                fields.append("default-features = false")
            if chance.random() < 0.5:
                fields.append(f'features = ["{chance.choice(FEATURES)}"]')
            if kind != "dev-" and chance.random() < 0.4:
                fields.append("optional = true")
                optional.append(other)
            else:
                plain.append(other)
            table = f"{kind}dependencies"
            if chance.random() < 0.2:
                table = f"target.'{chance.choice(PLATFORMS)}'.{table}"
            tables.setdefault(table, []).append(f"{other} = {{ {', '.join(fields)} }}\n")
        values: dict[str, list[str]] = {feature: [] for feature in ("default", *FEATURES)}
        # An optional dependency that is named as one is no feature.
        hidden = seed % 4 > 1
        for feature, own in values.items():
            own += [each for each in FEATURES if each > feature and chance.random() < 0.3]
            for other in optional:
                forms = [f"dep:{other}" if hidden else other, f"{other}/f1", f"{other}?/f2"]
                own += chance.sample(forms, chance.choice([0, 1]))
        if hidden:
            values["all"] = [f"dep:{other}" for other in optional]
        tables["features"] = [f"{name} = {json.dumps(own)}\n" for name, own in values.items()]
        macro = chance.random() < 0.2
        head = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
        head += "[lib]\nproc-macro = true\n" if macro else ""
        body = "".join(f"[{table}]\n{''.join(lines)}" for table, lines in tables.items())
        directory = name if number < members else f"vendor/{name}"
        files[f"{directory}/Cargo.toml"] = head + body
        files[f"{directory}/src/lib.rs"] = files[f"{directory}/src/main.rs"] = ""
        files[f"{directory}/build.rs"] = files[f"{directory}/examples/e{number}.rs"] = ""
        if number >= members:
            files[f"{directory}/.cargo-checksum.json"] = '{"files": {}}'
            files[".cargo/config.toml"] = VENDOR
    files["Cargo.toml"] = f'[workspace]\nresolver = "{resolver}"\nmembers = ["c*"]\n'
    return files


def run(directory: Path, *command: str) -> str:
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cargo_units(directory: Path, arguments: list[str]) -> dict[Unit, set[str]]:
    """What Cargo would compile, and with which features."""
    command = ["cargo", "build", "--offline", f"--target={TRIPLE}", *arguments]
    graph = run(directory, *command, "--unit-graph", "-Zunstable-options")
    units: dict[Unit, set[str]] = {}
    for unit in json.loads(graph)["units"]:
        # A build script is the same program on either side: what it runs for is what counts.
        if "custom-build" not in unit["target"]["kind"] or unit["mode"] == "run-custom-build":
            url, _, fragment = unit["pkg_id"].partition("#")
            name = fragment.replace("@", " ") if "@" in fragment else url.rpartition("/")[2]
            key = (name, unit["platform"] is None)
            assert units.setdefault(key, set(unit["features"])) == set(unit["features"])
    return units


def metadata(directory: Path) -> CargoMetadata:
    """What Cargo and the compiler tell of a workspace."""
    compiler = run(directory, "rustc", "-vV")
    args = metadata_args(CargoSettings(TRIPLE, "dev"), compiler, offline=True)
    told = run(directory, "cargo", *args)
    cfg = run(directory, "rustc", "--print=cfg").splitlines()
    platform = Platform(host_triple(compiler), frozenset(cfg))
    return CargoMetadata(parse_packages(f"Some words.\n{told}"), platform, platform)


@pytest.mark.parametrize("members", [CRATES, 2])
@pytest.mark.parametrize("seed", range(12))
def test_features_are_those_that_cargo_finds(seed: int, members: int, tmp_path: Path) -> None:
    files = workspace(seed, members)
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    run(tmp_path, "cargo", "generate-lockfile", "--offline")
    lock = parse_cargo_lock((tmp_path / "Cargo.lock").read_bytes(), "Cargo.lock")
    names = random.Random(seed).sample([f"c{number}" for number in range(members)], 2)
    features = tuple(random.Random(seed).sample(["f0", f"{names[0]}/f1"], 1))
    resolver_1 = seed % 2 == 0
    for examples in (False, True):
        kind = "example" if examples else "bin"
        targets = [name.replace("c", "e") if examples else name for name in names]
        arguments = [f"--package={name}" for name in names]
        arguments += [f"--{kind}={target}" for target in targets]
        arguments += [f"--features={','.join(features)}"]
        known = metadata(tmp_path) if members < CRATES else None
        rules = FeatureRules(load(files), lock, TRIPLE, metadata=known)
        found = resolve(Selection(tuple(names), features, examples), rules)
        if known is None:
            assert not found.uncertain or "build-" in "".join(files.values())
        else:
            assert (found.uncertain, found.requests) == (False, {})
        for (name, for_host), there in cargo_units(tmp_path, arguments).items():
            unit = (name, for_host and not resolver_1)
            on = {value for value in found.units[unit] if not value.startswith("dep:")}
            assert on == there, (unit, examples)
