#!/usr/bin/env python3
"""Generate a monorepo as the plugin's users have them, as a committed Git work tree.

The same size and seed give the same files. Every crate builds, and nothing comes from outside.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

PLUGINS = Path(__file__).resolve().parent.parent / "pants-plugins"


class Size(NamedTuple):
    images: int
    crates: int
    files: int


SIZES = {
    "tiny": Size(5, 10, 200),
    "S": Size(50, 120, 10_000),
    "L": Size(500, 1_200, 100_000),
    "XL": Size(1_000, 2_000, 250_000),
}

# The branch `CHANGED` differs from `MAIN` in this many files.
MAIN, CHANGED, CHANGED_FILES = "main", "changed", 500

# What a benchmark can change in every repository: an image that others build on, with a script,
# two equal files and an ignored one in its context; what ignores that one, from the directory
# above; a crate that all others depend on.
BASE = "misc/images/image-0000"
SCRIPT, SETTINGS, SAME_SETTINGS = "entrypoint.sh", "settings.conf", "settings.default.conf"
IGNORE_FILE, IGNORE_RULES = "misc/images/.gitignore", "*.bak\n"
HUB_SOURCE = "src/crate-0000/src/lib.rs"

DOMAIN = 24  # Crates come in groups of this size, which mostly depend on their own.
WORDS = ["a", "batch", "cursor", "epoch", "frontier", "lease", "of", "row", "shard", "the", "until"]

T = TypeVar("T")


class File(NamedTuple):
    text: str
    filler: int = 0  # Bytes of comment after the text.
    mode: str = "100644"


@dataclass(frozen=True)
class Crate:
    name: str
    directory: str
    dependencies: list[Crate]
    programs: dict[str, list[str]]  # Names by where Cargo looks for them.
    dev: list[Crate]
    build: list[Crate]
    modules: list[str] = field(default_factory=list)

    @property
    def identifier(self) -> str:
        return self.name.replace("-", "_")

    @property
    def alias(self) -> str:
        """What its dependents call it; only the first hub has a name of its own there."""
        return "hub" if self.name == "crate-0000" else self.name


@dataclass(frozen=True)
class Image:
    name: str
    directory: str
    level: int


class Plan:
    """What a repository of a size contains: `files` maps each path to its contents."""

    def __init__(self, size: Size, seed: int, plugins: Path) -> None:
        self.size = size
        self.random = random.Random(seed)
        self.files: dict[str, File] = {}
        self.crates: list[Crate] = []
        self.images: list[Image] = []
        self.plan_root(plugins)
        for number in range(size.crates):
            self.crates.append(self.plan_crate(number))
            self.write_crate(self.crates[-1])
        self.write_workspace()
        for number in range(size.images):
            self.images.append(self.plan_image(number))
        for name in (SETTINGS, SAME_SETTINGS):
            self.files[f"{BASE}/{name}"] = File("retries = 3\n")
        self.plan_filler(size.files - len(self.files) - len(self.crates))
        for crate in self.crates:
            self.write_library(crate)

    def sample(self, population: Sequence[T], most: int) -> list[T]:
        return self.random.sample(population, min(len(population), self.random.randint(1, most)))

    def filler(self) -> int:
        """A size as in trees of sources: half of the files below 3 kB, but 8 kB on average."""
        return min(200_000, int(self.random.lognormvariate(8.0, 1.4)))

    def plan_root(self, plugins: Path) -> None:
        self.files = {
            ".gitignore": File("/.pants.d/\n/.pids/\n/dist/\ntarget/\n*.log\n"),
            "pants.toml": File(
                '[GLOBAL]\nbackend_packages = ["mzbuild"]\n'
                f"pythonpath = [{json.dumps(str(plugins))}]\n"
            ),
            ".cargo/config": File('[build]\nrustflags = ["-C", "target-feature=+crt-static"]\n'),
            "ci/builder/Dockerfile": File("FROM scratch\n"),
            "ci/builder/run": File('#!/bin/sh\nexec "$@"\n', mode="100755"),
            "ci/latest": File("builder/run", mode="120000"),
            "doc/introduction.md": File("# Introduction\n"),
            "doc/design/über uns.md": File("# A name with a space and an accent\n"),
            IGNORE_FILE: File(IGNORE_RULES),
        }

    def plan_crate(self, number: int) -> Crate:
        """A hub that all use, or a library of a domain, or a service of one, with programs."""
        name, hubs = f"crate-{number:04}", 3 + self.size.crates // 200
        if number < hubs:
            return Crate(name, f"src/{name}", self.crates[-1:], {}, [], [])
        position = (number - hubs) % DOMAIN
        start = number - position
        domain = self.crates[start:]
        dependencies = self.sample(self.crates[:hubs], 3) + self.sample(domain, 4)
        if start > hubs and self.random.random() < 0.4:
            other = self.random.randrange(hubs, start, DOMAIN)
            dependencies += self.sample(self.crates[other : other + DOMAIN], 2)
        directory = f"{domain[-1].directory}/nested" if position % 12 == 6 else f"src/{name}"
        if position % 3 != 2:
            return Crate(name, directory, dependencies, {}, [], [])
        programs = {
            "src/bin": [f"service-{number:04}", f"service-{number:04}-admin"],
            "examples": [f"demo-{number:04}"],
        }
        return Crate(name, directory, dependencies, programs, domain[:1], self.crates[:1])

    def write_crate(self, crate: Crate) -> None:
        """Write all of the crate except the library, which declares what the filler adds."""
        manifest = f'[package]\nname = "{crate.name}"\nversion = "0.1.0"\nedition = "2021"\n'
        up = "../" * len(crate.directory.split("/"))
        for prefix, used in (
            ("", crate.dependencies),
            ("dev-", crate.dev),
            ("build-", crate.build),
        ):
            manifest += f"\n[{prefix}dependencies]\n" if used else ""
            for other in used:
                package = f'package = "{other.name}", ' if other.alias != other.name else ""
                manifest += f'{other.alias} = {{ {package}path = "{up}{other.directory}" }}\n'
        self.files[f"{crate.directory}/Cargo.toml"] = File(manifest)
        main = f'fn main() {{\n    println!("{{}}", {crate.identifier}::value());\n}}\n'
        for place, names in crate.programs.items():
            for name in names:
                self.files[f"{crate.directory}/{place}/{name}.rs"] = File(main)
        if crate.build:
            build = "fn main() {\n    assert_ne!(hub::value(), 0);\n}\n"
            self.files[f"{crate.directory}/build.rs"] = File(build)

    def write_workspace(self) -> None:
        members = "".join(f'    "{crate.directory}",\n' for crate in self.crates)
        self.files["Cargo.toml"] = File(
            f'[workspace]\nresolver = "2"\nmembers = [\n{members}]\n\n'
            '[profile.optimized]\ninherits = "release"\nopt-level = 1\n'
        )
        lock = "version = 3\n"
        for crate in self.crates:
            lock += f'\n[[package]]\nname = "{crate.name}"\nversion = "0.1.0"\n'
            names = {used.name for used in crate.dependencies + crate.dev + crate.build}
            if names:
                lock += "dependencies = [\n"
                lock += "".join(f' "{name}",\n' for name in sorted(names)) + "]\n"
        self.files["Cargo.lock"] = File(lock)

    def plan_image(self, number: int) -> Image:
        """An image: of every two, one builds with Cargo; of every ten, one copies."""
        name, bases = f"image-{number:04}", 1 + self.size.images // 15
        services = [crate for crate in self.crates if crate.programs]
        service = services[number // 2 % len(services)]
        cargo = number >= bases and number % 2 == 1
        directory = f"misc/images/{name}"
        if cargo and number % 4 == 1 and number // 2 < len(services):
            directory = f"{service.directory}/ci"
        elif number % 25 == 2:
            directory = f"{self.images[-2].directory}/nested"
        config, ignored = f"name: {name}\n", ""
        if number % 7 == 3:
            config += "publish: false\n"
        if number % 6 == 4:
            config += "build-args:\n  EDITION: '2021'\n"
        if cargo:
            examples = number % 10 == 3
            names = service.programs["examples" if examples else "src/bin"]
            names = names[: 2 if number % 10 == 5 else 1]
            config += "pre-image:\n  - type: cargo-build\n"
            config += f"    {'example' if examples else 'bin'}: [{', '.join(names)}]\n"
            ignored = "/examples/\n" if examples else "".join(f"/{name}\n" for name in names)
        elif number % 10 == 4:
            config += "pre-image:\n  - type: copy\n    source: doc\n    destination: doc\n"
            config += "    matching: '*.md'\n"
            ignored = "/doc/\n"
        parents = self.parents(number, bases)
        dockerfile = "".join(f"MZFROM {used.name} AS {used.name}-stage\n" for used in parents[1:])
        dockerfile += f"MZFROM {parents[0].name}\n" if parents else "FROM scratch\n"
        dockerfile += f'COPY . /srv/{name}\nENTRYPOINT ["/srv/{name}/{SCRIPT}"]\n'
        self.files[f"{directory}/mzbuild.yml"] = File(config)
        self.files[f"{directory}/Dockerfile"] = File(dockerfile)
        self.files[f"{directory}/{SCRIPT}"] = File("#!/bin/sh\nexec env\n", mode="100755")
        if ignored:
            self.files[f"{directory}/.gitignore"] = File(ignored)
        return Image(name, directory, 1 + max((image.level for image in parents), default=-1))

    def parents(self, number: int, bases: int) -> list[Image]:
        """What an image builds on: few images have dependents, and chains end, as in real life."""
        if number < bases:
            return []
        earlier = self.images[: bases if number < 2 * bases else 3 * bases]
        return self.sample([image for image in earlier if image.level < 5], 3)

    def plan_filler(self, count: int) -> None:
        """Add `count` files, in the proportions and the sizes of real sources."""
        weights = [self.random.lognormvariate(0, 1) for _ in self.crates]
        crates = self.random.choices(self.crates, weights, k=count)
        for number, crate in enumerate(crates):
            share, text = self.random.random(), f"// {number}\n"
            if share < 0.45:
                module = f"m{number:06}"
                crate.modules.append(module)
                path = f"{crate.directory}/src/{module}.rs"
                text = f"pub fn value() -> u64 {{\n    {number}\n}}\n"
            elif share < 0.60:
                path = f"{crate.directory}/testdata/{number:06}.txt"
            elif share < 0.70:
                path = f"{self.random.choice(self.images).directory}/etc/{number:06}.conf"
            elif share < 0.75:
                path = f"doc/chapter-{number % 10}/{number:06}.{'svg' if number % 3 else 'md'}"
            else:
                path = f"test/suite-{number % 97:02}/{number:06}.td"
            self.files[path] = File(text, self.filler())

    def write_library(self, crate: Crate) -> None:
        names = [used.alias.replace("-", "_") for used in crate.dependencies] + crate.modules
        text = "".join(f"mod {module};\n" for module in crate.modules)
        text += "pub fn value() -> u64 {\n    let mut total = 1u64;\n" if names else ""
        text += "".join(f"    total = total.wrapping_add({name}::value());\n" for name in names)
        text += "    total\n}\n" if names else "pub fn value() -> u64 {\n    1\n}\n"
        self.files[f"{crate.directory}/src/lib.rs"] = File(text, self.filler())

    def stream(self) -> Iterator[bytes]:
        """The repository's two branches in the language of `git fast-import`."""
        lines = (f"// {' '.join(self.random.choices(WORDS, k=9))}\n" for _ in range(20_000))
        pool = "".join(lines).encode()

        def content(file: File) -> bytes:
            if not file.filler:
                return file.text.encode()
            start = pool.index(b"\n", self.random.randrange(len(pool) // 2)) + 1
            end = pool.index(b"\n", start + file.filler) + 1
            return file.text.encode() + pool[start:end]

        def commit(branch: str, files: dict[str, File]) -> Iterator[bytes]:
            yield f"commit refs/heads/{branch}\n".encode()
            yield b"committer Generator <generator@example.invalid> 1700000000 +0000\n"
            yield f"data {len(branch)}\n{branch}\n".encode()
            yield b"" if branch == MAIN else f"from refs/heads/{MAIN}\n".encode()
            for path, file in files.items():
                data = content(file)
                yield f"M {file.mode} inline {path}\ndata {len(data)}\n".encode() + data + b"\n"

        yield from commit(MAIN, self.files)
        sources = [path for path, file in self.files.items() if file.filler]
        changed = self.random.sample(sources, min(CHANGED_FILES, len(sources)))
        old = {path: self.files[path] for path in changed}
        new = {path: file._replace(text=f"// New.\n{file.text}") for path, file in old.items()}
        yield from commit(CHANGED, new)


def git(directory: Path, *command: str) -> None:
    subprocess.run(["git", *command], cwd=directory, check=True)


def generate(size: Size, destination: Path, seed: int = 1, plugins: Path = PLUGINS) -> Plan:
    """Make a repository at `destination`, which must not exist yet, with the branch `MAIN` checked
    out and the plugin from `plugins` switched on; return what it contains.

    Raises `FileExistsError`, and `CalledProcessError` when Git fails.
    """
    destination.mkdir(parents=True)
    plan = Plan(size, seed, plugins)
    git(destination, "init", "--quiet", "--initial-branch", MAIN)
    # Speed matters more than the size of a repository that is thrown away.
    command = ["git", "-c", "core.compression=0", "fast-import", "--quiet", "--depth=0"]
    with subprocess.Popen(command, cwd=destination, stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.writelines(plan.stream())
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    git(destination, "reset", "--quiet", "--hard", MAIN)
    (destination / BASE / "notes.bak").write_text("No input as long as it is ignored.\n")
    return plan


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    sizes = "; ".join(f"{name}: {', '.join(map(str, size))}" for name, size in SIZES.items())
    parser.add_argument("size", choices=SIZES, help=f"images, crates, files of each: {sizes}")
    parser.add_argument("destination", type=Path, help="a directory that does not exist yet")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        generate(SIZES[args.size], args.destination, args.seed)
    except FileExistsError:
        sys.exit(f"{args.destination} exists already: remove it or name another directory")
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{args.destination} could not be made: {error}")


if __name__ == "__main__":
    main()
