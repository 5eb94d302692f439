"""The `[mzbuild]` options."""

from __future__ import annotations

import math
from typing import Any

from pants.option.option_types import (
    BoolOption,
    DictOption,
    EnumListOption,
    EnumOption,
    IntOption,
    ShellStrListOption,
    StrOption,
)
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

from mzbuild.core.configuration import DEFAULTS, Arch, Configuration, Scheme
from mzbuild.core.docker.labels import OnUnlabelled
from mzbuild.core.image.spec import image_spec
from mzbuild.core.plan.acquisition import Build, OnUnknown
from mzbuild.core.text.progress import ProgressMode

_PATIENCE = 5.0  # seconds: who is offline wants to know


class Mzbuild(Subsystem):
    options_scope = "mzbuild"
    help = softwrap(
        """
        Docker images that are named by a fingerprint of all that goes into them, as mzbuild
        does it.

        An image is a directory with an `mzbuild.yml` and a `Dockerfile`. For example, with
        `name: base` in `misc/images/base/mzbuild.yml`, `pants package misc/images/base` makes
        the image `base:mzbuild-<fingerprint>`.
        """
    )

    arch = EnumOption(
        default=DEFAULTS.arch,
        help="The architecture to build images for. For example: `--mzbuild-arch=aarch64`.",
    )
    archs = EnumListOption(
        enum_type=Arch,
        help=softwrap(
            """
            The architectures that images are published for: `publish` and the goals
            `mzbuild-ensure`, `mzbuild-check` and `mzbuild-tag` handle each image once for each of
            them. By default, that is `arch` alone. For example:
            `--mzbuild-archs='["x86_64", "aarch64"]'`.
            """
        ),
    )
    profile = EnumOption(
        default=DEFAULTS.profile,
        help=softwrap(
            """
            The Cargo profile to build binaries with. `optimized` is a profile that the
            workspace defines itself; the other two are Cargo's. For example:
            `--mzbuild-profile=dev` while working on a Dockerfile.
            """
        ),
    )
    coverage = BoolOption(
        default=DEFAULTS.coverage,
        help=softwrap(
            """
            Build binaries that record which of their code has run. For example:
            `--mzbuild-coverage`.
            """
        ),
    )
    sanitizer = EnumOption(
        default=DEFAULTS.sanitizer,
        help="The sanitizer to build binaries with. For example: `--mzbuild-sanitizer=address`.",
    )
    image_registry = StrOption(
        default="",
        help=softwrap(
            """
            What stands before an image's name in its spec; by default, nothing. For example, with
            `acme` the image `base` is `acme/base:mzbuild-<fingerprint>`.
            """
        ),
    )
    image_prefix = StrOption(
        default="",
        help=softwrap(
            """
            What every image's name begins with in its spec; by default, nothing more. For example,
            with `dev-` the image `base` is `dev-base:mzbuild-<fingerprint>`.
            """
        ),
    )
    fingerprint_scheme = EnumOption(
        default=DEFAULTS.scheme,
        help=softwrap(
            """
            How fingerprints are computed. `mzbuild` gives the tags that the registries of
            mzbuild's users are full of. `strict` also covers what that scheme is known to
            miss: path dependencies in `[target.'…'.dependencies]` or by `workspace = true`,
            `.cargo/config.toml` with what it includes and names, `rust-toolchain` files, what
            `[patch]` puts in place, files outside of a crate that its manifest or its sources name
            (by `include_str!` and the like, `#[path]`, or `cargo:rerun-if-changed` in build
            scripts), and the options `[mzbuild-cargo]`. For example:
            `--mzbuild-fingerprint-scheme=strict`.
            """
        ),
    )
    docker_run_args = ShellStrListOption(
        help=softwrap(
            """
            Arguments for `docker run`, of all images that `pants run` runs; see also the field
            `run_args`. For example:
            `--mzbuild-docker-run-args='--network=host --volume=/tmp:/tmp'`.
            """
        ),
    )

    registries = DictOption[Any](
        help=softwrap(
            """
            The registries that images are published to: by a name of your choice, a table of
            fields. All fields may be left out.

            `address` is what stands before an image's spec: a host, with a namespace or without
            (default: the registry's name). `user`, or the name of the environment variable that has
            the user in `user_env`, with that of the variable that has the user's token in
            `token_env`, is for a registry that Docker is not logged in to already. `primary_env`
            names an environment variable that makes the registry the primary one where it is set,
            unless to one of `0`, `no`, `false` and nothing. `plain_http` is for a registry without
            TLS on another machine.

            For example:

                [mzbuild.registries.hub]
                address = "docker.io"

                [mzbuild.registries.ghcr]
                address = "ghcr.io/acme"
                user = "acme-bot"
                token_env = "GITHUB_TOKEN"

            With `image_registry = "acme"`, the image `base` is then published as
            `docker.io/acme/base:mzbuild-<fingerprint>` and
            `ghcr.io/acme/base:mzbuild-<fingerprint>`.
            """
        ),
    )
    primary_registry = StrOption(
        default="",
        help=softwrap(
            """
            The name of the registry that images are pulled from, and by which the Docker engine
            and `FROM` lines know them; by default the only one of `registries`. The registries'
            `primary_env` goes before this. For example:
            `--mzbuild-primary-registry=ghcr`.
            """
        ),
    )
    build = EnumOption(
        default=Build.AUTO,
        help=softwrap(
            """
            Whether images are built. `auto` builds those that neither the Docker engine nor the
            primary registry has; with `never`, those cannot be had; `always` builds the images that
            were asked for even if they are there. For example, where an earlier step of CI has
            published all images: `--mzbuild-build=never`.
            """
        ),
    )
    unknown = EnumOption(
        default=OnUnknown.ERROR,
        help=softwrap(
            """
            What to do with an image of which a registry does not say whether it has it, since the
            registry is down, say. With `error`, it cannot be had, nor can what would be built on
            it; `build` takes it for missing. For example: `--mzbuild-unknown=build`.
            """
        ),
    )
    fail_fast = BoolOption(
        default=False,
        help=softwrap(
            """
            Stop before anything is done where it is known of one of the images, or of what it
            builds on, that it cannot be had; and stop everything where that turns out later, as a
            build fails. By default, all other
            images are built, pushed or exported as if it were not there; it is told of in the end,
            and the exit code is not 0. For example: `--mzbuild-fail-fast`.
            """
        ),
    )
    unlabelled = EnumOption(
        default=OnUnlabelled.WARN,
        help=softwrap(
            """
            What to do with an image that has the tag of a fingerprint, but no label
            `mzbuild.fingerprint` that says the same. mzbuild itself writes none, but anybody who
            may push can have made such an image. `warn` uses it, and says so when it is pulled or
            first seen in the Docker engine; `refuse` does not use it. For example:
            `--mzbuild-unlabelled=refuse`.
            """
        ),
    )
    progress = EnumOption(
        default=ProgressMode.AUTO,
        help=softwrap(
            """
            What is told of a build, a push or a pull while it lasts, with the image's name before
            each line. `auto` tells the steps of one that takes longer than two seconds as they
            begin: Docker's `[3/7] RUN …`, the crates that Cargo compiles; how many bytes are
            transferred; and after 30 seconds of silence what is still running. `plain` tells
            everything that Docker and Cargo write, as CI's logs want it. Either way these are lines
            of the log, above Pants' dynamic UI where that is on: it cannot show how far something
            has come. For example: `--mzbuild-progress=plain`.
            """
        ),
    )
    registry_timeout = IntOption(
        default=60,
        help=softwrap(
            """
            For how many seconds a registry may refuse to answer. Until then, what failed is tried
            again, at growing intervals. Unless you set it, a registry that refuses connections, or
            whose host is not found, has 5 seconds only. For example, for one that is restarted
            while CI runs: `--mzbuild-registry-timeout=60`.
            """
        ),
    )
    transfer_timeout = IntOption(
        default=3600,
        help=softwrap(
            """
            For how many seconds an image may be on its way to a registry or from one; then that
            has failed. Docker itself would wait without end for a registry that takes a connection
            and says nothing more. For example: `--mzbuild-transfer-timeout=600`.
            """
        ),
    )
    registry_max_age = IntOption(
        default=3600,
        help=softwrap(
            """
            For how many seconds it is remembered that an image is in a registry, so that
            `package` and `run` need not ask again. With 0, they always ask, as the goals that
            publish or check do. For example: `--mzbuild-registry-max-age=0`.
            """
        ),
    )
    tailor = BoolOption(
        default=False,
        help=softwrap(
            """
            Whether `pants tailor` writes an `mzbuild_image` into a BUILD file for each image that
            none declares: beside an `mzbuild.yml`, which still says what the image is, and for a
            `Dockerfile` that belongs to no target. Images need no BUILD file, and a new one is a
            file of the context, so that the image has another fingerprint then. For example:
            `pants --mzbuild-tailor tailor ::`.
            """
        ),
    )

    def configuration(self, scheme: Scheme | None = None) -> Configuration:
        """The options that fingerprints depend on; `scheme` goes before the option's, if given."""
        return Configuration(
            arch=self.arch,
            profile=self.profile,
            coverage=self.coverage,
            sanitizer=self.sanitizer,
            scheme=scheme or self.fingerprint_scheme,
        )

    @property
    def registry_patience(self) -> float:
        """For how many seconds a registry may be out of reach."""
        return _PATIENCE if self.options.is_default("registry_timeout") else math.inf

    def spec(self, name: str, fingerprint: str) -> str:
        """The name that Docker has for an image with a fingerprint."""
        return image_spec(self.image_registry, self.image_prefix, name, fingerprint)
