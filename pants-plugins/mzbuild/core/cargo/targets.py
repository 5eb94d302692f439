"""The binaries and examples of a package, and the features that they need.

How Cargo finds targets: https://doc.rust-lang.org/cargo/reference/cargo-targets.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mzbuild.core.cargo.manifest import CargoTarget, Manifest, default_paths
from mzbuild.core.errors import nearest
from mzbuild.core.paths import under
from mzbuild.core.work_tree.listing import Listing

Names = frozenset[str]


def find_targets(
    manifest: Manifest, edition: str, listing: Listing
) -> tuple[Names, Names, tuple[str, ...]]:
    """The names of a package's binaries and examples, and why Cargo would refuse its targets."""
    automatic = _automatic(manifest, "src/bin", listing)
    if under(manifest.directory, "src/main.rs") in listing:
        automatic.append((manifest.name, "src/main.rs"))
    bins = _with_declared(manifest.bins, automatic, manifest.autobins, edition)
    found = _automatic(manifest, "examples", listing)
    examples = _with_declared(manifest.examples, found, manifest.autoexamples, edition)
    missing = _missing(manifest.bins, automatic)
    if edition == "2015":
        # Where Cargo still looks for those who have never changed their manifests.
        old = ("src/main.rs", "src/bin/main.rs", "src/{}.rs")
        missing = [
            name
            for name in missing
            if not any(under(manifest.directory, path.format(name)) in listing for path in old)
        ]
    problems = [
        *_problems("binary", "src/bin", bins, missing),
        *_problems("example", "examples", examples, _missing(manifest.examples, found)),
    ]
    if manifest.default_run and manifest.default_run not in bins:
        problems.append(
            f'`default-run = "{manifest.default_run}"` names no binary of this package.'
            f"{nearest(manifest.default_run, bins)}"
        )
    if not (bins or examples or manifest.declares_lib) and not any(
        under(manifest.directory, path) in listing or listing.under(under(manifest.directory, path))
        for path in ("src/lib.rs", "tests", "benches")
    ):
        problems.append(
            "the package has nothing to compile that Git sees. Add a `src/lib.rs` or a "
            "`src/main.rs`."
        )
    return (
        frozenset(bins),
        frozenset(examples),
        tuple(f"{manifest.path}: {problem}" for problem in problems),
    )


def switched_on(manifest: Manifest, requested: Iterable[str]) -> frozenset[str]:
    """The features of a package that are on when some are: those, and all that they imply."""
    implied = dict(manifest.features)
    on: set[str] = set()
    pending = list(requested)
    while pending:
        feature = pending.pop()
        if feature in on:
            continue
        on.add(feature)
        # `dep:x` is no feature, and `x?/y` does not switch `x` on.
        pending += [
            each.partition("/")[0]
            for each in implied.get(feature, ())
            if not each.startswith("dep:") and "?/" not in each
        ]
    return frozenset(on)


def known_features(manifest: Manifest) -> frozenset[str]:
    """The features that can be asked for: optional dependencies are features, unless one has
    the dependency's name with `dep:` before it."""
    implied = [each for _, values in manifest.features for each in values]
    optional = {each.name for each in manifest.dependencies if each.optional}
    optional -= {each[len("dep:") :] for each in implied if each.startswith("dep:")}
    return frozenset({"default", *(name for name, _ in manifest.features), *optional})


def _automatic(manifest: Manifest, directory: str, listing: Listing) -> list[tuple[str, str]]:
    """What Cargo finds in a directory: names with paths relative to the package."""
    start = len(manifest.directory) + 1 if manifest.directory else 0
    targets = []
    for path in listing.under(under(manifest.directory, directory)):
        relative = path[start:]
        name, _, rest = relative[len(directory) + 1 :].partition("/")
        if name.startswith("."):
            continue
        if not rest and name.endswith(".rs"):
            targets.append((name[: -len(".rs")], relative))
        elif rest == "main.rs":
            targets.append((name, relative))
    return targets


def _with_declared(
    declared: Sequence[CargoTarget],
    automatic: Sequence[tuple[str, str]],
    wanted: bool | None,
    edition: str,
) -> list[str]:
    """All targets of a kind, once for each time that Cargo would come upon them."""
    names = [target.name for target in declared]
    if wanted is None:
        wanted = not declared or edition != "2015"
    if wanted:
        paths = {target.path for target in declared}
        names += [
            name
            for name, path in automatic
            if name not in names[: len(declared)] and path not in paths
        ]
    return names


def _missing(declared: Sequence[CargoTarget], automatic: Sequence[tuple[str, str]]) -> list[str]:
    """The names of the targets that neither have a `path` nor are where Cargo looks."""
    found = {name for name, _ in automatic}
    return [each.name for each in declared if each.path is None and each.name not in found]


def _problems(
    kind: str, directory: str, names: Sequence[str], missing: Sequence[str]
) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{times} targets are the {kind} `{name}`. Rename all but one."
    for name in missing:
        places = " nor ".join(f"`{path}`" for path in default_paths(directory, name))
        yield (
            f"the {kind} `{name}` has no `path`, and Git sees neither {places}. Add the file, or "
            "`path = …`."
        )
