"""What the rules' tests share: the rules of the backend, in a repository that a test fills."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from mzbuild import register
from mzbuild.actions.copy import RunCopy
from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.core.fingerprint.inputs import ImageInputs
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.rules.cargo.toolchain import RustToolchain
from mzbuild.rules.fingerprints import Fingerprints, MissedInputs
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.pre_image import PreImageResult
from mzbuild.rules.registries import ImageTags, Registries
from mzbuild.rules.selection import ReportedImages, SelectedImages, SpecifiedImages
from pants.base.specs import Specs
from pants.build_graph.address import AddressInput
from pants.core import register as core
from pants.engine.addresses import Addresses
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.engine.target import (
    AllUnexpandedTargets,
    Dependencies,
    DependenciesRequest,
    HydratedSources,
    HydrateSourcesRequest,
    SpecialCasedDependencies,
    Target,
)
from pants.testutil.rule_runner import RuleRunner

from tests.core.conftest import ENV, Repository

T = TypeVar("T")

_QUERIES = (
    QueryRule(Addresses, (DependenciesRequest,)),
    QueryRule(Addresses, (Specs,)),
    QueryRule(AllUnexpandedTargets, ()),
    QueryRule(Fingerprints, ()),
    QueryRule(HydratedSources, (HydrateSourcesRequest,)),
    QueryRule(ImageInputs, ()),
    QueryRule(ImageTags, ()),
    QueryRule(Images, ()),
    QueryRule(ImageWarnings, ()),
    QueryRule(MissedInputs, ()),
    QueryRule(Owners, (OwnersRequest,)),
    QueryRule(PreImageResult, (RunCopy,)),
    QueryRule(Registries, ()),
    QueryRule(ReportedImages, (Specs,)),
    QueryRule(RustToolchain, (CargoSettings,)),
    QueryRule(SelectedImages, ()),
    QueryRule(SpecifiedImages, (Specs,)),
    QueryRule(WorkTree, ()),
)


class Project:
    """A repository, and what the rules say of it.

    Each question is asked in a session of its own, as by a command of its own on a warm pantsd.
    """

    def __init__(self, runner: RuleRunner):
        self.runner = runner
        self.root = Path(runner.build_root)
        for path in self.root.iterdir():
            # By this file, which their RuleRunner puts there, later versions know a build root.
            if path.name not in (".pants.d", "BUILDROOT"):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self.git = Repository(self.root).git
        self.noticed()

    def write(self, files: Mapping[str, str]) -> None:
        """Writes files, each under its path from the root."""
        for path, content in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content)
        self.noticed()

    def remove(self, path: str) -> None:
        (self.root / path).unlink()
        self.noticed()

    def link(self, path: str, target: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).symlink_to(target)
        self.noticed()

    def noticed(self) -> None:
        # What pantsd's watcher of the file system does.
        self.runner.scheduler.scheduler.invalidate_all_files()

    def request(
        self,
        output: type[T],
        *inputs: object,
        options: Iterable[str] = (),
        env: Mapping[str, str] = ENV,
    ) -> T:
        """What the rules make of some inputs, in a run with options as on the command line."""
        self.runner.set_options(options, env=env)
        return self.runner.request(output, inputs)

    def error(self, output: type[T], *inputs: object, env: Mapping[str, str] = ENV) -> str:
        """The text of the error that a request ends in."""
        with pytest.raises(ExecutionError) as raised:
            self.request(output, *inputs, env=env)
        return str(next(iter(raised.value.wrapped_exceptions)))

    def targets(self, *options: str) -> dict[str, Target]:
        """All targets by their addresses."""
        targets = self.request(AllUnexpandedTargets, options=options)
        return {target.address.spec: target for target in targets}

    def dependencies(self, address: str, *options: str) -> set[str]:
        """The addresses that a target depends on: declared, inferred and by its own fields."""
        target = self.targets(*options)[address]
        request = DependenciesRequest(target[Dependencies])
        found = {each.spec for each in self.request(Addresses, request, options=options)}
        for field in target.field_values.values():
            if isinstance(field, SpecialCasedDependencies):
                for each in field.value or ():
                    parsed = AddressInput.parse(
                        each, relative_to=target.address.spec_path, description_of_origin=address
                    )
                    found.add(parsed.dir_to_address().spec)
        return found

    def owners(self, path: str, *options: str) -> set[str]:
        """The addresses of the targets that a file belongs to."""
        owners = self.request(Owners, OwnersRequest((path,)), options=options)
        return {address.spec for address in owners}

    def fingerprints(self, *options: str) -> Mapping[str, str]:
        """The fingerprints of all images."""
        return self.request(Fingerprints, options=options).fingerprints

    def mistakes(self) -> Mapping[str, str]:
        """What is wrong with images, and with what they build on."""
        return self.request(Fingerprints).errors

    def inputs(self, *options: str) -> Mapping[str, tuple[str, ...]]:
        """The inputs of all images."""
        inputs = self.request(ImageInputs, options=options)
        return {name: inputs.paths(name) for name in inputs.groups}


@pytest.fixture(scope="session")
def runner() -> RuleRunner:
    """Setting up the rules takes seconds, so all tests of a process share this."""
    # Pants always has its own core: what can be packaged is for the actions that take targets, and
    # from 2.33 on, `--changed-since` makes targets of a type of it.
    rules = [
        *core.rules(),  # type: ignore[no-untyped-call]  # It is Pants' own.
        *register.rules(),
        *_QUERIES,
    ]
    target_types = [
        *core.target_types(),  # type: ignore[no-untyped-call]  # Likewise.
        *register.target_types(),
    ]
    return RuleRunner(rules=rules, target_types=target_types)


@pytest.fixture
def project(runner: RuleRunner) -> Project:
    return Project(runner)


def image(name: str, more: str = "", dockerfile: str = "FROM scratch\n") -> dict[str, str]:
    """The files of an image in the directory of its name; `more` is for its `mzbuild.yml`."""
    return {f"{name}/mzbuild.yml": f"name: {name}\n{more}", f"{name}/Dockerfile": dockerfile}


def crate(directory: str, more: str = "", main: bool = False) -> dict[str, str]:
    """The files of a crate that is named like its directory; `more` is for its manifest."""
    name = directory.rpartition("/")[2]
    manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{more}'
    return {
        f"{directory}/Cargo.toml": manifest,
        f"{directory}/src/{'main' if main else 'lib'}.rs": "",
    }
