"""Which `cargo-build` actions may share one invocation of Cargo.

Cargo gives every package the features that all of what it was asked to build needs together, so
that building two programs at once may change either. Actions share an invocation only where each
of them gets the very features that it gets alone; where that is not certain, they do not. Or their
features are unified, and those are told of that may be others then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.lock import CargoLock
from mzbuild.core.cargo.resolution import FeatureRules, Resolution, Selection, resolve

# Arguments that have Cargo build something else, or with other features, than is said here.
_SELECTING = ("--features", "-F", "--all-features", "--package", "-p", "--workspace", "--all", "-Z")
# What sanitizers take: another standard library, for all that is built.
_NOT_SELECTING = ("-Zbuild-std",)


@dataclass(frozen=True)
class CargoGroup:
    """Actions that share an invocation, and the action that stands for all of them; `changed` are
    those that may get other features than they get alone."""

    builds: tuple[CargoBuild, ...]
    together: CargoBuild
    changed: tuple[CargoBuild, ...] = ()


def group_builds(
    builds: Iterable[CargoBuild], rules: FeatureRules, *, unified: bool = False
) -> tuple[CargoGroup, ...]:
    """As few groups as are found by adding each action to the first group that takes it.

    With `unified`, actions may change one another's features. Raises `MzbuildError` for a binary or
    an example that is not there.
    """
    grouping = _Grouping(rules, unified)
    groups: list[CargoGroup] = []
    for build in dict.fromkeys(builds):
        for place, group in enumerate(groups):
            joined = grouping.joined(group, build)
            if joined is not None:
                groups[place] = joined
                break
        else:
            groups.append(CargoGroup((build,), build))
    return tuple(groups)


class _Grouping:
    def __init__(self, rules: FeatureRules, unified: bool):
        self._rules = rules
        self._unified = unified
        self._resolved: dict[CargoBuild, Resolution] = {}

    def joined(self, group: CargoGroup, build: CargoBuild) -> CargoGroup | None:
        """The group with one more action; None where that cannot be, or where that would change
        any of them and none may be changed."""
        if build.flags != group.together.flags:
            return None
        if not self._can_be_joined(group.builds[0]) or not self._can_be_joined(build):
            return None
        if not self._unified and not self._may_stay_the_same(group, build):
            return None
        builds = (*group.builds, build)
        together = self._together(builds)
        jointly, lock = self._resolution(together), self._rules.lock
        changed = tuple(
            each
            for each in builds
            if not self._is_sociable(each) or not _is_same(self._resolution(each), jointly, lock)
        )
        return CargoGroup(builds, together, changed) if self._unified or not changed else None

    def _may_stay_the_same(self, group: CargoGroup, build: CargoBuild) -> bool:
        """Whether it is worth while to look at what one more action makes of a group."""
        if not self._is_sociable(group.builds[0]) or not self._is_sociable(build):
            return False
        before, alone = self._resolution(group.together), self._resolution(build)
        return all(before.units.get(unit, on) == on for unit, on in alone.units.items())

    def _can_be_joined(self, build: CargoBuild) -> bool:
        """Whether the features of an action can be said of its packages alone."""
        if build.features and self._rules.ever_present is not None:
            # There, Cargo takes the features that it is given for those of the root.
            return False
        known = {
            feature
            for crate in self._crates(build)
            for feature in self._rules.packages[crate].features
        }
        return known.issuperset(build.features)

    def _is_sociable(self, build: CargoBuild) -> bool:
        """Whether all that an action needs is known."""
        args = (arg for arg in self._rules.args if not arg.startswith(_NOT_SELECTING))
        if build.flags.args or any(arg.startswith(_SELECTING) for arg in args):
            return False
        return not self._resolution(build).uncertain

    def _together(self, builds: Sequence[CargoBuild]) -> CargoBuild:
        """One action that asks for all that some actions ask for."""
        bins: set[str] = set()
        examples: set[str] = set()
        features: set[str] = set()
        for build in builds:
            bins.update(build.bins)
            examples.update(build.examples)
            for crate in self._crates(build):
                own = self._rules.packages[crate].features
                features.update(f"{crate}/{name}" for name in build.features if name in own)
        return CargoBuild(
            tuple(sorted(bins)),
            tuple(sorted(examples)),
            features=tuple(sorted(features)),
            flags=builds[0].flags,
        )

    def _crates(self, build: CargoBuild) -> tuple[str, ...]:
        workspace = self._rules.workspace
        crates = {workspace.bin_crate(name, "").name for name in build.bins}
        crates |= {workspace.example_crate(name, "").name for name in build.examples}
        return tuple(sorted(crates))

    def _resolution(self, build: CargoBuild) -> Resolution:
        if build not in self._resolved:
            packages = self._crates(build)
            if self._rules.ever_present is not None:
                packages += (self._rules.ever_present,)
            selection = Selection(packages, build.features, bool(build.examples))
            self._resolved[build] = resolve(selection, self._rules)
        return self._resolved[build]


def _is_same(alone: Resolution, jointly: Resolution, lock: CargoLock | None) -> bool:
    """Whether all that an action needs alone is the same where it is built with others."""
    if any(jointly.units[unit] != on for unit, on in alone.units.items()):
        return False
    # What others ask of packages from elsewhere matters where it leads to any that it needs, too.
    others = [
        name
        for (name, for_host), asked in jointly.requests.items()
        if not asked <= alone.requests.get((name, for_host), set())
        or (name, for_host) not in alone.requests
    ]
    if lock is None:
        return not others or not alone.requests
    needed = {name for name, _ in alone.units} | lock.reached(name for name, _ in alone.requests)
    return needed.isdisjoint(lock.reached(others))
