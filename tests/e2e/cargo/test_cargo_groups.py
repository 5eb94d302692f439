"""Several `cargo-build` actions at once: what shares an invocation of Cargo."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from pants.engine.internals.native_engine import PyExecutor, PyStubCAS

from tests.e2e.images import (
    COPY_ALL,
    File,
    building,
    changed,
    contents,
    described,
    image,
    shadow,
    until,
)
from tests.e2e.repo import Content, Docker, Repo, Result, finish


def crate(name: str, *lines: str, main: str = "") -> dict[str, Content]:
    head = ["[package]", f'name = "{name}"', 'version = "0.1.0"', 'edition = "2021"', *lines, ""]
    source = {f"{name}/src/main.rs": main} if main else {}
    return {f"{name}/Cargo.toml": "\n".join(head), **source}


def cargo_image(name: str, fields: str) -> dict[str, Content]:
    return image(name, COPY_ALL, f"pre-image: [{{type: cargo-build, {fields}}}]\n")


def vendored(name: str, *lines: str) -> dict[str, Content]:
    files = {f"vendor/{path}": content for path, content in crate(name, *lines).items()}
    sources = {f"vendor/{name}/src/lib.rs": "", f"vendor/{name}/.cargo-checksum.json": SUMS}
    return {**files, **sources}


# How Pants calls the process in which Cargo tells of packages from elsewhere.
SUMS = '{"files": {}}'
SAY = 'fn main() {\n    println!("{}", shared::NAME);\n}\n'

FILES: Mapping[str, Content] = {
    "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["plain", "loud", "calm", "shared", '
    '"left", "right", "more"]\n',
    ".cargo/config.toml": '[build]\nrustflags = ["-C", "target-feature=+crt-static"]\n'
    '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "vendor"\n',
    # What both of these need, each of them by another way, comes from elsewhere.
    **crate("left", "[dependencies]", 'one = "0.1"', main="fn main() {}\n"),
    **crate("right", "[dependencies]", 'two = "0.1"', main="fn main() {}\n"),
    **crate(
        "more",
        *("[dependencies]", 'two = "0.1"', 'base = { version = "0.1", features = ["more"] }'),
        main="fn main() {}\n",
    ),
    **vendored("one", "[dependencies]", 'base = "0.1"'),
    **vendored(
        "two",
        *("[dependencies]", 'base = "0.1"'),
        *(
            "[target.'cfg(special)'.dependencies]",
            'base = { version = "0.1", features = ["more"] }',
        ),
    ),
    **vendored("base", "[features]", "more = []"),
    "apart/BUILD": "".join(
        f'mzbuild_cargo_build(name="{name}", bin=["{name}"])\n'
        for name in ("left", "right", "more")
    ),
    **crate("shared", "[features]", "loud = []"),
    "shared/src/lib.rs": (
        'pub const NAME: &str = if cfg!(feature = "loud") { "LOUD" } else { "calm" };\n'
    ),
    **crate("plain", "[features]", "more = []", main='fn main() {\n    println!("plain");\n}\n'),
    **crate(
        "loud",
        *("[dependencies]", 'shared = { path = "../shared", features = ["loud"] }'),
        main=SAY,
    ),
    **crate("calm", "[dependencies]", 'shared = { path = "../shared" }', main=SAY),
    **cargo_image("plain", "bin: plain"),
    **cargo_image("loud", "bin: loud"),
    **cargo_image("calm", "bin: calm"),
    **image("no-cargo", COPY_ALL),
    "tools/BUILD": (
        'mzbuild_cargo_build(name="programs", bin=["calm", "plain"], features=["more"])\n'
    ),
}


class Workshop(NamedTuple):
    repo: Repo
    docker: Docker
    calls_file: Path

    def package(
        self,
        *targets: str,
        options: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> Result:
        """Packages images that the engine does not have."""
        for spec in self.docker.images():
            self.docker("image", "rm", "--force", spec)
        self.calls_file.write_text("")
        args = ("--mzbuild-profile=dev", *options, "package", *targets)
        return self.repo.pants(*args, env=env, check=check)

    def built(self) -> list[str]:
        """The programs that each invocation of Cargo was to build in the last command."""
        calls = self.calls_file.read_text().splitlines()
        return [" ".join(re.findall(r"--(?:bin|features)=(\S+)", call)) for call in calls]

    def program(self, name: str) -> bytes:
        """The program of an image that was just packaged."""
        entry = contents(self.docker, described(self.repo)[name]["spec"])[name]
        assert isinstance(entry, File)
        return entry.content


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("groups")
    calls = directory / "calls"
    recording = shadow(
        directory / "bin",
        "cargo",
        f'if [ "$1" = metadata ]; then echo "$*" >>{calls}-metadata; '
        f'if [ -e {calls}-no-metadata ]; then echo "error: no luck" >&2; exit 1; fi; fi\n'
        f'if [ "$1" = build ]; then echo "$*" >>{calls}\n'
        f'while [ -e {calls}-wait ]; do sleep 0.1; done; fi; exec "$real" "$@"',
    )
    with building(directory, cold_caches, FILES, recording) as (repo, docker):
        command = ["cargo", "generate-lockfile", "--offline", "--quiet"]
        subprocess.run(command, cwd=repo.root, check=True)
        repo.commit("lock")
        yield Workshop(repo, docker, calls)


def test_features_do_not_leak_from_one_image_to_another(workshop: Workshop) -> None:
    """The very bytes of each program are those that it has when it is built alone."""
    alone = {}
    for name in ("calm", "loud", "plain"):
        workshop.package(f"images/{name}")
        assert workshop.built() == [name]
        alone[name] = workshop.program(name)
    # All three are built again, from sources that say the same, in a tree that has changed.
    again = {f"{name}/new.rs": "" for name in (*alone, "shared")}
    with changed(workshop.repo, again):
        result = workshop.package("images::")
        assert workshop.built() == ["calm plain", "loud"]
        assert "Cargo builds calm, plain (group 1 of 2); follow it with: tail -F" in result.stderr
        assert "Cargo builds loud (group 2 of 2); follow it with: tail -F" in result.stderr
        assert {name: workshop.program(name) for name in alone} == alone
    for name, said in {"calm": "calm\n", "loud": "LOUD\n", "plain": "plain\n"}.items():
        workshop.package(f"images/{name}")
        spec = described(workshop.repo)[name]["spec"]
        output = workshop.docker("run", "--rm", f"--entrypoint=/srv/{name}", spec).stdout
        assert output == said


def test_only_what_is_not_there_is_built(workshop: Workshop) -> None:
    workshop.package("images::")
    with changed(workshop.repo, {"plain/src/main.rs": "fn main() {}\n"}):
        workshop.package("images::")
        assert workshop.built() == ["plain"]
        # What was built together is there for each by itself, and in any other company.
        for selection in (["images/plain"], ["images/plain", "images/loud"], ["images::"]):
            workshop.package(*selection)
            assert workshop.built() == []


@pytest.mark.parametrize("shared", [False, True], ids=["local", "remote"])
def test_what_was_built_together_is_found_alone_when_all_else_is_gone(
    workshop: Workshop, tmp_path: Path, shared: bool
) -> None:
    """Only a cache is left: of Pants on this machine, or a remote one that a machine writes to."""
    # It lasts as long as what executes it.
    executor = PyExecutor(2, 4)
    remote = PyStubCAS.builder().build(executor)
    address = f"--remote-store-address={remote.address.replace('http', 'grpc')}"
    options = ("--remote-cache-read", address) if shared else ()
    files = {f"{name}/src/{shared}.rs": "" for name in ("calm", "plain")}
    targets = ("images/calm", "images/plain")
    with changed(workshop.repo, files):
        writing = (*options, "--remote-cache-write") if options else ()
        workshop.package(*targets, options=writing)
        assert workshop.built() == ["calm plain"]
        for number, target in enumerate(targets):
            workshop.repo.stop_pantsd()
            env = {"PANTS_NAMED_CACHES_DIR": str(tmp_path / f"caches-{number}")}
            if shared:
                env["PANTS_LOCAL_STORE_DIR"] = str(tmp_path / f"store-{number}")
            workshop.package(target, options=options, env=env)
            assert described(workshop.repo)[target.partition("/")[2]]["origin"] == "built"
            assert workshop.built() == []
    workshop.repo.stop_pantsd()


def test_an_image_that_is_there_needs_no_cargo(workshop: Workshop) -> None:
    workshop.package("images::")
    with changed(workshop.repo, {"shared/src/new.rs": "", "plain/src/new.rs": ""}):
        workshop.package("images/calm", "images/loud")
        workshop.calls_file.write_text("")
        workshop.repo.pants("--mzbuild-profile=dev", "package", "images::")
        origins = {name: one["origin"] for name, one in described(workshop.repo).items()}
        assert origins == {
            "calm": "reused",
            "loud": "reused",
            "no-cargo": "built",
            "plain": "built",
        }
        assert workshop.built() == ["plain"]


def test_an_image_without_cargo_does_not_wait_for_it(workshop: Workshop) -> None:
    workshop.package("images/no-cargo")
    spec = described(workshop.repo)["no-cargo"]["spec"]
    workshop.docker("image", "rm", "--force", spec)
    workshop.calls_file.write_text("")
    waiting = Path(f"{workshop.calls_file}-wait")
    waiting.touch()
    try:
        with changed(workshop.repo, {"plain/src/slow.rs": ""}):
            process = workshop.repo.start_pants(
                "--mzbuild-profile=dev", "package", "images/plain", "images/no-cargo"
            )
            until(lambda: workshop.docker.images() == {spec}, "the image without Cargo is built")
            until(workshop.built, "Cargo has begun")
            assert workshop.docker.images() == {spec}
            waiting.unlink()
            finish(process, check=True)
    finally:
        waiting.unlink(missing_ok=True)
    assert len(workshop.docker.images()) == 2


def test_programs_can_be_packaged_without_an_image(workshop: Workshop) -> None:
    workshop.package("tools:programs")
    assert workshop.built() == ["calm plain more"]
    directory = workshop.repo.root / "dist/tools/programs"
    assert sorted(path.name for path in directory.iterdir()) == ["calm", "plain"]
    said = [
        subprocess.run([directory / name], check=True, capture_output=True).stdout
        for name in ("calm", "plain")
    ]
    assert said == [b"calm\n", b"plain\n"]


def test_programs_of_an_image_are_packaged_where_their_address_is_named(
    workshop: Workshop,
) -> None:
    workshop.package("images/calm:cargo-build")
    program = workshop.repo.root / "dist/images.calm/cargo-build/calm"
    assert subprocess.run([program], check=True, capture_output=True).stdout == b"calm\n"
    assert workshop.docker.images() == set()
    # Those of a directory are packaged as part of its image.
    program.unlink()
    workshop.package("images/calm::")
    assert not program.exists()
    assert described(workshop.repo)["calm"]["origin"] == "built"


def test_programs_are_built_with_those_of_images(workshop: Workshop) -> None:
    with changed(workshop.repo, {f"{name}/src/together.rs": "" for name in ("calm", "plain")}):
        workshop.package("images/calm", "images/no-cargo", "tools:programs")
        assert workshop.built() == ["calm plain plain/more"]
        assert described(workshop.repo)["calm"]["origin"] == "built"
        # Of an image that is there, there is nothing to build with them.
        workshop.calls_file.write_text("")
        with changed(workshop.repo, {"plain/src/main.rs": "fn main() {}\n"}):
            workshop.repo.pants("--mzbuild-profile=dev", "package", "images/calm", "tools:programs")
        assert workshop.built() == ["calm plain more"]


def test_what_fails_does_not_keep_its_group_from_being_built(workshop: Workshop) -> None:
    with changed(workshop.repo, {"plain/src/main.rs": "fn main() { 1 }\n", "calm/src/new.rs": ""}):
        failed = workshop.package("images/calm", "images/plain", check=False)
        assert workshop.built() == ["calm plain"]
        assert failed.returncode == 1
        assert "images/plain/mzbuild.yml: Cargo could not build plain." in failed.stderr
        assert "error[E0308]: mismatched types" in failed.stderr
        assert "could not build calm" not in failed.stderr
        workshop.package("images/calm")
        assert workshop.built() == []


def test_what_packages_from_elsewhere_ask_of_one_another_is_known(workshop: Workshop) -> None:
    repo = workshop.repo
    asked = Path(f"{workshop.calls_file}-metadata")

    def packaged_anew(cfg: str, text: str = "") -> tuple[list[str], bool]:
        """What was built at once, and whether Cargo was asked before."""
        asked.write_text("")
        with changed(repo, {f"{name}/src/new.rs": text for name in ("left", "right", "more")}):
            flags = f"--mzbuild-cargo-rustflags=['--cfg={cfg}']"
            workshop.package(flags, "apart::")
        return sorted(workshop.built()), asked.read_text() != ""

    assert packaged_anew("usual") == (["left right", "more"], True)
    (call,) = asked.read_text().splitlines()
    assert call.endswith(" --offline"), "nothing is fetched where all is there"
    # What is in a crate's sources says nothing of features.
    assert packaged_anew("usual", "// It has changed.\n") == (["left right", "more"], False)
    # The compiler's flags may.
    assert packaged_anew("special") == (["left", "more right"], True)
    unknown = Path(f"{workshop.calls_file}-no-metadata")
    unknown.touch()
    try:
        assert packaged_anew("unknown") == (["left", "more", "right"], True)
        calls = asked.read_text().splitlines()
        assert [call.endswith(" --offline") for call in calls] == [True, False]
        # It is remembered until it may have changed.
        assert packaged_anew("unknown", "// Edited.\n") == (["left", "more", "right"], False)
    finally:
        unknown.unlink()


def test_why_nothing_is_known_of_packages_is_said_once(workshop: Workshop) -> None:
    said = "that might be built together. It says: no luck"
    unknown = Path(f"{workshop.calls_file}-no-metadata")
    unknown.touch()
    try:
        flags = ("--mzbuild-cargo-rustflags=['--cfg=failing']", "apart::")
        with changed(workshop.repo, {"left/src/new.rs": "", "more/src/new.rs": ""}):
            first = workshop.package(*flags).stderr
        with changed(workshop.repo, {"left/src/new.rs": "//\n", "more/src/new.rs": "//\n"}):
            second = workshop.package(*flags).stderr
    finally:
        unknown.unlink()
    assert (first.count(said), second.count(said)) == (1, 0)
    assert "Cargo fetches what it lacks of the packages in Cargo.lock" in first


def test_features_may_be_unified(workshop: Workshop) -> None:
    def say(name: str) -> str:
        spec = described(workshop.repo)[name]["spec"]
        return workshop.docker("run", "--rm", f"--entrypoint=/srv/{name}", spec).stdout

    unified = ("--mzbuild-cargo-features=unified",)
    told = "Cargo builds calm, loud, plain with the union of their features. These may be others "
    with changed(workshop.repo, {"shared/src/all.rs": "", "plain/src/all.rs": ""}):
        result = workshop.package("images::", options=unified)
        assert workshop.built() == ["calm loud plain"]
        assert f"{told}than when built alone: calm. See [mzbuild-cargo].features." in (
            result.stderr
        )
        assert (say("calm"), say("loud")) == ("LOUD\n", "LOUD\n")
        # What was built so is not taken for what is built alone.
        workshop.package("images/calm")
        assert workshop.built() == ["calm"]
        assert say("calm") == "calm\n"
    with changed(workshop.repo, {"shared/src/all.rs": "//\n", "plain/src/all.rs": "//\n"}):
        result = workshop.package("images::", options=unified)
        assert workshop.built() == ["calm loud plain"]
        assert told not in result.stderr, "it was said"


def test_a_plan_does_not_run_cargo(workshop: Workshop) -> None:
    # Nothing is known of packages with these flags.
    flags = "--mzbuild-cargo-rustflags=['--cfg=planned']"
    asked = Path(f"{workshop.calls_file}-metadata")
    asked.write_text("")
    with changed(workshop.repo, {f"{name}/src/planned.rs": "" for name in ("plain", "shared")}):
        result = workshop.repo.pants("--mzbuild-profile=dev", flags, "mzbuild-plan", "images::")
    assert "Cargo would run for calm, plain; then for loud" in result.stdout
    assert asked.read_text() == ""


def test_what_is_there_for_another_program_is_no_input(workshop: Workshop) -> None:
    reading = 'fn main() {\n    println!("{}", include_str!("../../calm/data.txt"));\n}\n'
    of_a_script = 'fn main() {\n    println!("cargo:rerun-if-changed=../calm/data.txt");\n}\n'
    said = "`calm/data.txt` was read to build `plain`, but is there only because something else"
    for naming in ({"plain/src/main.rs": reading}, {"plain/build.rs": of_a_script}):
        with changed(workshop.repo, {"calm/data.txt": "data", **naming}):
            refused = workshop.package("images/calm", "images/plain", check=False)
            assert workshop.built() == ["calm plain"]
            assert said in refused.stderr
            assert "images/plain/mzbuild.yml: Cargo could not build plain." in refused.stderr
            # The other one is there.
            workshop.package("images/calm")
            assert workshop.built() == []


def test_what_stands_for_a_crate_that_is_not_built_is_not_read(workshop: Workshop) -> None:
    reading = 'fn main() {\n    println!("{}", include_str!("../../calm/src/main.rs"));\n}\n'
    with changed(workshop.repo, {"plain/src/main.rs": reading}):
        refused = workshop.package("images/plain", check=False)
        assert "`calm/src/main.rs` was read to build `plain`, but only stands there empty" in (
            refused.stderr
        )
        strict = ("--mzbuild-fingerprint-scheme=strict",)
        workshop.package("images/plain", options=strict)
