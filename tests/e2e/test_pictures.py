"""The pictures of a terminal in the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.repo import CHECKOUT, VERSION

PICTURES = CHECKOUT / "doc/pictures"


def test_they_are_of_what_the_samples_print_now(tmp_path: Path) -> None:
    command = [str(CHECKOUT / "bin/with-docker"), "--private", sys.executable]
    env = {**os.environ, "PANTS_VERSION": VERSION}
    subprocess.run([*command, str(PICTURES / "draw.py"), str(tmp_path)], env=env, check=True)
    drawn = {path.name: path.read_text() for path in tmp_path.glob("*.svg")}
    kept = {path.name: path.read_text() for path in PICTURES.glob("*.svg")}
    assert drawn == kept, f"draw them anew, as the head of {PICTURES}/draw.py says"
    readme = (CHECKOUT / "README.md").read_text()
    assert set(drawn) == set(re.findall(r"\(doc/pictures/(.*\.svg)\)", readme))
    for picture in drawn.values():
        assert not re.search(r"@font-face|@import|url\((?!#)|href", picture)
