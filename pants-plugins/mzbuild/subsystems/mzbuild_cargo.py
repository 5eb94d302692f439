"""The `[mzbuild-cargo]` options."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pants.option.option_types import (
    BoolOption,
    DictOption,
    EnumOption,
    StrListOption,
    StrOption,
)
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

from mzbuild.core.cargo.options import parse_cargo_options
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.paths import inside


class Features(Enum):
    """What becomes of the features of programs that are built together."""

    ISOLATED = "isolated"
    UNIFIED = "unified"


class MzbuildCargo(Subsystem):
    options_scope = "mzbuild-cargo"
    help = softwrap(
        """
        How Cargo is called for the `cargo-build` actions of images.

        A workspace that `cargo build` builds on this machine needs none of these options. What is
        set for all builds can be added to for an architecture, for a profile, for builds that
        record coverage, for a sanitizer, and for any combination of them: each has a table, with
        the same keys. A build gets what all the tables say that apply to it. Of `rustflags`, `args`
        and `passed_env`, that is all of them; of anything else, what the last table says. For
        example:

            [mzbuild-cargo]
            rustflags = ["-Cforce-frame-pointers=yes"]

            [mzbuild-cargo.profile.release]
            env = { CFLAGS = "-O3" }

            [mzbuild-cargo.settings.plain-release]
            when = { profile = "release", sanitizer = "none", coverage = false }
            rustflags = ["-Ctarget-cpu=x86-64-v3"]

        A table may have `rustflags`, `env`, `args`, `passed_env`, `command_prefix` and `toolchain`,
        which have the meaning of the options of these names, and `target` (the target triple,
        `<arch>-unknown-linux-gnu` by default), `linker` (by default Cargo's own choice), the
        programs `strip` and `objcopy`, and `cargo_profile` (the name of Cargo's profile if it is
        another one).

        In `rustflags`, `env` and `args`, `{cores}` is the number of cores that Cargo may use, and
        `{cores/2}` or `{cores*2/3}` is a part of them, of at least one.
        """
    )

    workspace = StrOption(
        default="",
        help=softwrap(
            """
            The directory of the workspace's `Cargo.toml`, relative to the repository's root, which
            is the default. For example: `--mzbuild-cargo-workspace=rust`.
            """
        ),
    )
    command_prefix = StrListOption(
        help=softwrap(
            """
            A command that runs Cargo: Cargo and its arguments are added to it. It is run from the
            repository's root; a program in the repository has a `/` in its name. For example:
            `["bin/ci-builder", "run", "stable"]`.

            The sources are not built where they are, but in a directory that is kept for it; the
            environment variable `MZBUILD_CARGO_DIRECTORY` has its path. A program that runs Cargo
            in a container must make that directory available in it, under the same path and to be
            written to, as with `docker run
            --volume="$MZBUILD_CARGO_DIRECTORY:$MZBUILD_CARGO_DIRECTORY" …`. There need to be `sh`
            and `env` in it.
            """
        )
    )
    toolchain = StrOption(
        default="",
        help=softwrap(
            """
            The toolchain of rustup to build with, as in `cargo +stable`; by default, the one that a
            `rust-toolchain.toml` of the repository names, or else rustup's default. For example:
            `--mzbuild-cargo-toolchain=nightly`.
            """
        ),
    )
    rustflags = StrListOption(
        help=softwrap(
            """
            Flags of rustc for all that runs in images, but not for build scripts and procedural
            macros. They are added to those that `.cargo/config` sets in `build.rustflags` or in
            `target.….rustflags`, which stay in force. For example:
            `["-Ctarget-cpu=x86-64-v3"]`.
            """
        )
    )
    env = DictOption[str](
        help=softwrap(
            """
            Environment variables for Cargo, and so for build scripts, with their values. For
            example: `{"CXX": "clang++", "CMAKE_SYSTEM_NAME": "Linux"}`.
            """
        )
    )
    args = StrListOption(
        help='Further arguments of `cargo build`. For example: `["--jobs=4"]`.',
    )
    passed_env = StrListOption(
        help=softwrap(
            """
            The names of environment variables that Cargo gets with the values that they have where
            Pants runs: credentials and proxies, say. In them, `*` and `?` stand for any characters
            and any one. What is built must not depend on them: a change of their values builds
            nothing again, and they are in no cache. For example:
            `["CARGO_REGISTRIES_ACME_TOKEN", "BUILDKITE*"]`.
            """
        )
    )
    features = EnumOption(
        default=Features.ISOLATED,
        help=softwrap(
            """
            Which features crates get where several programs are built that ask for different ones.
            `isolated`: those that each program gets when it is built alone; Cargo is called once
            for all that agree. `unified`: those that any of them asks for, in one call of Cargo for
            all, so that what a program is may depend on what else was to be built. Programs of
            BUILD files with `rustflags`, `env` or `args` of their own take a call of their own. For
            example: `--mzbuild-cargo-features=unified`.
            """
        ),
    )
    git = BoolOption(
        default=True,
        help=softwrap(
            """
            Whether Git works where the sources are built, so that build scripts and macros can ask
            for the revision, as `git describe` and the crates `vergen`, `built` and `shadow-rs` do.
            They get a repository of their own, and cannot write to yours. A program tells the
            revision at which it was built first: a commit alone builds nothing again. For example:
            `--no-mzbuild-cargo-git`.
            """
        ),
    )
    arch = DictOption[Any](
        help=softwrap(
            """
            What differs between architectures: for `x86_64` and `aarch64`, a table.

            For example, to build for ARM on another machine, with Debian's cross compiler:

                [mzbuild-cargo.arch.aarch64]
                linker = "aarch64-linux-gnu-gcc"
                strip = "aarch64-linux-gnu-strip"
                objcopy = "aarch64-linux-gnu-objcopy"
                env = { CC_aarch64_unknown_linux_gnu = "aarch64-linux-gnu-gcc" }
            """
        )
    )
    profile = DictOption[Any](
        help=softwrap(
            """
            What differs between the profiles `optimized`, `release` and `dev` of
            `[mzbuild].profile`: for each, a table. For example:

                [mzbuild-cargo.profile.optimized]
                cargo_profile = "bench"
                args = ["--jobs=8"]
            """
        )
    )
    coverage = DictOption[Any](
        help=softwrap(
            """
            What builds with `--mzbuild-coverage` add: a table, whose `rustflags` are
            `["-Cinstrument-coverage"]` by default. For example:

                [mzbuild-cargo.coverage]
                rustflags = ["-Cinstrument-coverage", "-Clink-dead-code"]
            """
        )
    )
    sanitizer = DictOption[Any](
        help=softwrap(
            """
            What builds with a `--mzbuild-sanitizer` add: for `address`, `hwaddress`, `cfi`,
            `thread`, `leak` and `undefined`, a table, whose `rustflags` are by default those that
            rustc's documentation tells to use. rustc has sanitizers only in its nightly
            releases, but for `undefined`, which finds what is wrong in C code, and takes
            `-fsanitize=undefined` in `CFLAGS`. With `hwaddress` and `cfi`, lld has to link. For
            example:

                [mzbuild-cargo.sanitizer.thread]
                env = { CC = "clang", CFLAGS = "-fsanitize=thread" }
                args = ["-Zbuild-std", "--no-default-features", "--jobs={cores/2}"]
            """
        )
    )
    settings = DictOption[Any](
        help=softwrap(
            """
            Tables for any combination of these, by names of your choice. In each, `when` tells for
            which builds it is: `arch`, `profile`, `sanitizer` (which may be `none`) and `coverage`
            have a value or a list of values, and what is left out may be anything. They come after
            all other tables: those whose `when` says more after those whose `when` says less, and
            else by their names. For example:

                [mzbuild-cargo.settings.threads-on-arm]
                when = { sanitizer = ["address", "thread"], arch = "aarch64" }
                command_prefix = ["bin/ci-builder", "run", "nightly"]
            """
        )
    )

    @property
    def workspace_root(self) -> str:
        """The workspace's directory, where the repository's root is `""`.

        Raises `MzbuildError` for one that is not in the repository.
        """
        return inside(f"[{self.options_scope}]", "workspace", self.workspace, "the repository")

    def parsed(self) -> CargoOptions:
        """All the options; raises `MzbuildError` for what cannot be."""
        return parse_cargo_options(
            unified_features=self.features is Features.UNIFIED,
            command_prefix=self.command_prefix,
            toolchain=self.toolchain or None,
            passed_env=self.passed_env,
            rustflags=self.rustflags,
            env=self.env,
            args=self.args,
            arch=self.arch,
            profile=self.profile,
            coverage=self.coverage,
            sanitizer=self.sanitizer,
            settings=self.settings,
            git=self.git,
        )
