"""The `cargo-build` pre-image action: binaries and examples that Cargo builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mzbuild.core.actions.action import (
    Action,
    Complaint,
    InputGroup,
    InputKind,
    Owner,
    Repository,
    Result,
    ResultKind,
)
from mzbuild.core.cargo.arguments import cargo_build_args, extracted_files
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.options import parse_cargo_flags
from mzbuild.core.cargo.workspace import shared_files
from mzbuild.core.configuration import Configuration, Profile, Sanitizer, Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.fields import Fields


@dataclass(frozen=True)
class CargoBuildAction(CargoBuild, Action):
    """Has Cargo build binaries and examples, and takes what build scripts make."""

    type: ClassVar[str] = "cargo-build"
    replaces: ClassVar[bool] = True
    later_fields: ClassVar[tuple[str, ...]] = ("split_debuginfo", "rustflags", "env", "args")

    @classmethod
    def parse(cls, fields: Fields) -> CargoBuildAction:
        bins, examples = fields.strings("bin"), fields.strings("example")
        if not bins and not examples:
            raise MzbuildError(
                f"{fields.place()}: a `cargo-build` needs a `bin` or an `example` to build. "
                "Add a `bin`."
            )
        extract = fields.map("extract")
        return cls(
            bins=bins,
            examples=examples,
            strip=fields.boolean("strip", True),
            split_debuginfo=fields.boolean("split_debuginfo", False),
            features=fields.strings("features"),
            extract=tuple((name, extract.scalars(name)) for name in extract.names())
            if extract
            else (),
            flags=parse_cargo_flags(
                fields.place(),
                fields.strings("rustflags"),
                dict(fields.scalars("env")),
                fields.strings("args"),
            ),
        )

    def fields(self) -> Mapping[str, Any]:
        return {
            "bin": self.bins,
            "example": self.examples,
            "strip": self.strip,
            "split_debuginfo": self.split_debuginfo,
            "features": self.features,
            "extract": {package: dict(paths) for package, paths in self.extract},
            "rustflags": self.flags.rustflags,
            "env": dict(self.flags.env),
            "args": self.flags.args,
        }

    def inputs(self, owner: Owner, repository: Repository) -> Iterator[InputGroup]:
        listing, scheme, workspace = repository.listing, repository.scheme, repository.workspace
        extracted_files(self, owner.origin)  # Raises where they do not stay in their places.
        yield InputGroup(InputKind.SHARED, "cargo", shared_files(listing, scheme, workspace))
        roots = workspace.roots(self, scheme, owner.origin)
        closure = workspace.closure(roots, scheme)
        for crate in closure:
            yield InputGroup(InputKind.CRATE, crate.name, repository.crate_files[crate.name])
        if scheme is Scheme.STRICT:
            for package in repository.vendored.of(closure, roots if self.examples else ()):
                yield InputGroup(InputKind.VENDORED, package.directory, package.paths)

    def results(self, owner: Owner, repository: Repository) -> Mapping[str, Result]:
        built = (*self.bins, *(f"examples/{name}" for name in self.examples))
        extracted = (path for _, _, path in extracted_files(self, owner.origin))
        return {
            **dict.fromkeys(built, Result(ResultKind.BINARY)),
            **dict.fromkeys(extracted, Result(ResultKind.EXTRACTED)),
        }

    def extra(self, configuration: Configuration) -> str:
        # The flags' characters, sorted one by one and not the flags themselves: a slip of old that
        # every tag in the registries depends on.
        flags = "" if configuration.profile is Profile.DEV else configuration.profile.value
        flags += "coverage" if configuration.coverage else ""
        if configuration.sanitizer is not Sanitizer.NONE:
            flags += configuration.sanitizer.value
        return ",".join(sorted(flags))

    def strict_extra(self, configuration: Configuration) -> str:
        return f"cargo={dict(configuration.cargo).get(configuration.arch.value, '')}"

    def refusal(self, owner: Owner, repository: Repository, configuration: Configuration) -> str:
        settings = repository.cargo_options.settings(configuration)
        try:
            cargo_build_args(self, repository.workspace, settings, None, owner.origin)
        except MzbuildError as error:
            return str(error)
        return ""

    def complaints(
        self, owner: Owner, repository: Repository, configuration: Configuration
    ) -> Iterator[Complaint]:
        if refusal := self.refusal(owner, repository, configuration):
            (first, *_) = (*self.bins, *self.examples)
            yield Complaint("cargo-build", first, refusal)

    def used_crates(self, owner: Owner, repository: Repository) -> tuple[str, ...]:
        roots = repository.workspace.roots(self, repository.scheme, owner.origin)
        return tuple(crate.name for crate in roots)

    @property
    def leaves_debug(self) -> bool:
        return self.split_debuginfo
