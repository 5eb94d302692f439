"""What there is to measure in a generated repository: mostly, how long a command takes."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from benchmarks.bench import Bench
from benchmarks.generate import (
    BASE,
    CHANGED,
    HUB_SOURCE,
    IGNORE_FILE,
    IGNORE_RULES,
    MAIN,
    PLUGINS,
    SAME_SETTINGS,
    SCRIPT,
    SETTINGS,
)

sys.path.insert(0, str(PLUGINS))

from mzbuild.core.cargo.staged_files import load_known, save_known, stage
from mzbuild.core.work_tree.files import SYMLINK, digest_content

SCRIPT_PATH = str(Path(__file__).resolve().parent / "plain_fingerprint.py")


@dataclass(frozen=True)
class Measured:
    """Something that takes so many seconds, or MiB, and may print something."""

    label: str
    read: Callable[[Bench], tuple[float, str]]
    unit: str = "s"


# A change gets the number of its turn, from 0: even turns make it, odd ones take it back.
Change = Callable[[Bench, int], None]


def nothing(_: Bench, __: int) -> None:
    pass


def edit_hub(bench: Bench, turn: int) -> None:
    with (bench.root / HUB_SOURCE).open("a") as file:
        file.write(f"// Edit {turn}.\n")


def check_out_branch(bench: Bench, turn: int) -> None:
    bench.run("git", "checkout", "--quiet", "--force", (CHANGED, MAIN)[turn % 2])


def change_mode(bench: Bench, turn: int) -> None:
    (bench.root / BASE / SCRIPT).chmod((0o644, 0o755)[turn % 2])


def change_ignored_file(bench: Bench, turn: int) -> None:
    (bench.root / BASE / "debug.log").write_text(f"Turn {turn}.\n")


def change_ignore_rules(bench: Bench, turn: int) -> None:
    (bench.root / IGNORE_FILE).write_text(("", IGNORE_RULES)[turn % 2])


def swap_for_symlink(bench: Bench, turn: int) -> None:
    settings = bench.root / BASE / SETTINGS
    settings.unlink()
    if turn % 2:
        shutil.copyfile(settings.with_name(SAME_SETTINGS), settings)
    else:
        settings.symlink_to(SAME_SETTINGS)


def command(
    label: str,
    argv: Callable[[Bench], list[str]],
    before: Callable[[Bench], object] = lambda _: None,
) -> Measured:
    """How long a command takes, `before` which something is done."""

    def read(bench: Bench) -> tuple[float, str]:
        before(bench)
        words = argv(bench)
        start = perf_counter()
        output = bench.run(*words)
        return perf_counter() - start, output

    return Measured(label, read)


def pants(*arguments: str) -> Measured:
    label = f"`{arguments[0]}`"
    return command(label, lambda bench: [bench.pants, *arguments])


def pants_of_image(goal: str) -> Measured:
    return command(f"`{goal}`", lambda bench: [bench.pants, goal, f"//{bench.image.directory}"])


FINGERPRINT = pants("mzbuild-fingerprint", "::")
FINGERPRINT_ONE = pants_of_image("mzbuild-fingerprint")
LIST = pants("mzbuild-list", "::")
DESCRIBE = pants_of_image("mzbuild-describe")
GRAPH = pants("mzbuild-graph", "::", "--mzbuild-graph-format=html")
EXPLAIN = pants("mzbuild-explain", f"--since={CHANGED}", "::")
PLAN = pants("mzbuild-plan", "::")
PACKAGE = pants("package", "::")
ENSURE = pants("mzbuild-ensure", "::")
PANTS_VERSION = pants("--version")
GIT_STATUS = command("`git status`", lambda _: ["git", "status", "--porcelain"])
PLAIN = command("plain script", lambda bench: [bench.python, SCRIPT_PATH, "."])


def on_new_pantsd(measured: Measured) -> Measured:
    """The first that a new pantsd is asked for, but for what does nothing: how long that takes
    varies by seconds, which would hide all else."""

    def read(bench: Bench) -> tuple[float, str]:
        bench.stop_pantsd()
        PANTS_VERSION.read(bench)
        return measured.read(bench)

    return replace(measured, read=read)


# --- A trivial image ---------------------------------------------------------------------------


def _change_image(bench: Bench) -> None:
    (bench.root / BASE / "nonce").write_text(secrets.token_hex())


def _copy_image(bench: Bench) -> None:
    """Make a context that nobody has built yet, so that the engine cannot answer from memory."""
    context = bench.beside("context")
    shutil.rmtree(context, ignore_errors=True)
    # Images in the image's directory have contexts of their own.
    shutil.copytree(bench.root / BASE, context, ignore=shutil.ignore_patterns("nested"))
    (context / "nonce").write_text(secrets.token_hex())


def _build(bench: Bench, context: Path) -> list[str]:
    assert bench.engine
    tag = f"--tag={bench.engine.prefix}by-hand-{context.name.lower()}"
    return ["docker", "buildx", "build", "--load", tag, str(context)]


PACKAGE_TRIVIAL = command(
    "`package`", lambda bench: [bench.pants, "package", f"//{BASE}"], before=_change_image
)
BUILD_TRIVIAL = command(
    "`docker buildx build`",
    lambda bench: _build(bench, bench.beside("context")),
    before=_copy_image,
)


# --- Images that take a second each ------------------------------------------------------------

SLOW_IMAGES, CONCURRENCY = 20, 8


def _write_slow_images(bench: Bench, directory: Path) -> list[Path]:
    """Make images that nobody has built yet, and that mostly wait."""
    assert bench.engine
    images = [directory / f"slow-{number:02}" for number in range(SLOW_IMAGES)]
    for image in images:
        image.mkdir(parents=True, exist_ok=True)
        (image / "mzbuild.yml").write_text(f"name: {image.name}\n")
        url = f"{bench.engine.slow}/{secrets.token_hex()}"
        (image / "Dockerfile").write_text(f"FROM scratch\nADD {url} /file\n")
    return images


PACKAGE_SLOW = command(
    "`package`",
    lambda bench: [
        *(bench.pants, f"--process-execution-local-parallelism={CONCURRENCY}"),
        *("package", "slow::"),
    ],
    before=lambda bench: _write_slow_images(bench, bench.root / "slow"),
)


def _one_by_one(bench: Bench) -> tuple[float, str]:
    """What it takes if nothing ever waits: rounds, each as long as one image takes alone."""
    (image, *_) = _write_slow_images(bench, bench.beside("slow"))
    seconds, output = command("", lambda _: _build(bench, image)).read(bench)
    return -(-SLOW_IMAGES // CONCURRENCY) * seconds, output


def _all_at_once(bench: Bench) -> tuple[float, str]:
    images = _write_slow_images(bench, bench.beside("slow"))
    start = perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as executor:
        list(executor.map(lambda image: bench.run(*_build(bench, image)), images))
    return perf_counter() - start, ""


IDEAL_SCHEDULE = Measured("ideal schedule", _one_by_one)
BUILD_SLOW = Measured("`docker buildx build`", _all_at_once)


# --- Others ------------------------------------------------------------------------------------


def _stage(bench: Bench) -> tuple[float, str]:
    """Stage all files of the repository; all but the first time, nothing has changed."""
    directory, known = bench.beside("staged"), str(bench.beside("staged.json"))
    directory.mkdir(exist_ok=True)
    listed = bench.run("git", "ls-files", "--stage", "-z").split("\0")[:-1]
    sources: dict[str, tuple[str | None, str, int]] = {}
    for line in listed:
        status, path = line.split("\t", 1)
        mode, file = int(status.split(" ")[0], 8), str(bench.root / path)
        content = os.readlink(file) if mode == SYMLINK else digest_content(file).sha256
        sources[path] = ("all", content, mode)
    start = perf_counter()
    save_known(known, stage(str(directory), str(bench.root), sources, load_known(known), {}))
    return perf_counter() - start, ""


STAGE = Measured("staging", _stage)


def _memory_of_plugin(bench: Bench) -> tuple[float, str]:
    """Have a new pantsd do one thing after another, and see what it keeps."""
    bench.stop_pantsd()
    for change in (nothing, edit_hub, check_out_branch):
        change(bench, 0)
        FINGERPRINT.read(bench)
    check_out_branch(bench, 1)
    for measured in (FINGERPRINT_ONE, LIST, DESCRIBE, GRAPH, EXPLAIN, FINGERPRINT):
        measured.read(bench)
    return bench.pantsd_memory(), ""


def _memory_of_pants(bench: Bench) -> tuple[float, str]:
    bench.stop_pantsd()
    bare = replace(bench, environment={**bench.environment, "PANTS_BACKEND_PACKAGES": "[]"})
    bare.run(bare.pants, "list", "::")
    memory = bench.pantsd_memory()
    bench.stop_pantsd()
    return memory, ""


MEMORY_OF_PLUGIN = Measured("plugin", _memory_of_plugin, "MiB")
MEMORY_OF_PANTS = Measured("pantsd without it", _memory_of_pants, "MiB")
