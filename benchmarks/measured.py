"""What there is to measure in a generated repository: mostly, how long a command takes."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from benchmarks.bench import Bench
from benchmarks.engine import PREFIX
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

from mzbuild.core.cargo.staging import load_known, save_known, stage
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
    def read(bench: Bench) -> tuple[float, str]:
        bench.stop_pantsd()
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
    tag = f"{bench.environment[PREFIX]}by-hand"
    return ["docker", "buildx", "build", "--load", f"--tag={tag}", str(context)]


PACKAGE_TRIVIAL = command(
    "`package`", lambda bench: [bench.pants, "package", f"//{BASE}"], before=_change_image
)
BUILD_TRIVIAL = command(
    "`docker buildx build`",
    lambda bench: _build(bench, bench.beside("context")),
    before=_copy_image,
)


# --- Images that take a while each -------------------------------------------------------------

SLOW_IMAGES, CONCURRENCY = 20, 8
_SLOW = "slow"
_PAUSE = "fn main() { std::thread::sleep(std::time::Duration::from_millis(1000)); }\n"


def _slow_dockerfile(base: str) -> str:
    return f'{base}\nRUN ["/pause", "{secrets.token_hex()}"]\n'


def _write_slow_images(bench: Bench) -> None:
    """Make images that nobody has built yet, on a base that has the program which they run."""
    base = bench.root / _SLOW / "pause"
    if not base.exists():
        base.mkdir(parents=True)
        (base / "mzbuild.yml").write_text("name: pause\n")
        (base / "Dockerfile").write_text("FROM scratch\nCOPY pause /\n")
        source = bench.beside("pause.rs")
        source.write_text(_PAUSE)
        static = "-Ctarget-feature=+crt-static"
        bench.run("rustc", "-O", static, "-o", str(base / "pause"), str(source))
    for number in range(SLOW_IMAGES):
        image = bench.root / _SLOW / f"slow-{number:02}"
        image.mkdir(exist_ok=True)
        (image / "mzbuild.yml").write_text(f"name: {image.name}\n")
        (image / "Dockerfile").write_text(_slow_dockerfile("MZFROM pause"))


PACKAGE_SLOW = command(
    "`package`",
    lambda bench: [
        bench.pants,
        f"--process-execution-local-parallelism={CONCURRENCY}",
        "package",
        f"{_SLOW}::",
    ],
    before=_write_slow_images,
)


def _ideal_schedule(bench: Bench) -> tuple[float, str]:
    """What it takes if nothing ever waits: rounds, each as long as one image takes by hand."""
    context = bench.beside("slow")
    context.mkdir(exist_ok=True)
    shutil.copy(bench.root / _SLOW / "pause/pause", context)
    (context / "Dockerfile").write_text(_slow_dockerfile("FROM scratch\nCOPY pause /"))
    seconds, _ = command("", lambda bench: _build(bench, context)).read(bench)
    return -(-SLOW_IMAGES // CONCURRENCY) * seconds, ""


IDEAL_SCHEDULE = Measured("ideal schedule", _ideal_schedule)


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
    save_known(known, stage(str(directory), str(bench.root), sources, load_known(known)))
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
