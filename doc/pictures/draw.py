#!/usr/bin/env python3
"""Draws what a terminal shows of the sample images, as SVG, for the README.

    bin/with-docker --private "$(bin/venv 3rdparty/python/dev.lock)/bin/python" doc/pictures/draw.py

Each picture is of a real run, in a clone of what is committed here, by the plugin as it is in the
work tree. The engine is a private one and Pants' cache is an empty one, since what they have is
part of a picture.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

CHECKOUT = Path(__file__).resolve().parents[2]
EDITED = "src/ore/src/lib.rs"

# All pictures are as wide, so that letters are of one size in all of them.
_COLUMNS = 105
# Rich has the browser fetch a font, which a README's picture may not: any of fixed width will do.
_SVG = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def draw_all(directory: Path) -> None:
    """Writes the pictures to a directory."""
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch, "clone")
        subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(clone)], check=True)
        try:
            _pants(clone, "package", "misc/images/base")
            for goal in ("plan", "graph"):
                _draw(directory / f"mzbuild-{goal}.svg", clone, f"mzbuild-{goal}", "::")
            with (clone / EDITED).open("a") as file:
                file.write("// A note.\n")
            _draw(directory / "mzbuild-explain.svg", clone, "mzbuild-explain", "::")
        finally:
            for directory in (".pids", ".pants.d/pids"):
                for pid_file in clone.glob(f"{directory}/*/pantsd/pid"):
                    os.kill(int(pid_file.read_text()), signal.SIGTERM)


def _draw(path: Path, clone: Path, *args: str) -> None:
    shown = Text.from_ansi(_pants(clone, "--colors", *args))
    shown.rstrip()
    console = Console(record=True, width=_COLUMNS, file=io.StringIO())
    console.print(shown)
    svg = console.export_svg(
        title=f"pants {' '.join(args)}",
        theme=DIMMED_MONOKAI,
        code_format=_SVG,
        unique_id=path.stem,
    )
    path.write_text(f"{svg.rstrip()}\n", encoding="utf-8")


def _pants(clone: Path, *args: str) -> str:
    env = {
        key: value
        for key, value in os.environ.items()
        if key == "PANTS_VERSION" or not key.startswith("PANTS_")
    }
    env["PANTS_PYTHONPATH"] = f'["{CHECKOUT}/pants-plugins"]'
    env["PANTS_MZBUILD_ARCH"] = "x86_64"
    env["PANTS_LOCAL_STORE_DIR"] = str(clone.parent / "lmdb_store")
    # All that is supported print the same.
    command = [env.get("MZBUILD_TEST_PANTS") or str(CHECKOUT / "pants"), *args]
    done = subprocess.run(command, cwd=clone, env=env, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
