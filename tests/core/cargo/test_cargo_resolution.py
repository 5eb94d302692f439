"""The features of packages, compared with those that Cargo itself would build them with."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from mzbuild.core.cargo.resolution import FeatureRules, Selection, Unit, resolve

from tests.core.cargo.workspaces import load

TRIPLE = "x86_64-unknown-linux-gnu"
CRATES = 8
FEATURES = ("f0", "f1", "f2")

# Conditions that hold here, and some that do not.
PLATFORMS = ("cfg(unix)", "cfg(windows)", 'cfg(all(target_os = "linux", not(windows)))', TRIPLE)


def workspace(seed: int) -> dict[str, str]:
    """A workspace in which features go all ways, by the path of each file."""
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
            fields = [f'path = "../{other}"']
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
        files[f"{name}/Cargo.toml"] = head + body
        files[f"{name}/src/lib.rs"] = files[f"{name}/src/main.rs"] = ""
        files[f"{name}/build.rs"] = files[f"{name}/examples/e{number}.rs"] = ""
    files["Cargo.toml"] = f'[workspace]\nresolver = "{resolver}"\nmembers = ["c*"]\n'
    return files


def cargo_units(directory: Path, arguments: list[str]) -> dict[Unit, set[str]]:
    """What Cargo would compile, and with which features."""
    command = ["cargo", "build", "--offline", f"--target={TRIPLE}", *arguments]
    command += ["--unit-graph", "-Zunstable-options"]
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    units: dict[Unit, set[str]] = {}
    for unit in json.loads(done.stdout)["units"]:
        # A build script is the same program on either side: what it runs for is what counts.
        if "custom-build" not in unit["target"]["kind"] or unit["mode"] == "run-custom-build":
            url = unit["pkg_id"].partition("#")[0]
            key = (url.rpartition("/")[2], unit["platform"] is None)
            assert units.setdefault(key, set(unit["features"])) == set(unit["features"])
    return units


@pytest.mark.parametrize("seed", range(12))
def test_features_are_those_that_cargo_finds(seed: int, tmp_path: Path) -> None:
    files = workspace(seed)
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    names = random.Random(seed).sample([f"c{number}" for number in range(CRATES)], 2)
    features = tuple(random.Random(seed).sample(["f0", f"{names[0]}/f1"], 1))
    resolver_1 = seed % 2 == 0
    for examples in (False, True):
        kind = "example" if examples else "bin"
        targets = [name.replace("c", "e") if examples else name for name in names]
        arguments = [f"--package={name}" for name in names]
        arguments += [f"--{kind}={target}" for target in targets]
        arguments += [f"--features={','.join(features)}"]
        rules = FeatureRules(load(files), None, TRIPLE)
        found = resolve(Selection(tuple(names), features, examples), rules)
        assert not found.uncertain or "build-" in "".join(files.values())
        for (name, for_host), there in cargo_units(tmp_path, arguments).items():
            unit = (name, for_host and not resolver_1)
            on = {value for value in found.units[unit] if not value.startswith("dep:")}
            assert on == there, (unit, examples)
