"""The core as a part of its own: whoever builds on a later Pants, or on none, can use it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import mzbuild.core
import pytest

from tests.core.conftest import ENV, VECTORS

CORE = Path(mzbuild.core.__file__).parent
MODULES = sorted(
    ".".join(("mzbuild", "core", *path.relative_to(CORE).with_suffix("").parts))
    for path in CORE.rglob("*.py")
    if path.stem != "__init__"
)

# The folders and modules right in the core: each imports only those before it. A name that is not
# here is a folder that nobody has placed yet.
LAYERS = (
    *("resources", "safe", "errors", "paths", "configuration", "text", "git", "work_tree"),
    *("revisions", "docker", "cargo", "actions", "image", "fingerprint", "registries", "plan"),
    *("lint", "graph", "describe", "explain", "export"),
)

# Runs what follows with some packages as good as not installed.
BLOCKED = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(f"{name} is blocked")
        return None

blocked = sys.argv[1].split(",")
sys.meta_path.insert(0, Blocker())
for name in [name for name in sys.modules if name.partition(".")[0] in blocked]:
    del sys.modules[name]
sys.modules.update(dict.fromkeys(blocked))
"""


def run(blocked: str, script: str, *args: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", BLOCKED + script, blocked, *args],
        env={**ENV, "PYTHONPATH": ":".join(sys.path)},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_blocking_blocks() -> None:
    script = "\ntry: import pants.engine.rules\nexcept ImportError as error: print(error)"
    assert "pants" in run("pants", script)


def imported(module: str) -> set[str]:
    """The modules of the core that a module imports, wherever it does."""
    path = CORE.joinpath(*module.split(".")[2:]).with_suffix(".py")
    names = (
        node.module
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    )
    return {name for name in names if name in MODULES}


def test_imports_go_one_way() -> None:
    upwards = [
        f"{module} imports {other}"
        for module in MODULES
        for other in sorted(imported(module))
        if LAYERS.index(other.split(".")[2]) > LAYERS.index(module.split(".")[2])
    ]
    assert upwards == []


def test_no_modules_import_one_another() -> None:
    left = {module: imported(module) for module in MODULES}
    while ready := [module for module in left if not left[module] & left.keys()]:
        for module in ready:
            del left[module]
    assert left == {}


# Whoever copies the backend has nothing but Pants: no parser of TOML either.
@pytest.mark.parametrize("blocked", ["pants", "pants,tomli,toml,tomllib"])
def test_every_module_can_be_imported_without(blocked: str) -> None:
    script = "import importlib\nfor name in sys.argv[2:]: importlib.import_module(name)\n"
    script += "print(sorted(name for name in sys.modules if name.startswith('pants.')))"
    assert run(blocked, script, *MODULES) == "[]\n"


def test_fingerprints_are_the_same_without_pants_and_parsers_of_toml(
    vectors_repository: Path,
) -> None:
    script = (
        "import json\n"
        "from pathlib import Path\n"
        "from tests.core.conftest import describe\n"
        "print(json.dumps(describe(Path(sys.argv[2])).fingerprints))"
    )
    printed = json.loads(run("pants,tomli,toml,tomllib", script, str(vectors_repository)))
    expected = json.loads((VECTORS / "expected.json").read_text())["fingerprints"]
    assert printed == expected["profile=optimized arch=x86_64 coverage=false sanitizer=none"]
