"""Which features Cargo builds each package with, by what is selected for one invocation.

The rules are Cargo's: https://doc.rust-lang.org/cargo/reference/features.html#feature-unification
Of packages from elsewhere, only what is asked of them is known, unless Cargo has told more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mzbuild.core.cargo.lock import CargoLock
from mzbuild.core.cargo.manifest import Dependency, DependencyKind
from mzbuild.core.cargo.metadata import CargoMetadata, Package
from mzbuild.core.cargo.platforms import applies
from mzbuild.core.cargo.targets import known_features
from mzbuild.core.cargo.workspace import CargoWorkspace


@dataclass(frozen=True)
class Selection:
    """What one invocation of Cargo is asked for: packages, features, and whether any example."""

    packages: tuple[str, ...]
    features: tuple[str, ...] = ()
    examples: bool = False


@dataclass(frozen=True)
class FeatureRules:
    """All that decides on features, but for the selection."""

    workspace: CargoWorkspace
    lock: CargoLock | None
    triple: str
    # What Cargo is given besides.
    args: tuple[str, ...] = ()
    # What Cargo tells of packages from elsewhere.
    metadata: CargoMetadata | None = None

    @property
    def unified(self) -> bool:
        """Whether build scripts and programs share the features of what both depend on."""
        return self.workspace.resolver == "1"

    @property
    def ever_present(self) -> str | None:
        """The package that counts whatever is selected: the root's own, with the resolver 1."""
        root = self.workspace.by_directory.get(self.workspace.root)
        return root.name if self.unified and root is not None and root.member else None

    @cached_property
    def packages(self) -> Mapping[str, Package]:
        """What is known of each package: those of the repository by their names, others by `name
        version`."""
        found = dict(self.metadata.packages) if self.metadata else {}
        for crate in self.workspace.crates:
            own = dict(crate.manifest.features)
            # What is known beside them are optional dependencies, but for `default`.
            optional = known_features(crate.manifest) - own.keys() - {"default"}
            features = {**own, **{name: (f"dep:{name}",) for name in optional}}
            found[crate.name] = Package(crate.dependencies, features, crate.manifest.proc_macro)
        return found

    def applies(self, platform: str, *, for_host: bool) -> bool | None:
        """Whether dependencies of a platform are needed; None where that is not known."""
        if self.metadata is not None:
            side = self.metadata.host if for_host else self.metadata.target
            return applies(platform, side.triple, side.cfg)
        # The machine that compiles may be of any platform.
        return None if for_host else applies(platform, self.triple)


# A package as `FeatureRules.packages` names it, and whether it is built for the machine that
# compiles: a build script's dependencies and macros are, and have features of their own unless all
# features are unified.
Unit = tuple[str, bool]


@dataclass
class Resolution:
    """What a selection leads to: units, each with its features and its optional dependencies."""

    units: dict[Unit, set[str]] = field(default_factory=dict)
    # What is asked of packages from elsewhere.
    requests: dict[Unit, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Whether there is more to it than is known here.
    uncertain: bool = False


def resolve(selection: Selection, rules: FeatureRules) -> Resolution:
    """The features that everything in the workspace is built with for a selection."""
    return _Resolver(selection, rules).run()


class _Resolver:
    def __init__(self, selection: Selection, rules: FeatureRules):
        self._selection = selection
        self._rules = rules
        self._found = Resolution()
        # What is still to be switched on: features, and optional dependencies as `dep:name`. None
        # stands for the unit itself.
        self._pending: list[tuple[Unit, str | None]] = []
        # Of optional dependencies that may yet be switched on, the features asked for with `?`.
        self._if_used: dict[tuple[Unit, str], set[str]] = defaultdict(set)

    def run(self) -> Resolution:
        for name in self._selection.packages:
            self._start(name)
        while self._pending:
            unit, value = self._pending.pop()
            if value is not None:
                self._switch_on(unit, value)
                continue
            for dependency in self._dependencies(unit):
                if not dependency.optional:
                    self._follow(unit, dependency, _asked(dependency))
        return self._found

    def _start(self, name: str) -> None:
        package = self._rules.packages[name]
        values = [] if "--no-default-features" in self._rules.args else ["default"]
        for feature in self._selection.features:
            owner, slash, own = feature.partition("/")
            if slash and owner == name:
                values.append(own)
            elif feature in package.features or any(
                slash and owner == dependency.name for dependency in package.dependencies
            ):
                values.append(feature)
        self._use((name, False), values)
        if package.proc_macro and not self._rules.unified:
            self._use((name, True), values)

    def _use(self, unit: Unit, values: Iterable[str]) -> None:
        if unit not in self._found.units:
            self._found.units[unit] = set()
            self._pending.append((unit, None))
        self._pending.extend((unit, value) for value in values)

    def _dependencies(self, unit: Unit, name: str | None = None) -> Iterator[Dependency]:
        package, for_host = unit
        unified = self._rules.unified
        for dependency in self._rules.packages[package].dependencies:
            if name is not None and dependency.name != name:
                continue
            if dependency.kind is DependencyKind.DEV and not (
                package in self._selection.packages and (unified or self._selection.examples)
            ):
                continue
            if dependency.platform is not None and not unified:
                of_host = for_host or dependency.kind is DependencyKind.BUILD
                there = self._rules.applies(dependency.platform, for_host=of_host)
                self._found.uncertain |= there is None
                if there is False:
                    continue
            yield dependency

    def _follow(self, unit: Unit, dependency: Dependency, values: Iterable[str]) -> None:
        package, for_host = unit
        lock, name = self._rules.lock, dependency.package
        here = dependency.directory is not None
        locked = lock.external(self._package(package), name) if lock and not here else None
        # One from elsewhere may have been replaced by a crate of the repository.
        known = self._crate_in(dependency.directory) if here else locked
        target = None if known is None else self._rules.packages.get(known)
        apart = not self._rules.unified
        for_host = for_host or (apart and dependency.kind is DependencyKind.BUILD)
        if known is not None and target is not None:
            self._use((known, for_host or (apart and target.proc_macro)), values)
            return
        self._found.uncertain |= locked is None and lock is not None
        self._found.requests[locked or name, for_host].update(values)

    def _package(self, name: str) -> str:
        """The package's name, by which a lock file knows a crate."""
        crate = self._rules.workspace.by_name.get(name)
        return name if crate is None else crate.package

    def _crate_in(self, directory: str | None) -> str | None:
        crate = self._rules.workspace.by_directory.get(directory or "")
        return None if crate is None else crate.name

    def _switch_on(self, unit: Unit, value: str) -> None:
        on = self._found.units[unit]
        if value in on:
            return
        features = self._rules.packages[unit[0]].features
        name, slash, feature = value.partition("/")
        if slash:
            self._pass_on(unit, name, feature)
        elif value.startswith("dep:"):
            on.add(value)
            name = value[len("dep:") :]
            for dependency in self._dependencies(unit, name):
                also = self._if_used[unit, name]
                self._follow(unit, dependency, {*_asked(dependency), *also})
        elif value in features:
            on.add(value)
            self._pending.extend((unit, each) for each in features[value])

    def _pass_on(self, unit: Unit, name: str, feature: str) -> None:
        """Switches on a feature of a dependency, which `?` after its name does not bring in."""
        weak, name = name.endswith("?"), name.rstrip("?")
        for dependency in self._dependencies(unit, name):
            if dependency.optional and not weak:
                self._pending += [(unit, f"dep:{name}"), (unit, name)]
            if dependency.optional and f"dep:{name}" not in self._found.units[unit]:
                self._if_used[unit, name].add(feature)
            else:
                self._follow(unit, dependency, [feature])


def _asked(dependency: Dependency) -> list[str]:
    return [*dependency.features, *(["default"] if dependency.default_features else [])]
