"""A real browser, and the other programs that draw graphs."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.repo import CHECKOUT


def tool(package: str, *programs: str) -> str:
    """The path of the first of some programs that there is, or of the package's, installed now."""
    command = [str(CHECKOUT / "bin/apt-tool"), package, *programs]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().strip()


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    programs = ("chromium-headless-shell", "chromium", "google-chrome")
    chromium = tool("chromium-headless-shell", *programs)
    with sync_playwright() as playwright:
        # As root, Chromium does not start with its sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
