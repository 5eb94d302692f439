"""The `[mzbuild]` options."""

from __future__ import annotations

from pants.option.option_types import ArgsListOption, BoolOption, EnumOption, StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

from mzbuild.core.configuration import Arch, Configuration, Profile, Sanitizer, Scheme
from mzbuild.core.spec import image_spec


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
        default=Arch.host(),
        help="The architecture to build images for. For example: `--mzbuild-arch=aarch64`.",
    )
    profile = EnumOption(
        default=Profile.OPTIMIZED,
        help=softwrap(
            """
            The Cargo profile to build binaries with. `optimized` is a profile that the
            workspace defines itself; the other two are Cargo's. For example:
            `--mzbuild-profile=dev` while working on a Dockerfile.
            """
        ),
    )
    coverage = BoolOption(
        default=False, help="Build binaries that record which of their code has run."
    )
    sanitizer = EnumOption(
        default=Sanitizer.NONE,
        help="The sanitizer to build binaries with. For example: `--mzbuild-sanitizer=address`.",
    )
    image_registry = StrOption(
        default="",
        help=softwrap(
            """
            What stands before an image's name in its spec. For example, with `acme` the image
            `base` is `acme/base:mzbuild-<fingerprint>`.
            """
        ),
    )
    image_prefix = StrOption(
        default="",
        help=softwrap(
            """
            What every image's name begins with in its spec. For example, with `dev-` the image
            `base` is `dev-base:mzbuild-<fingerprint>`.
            """
        ),
    )
    fingerprint_scheme = EnumOption(
        default=Scheme.MZBUILD,
        help=softwrap(
            """
            How fingerprints are computed. `mzbuild` gives the tags that the registries of
            mzbuild's users are full of. `strict` also covers what that scheme is known to
            miss: path dependencies in `[target.'…'.dependencies]` or by `workspace = true`,
            `.cargo/config.toml` and `rust-toolchain` files.
            """
        ),
    )
    docker_run_args = ArgsListOption(
        example="--network=host --volume=/tmp:/tmp",
        tool_name="`docker run`",
        extra_help="They apply to all images that `pants run` runs; see also the field `run_args`.",
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

    def spec(self, name: str, fingerprint: str) -> str:
        """The name that Docker has for an image with a fingerprint."""
        return image_spec(self.image_registry, self.image_prefix, name, fingerprint)
