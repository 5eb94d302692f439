"""The one face that Pants has for this plugin, whatever its version.

Rules are written in the idiom of Pants 2.30 and later: they call each other and Pants' own rules by
name, as in `await merge_digests(MergeDigests(digests), **implicitly())`. What stands before `/` in
a rule's signature is given by its caller; Pants finds the other arguments.

Older versions know no such calls, or lose those of a rule that stands further down in its module
(before 2.30). There, a call returns the `Get` that means the same: Pants reads the source of a rule
and of each function that it calls, and finds that `Get`.

Nothing else in this plugin asks for the version of Pants.
"""

# Versions that are not supported may lack what is imported further down: they are refused first.
# ruff: noqa: E402

from __future__ import annotations

import ast
import inspect
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints, overload

from pants.base.exceptions import BackendConfigurationError
from pants.version import PANTS_SEMVER
from pants.version import VERSION as VERSION


def refusal(release: tuple[int, ...]) -> str | None:
    """Why this plugin does not run on a release of Pants, as in (2, 31, 0); `None` if it does."""
    if release[:2] == (2, 17) or (2, 27) <= release[:2] <= (2, 34):
        return None
    version = ".".join(map(str, release))
    newer = ", or take a newer release of mzbuild" if release > (2, 34) else ""
    return (
        f"mzbuild runs on Pants 2.17 and on 2.27 to 2.34, and this is Pants {version}. Set "
        f"`pants_version` in pants.toml to one of those{newer}."
    )


def _refuse_unsupported() -> None:
    reason = refusal(PANTS_SEMVER.release)
    if reason is None:
        return
    # pantsd serves runs in threads of its own. Elsewhere, Pants shows a traceback with all
    # exceptions but this one.
    if threading.current_thread() is threading.main_thread():
        raise SystemExit(reason)
    raise BackendConfigurationError(reason)


_refuse_unsupported()

from pants.base.specs import Specs
from pants.core.goals.package import BuiltPackage, EnvironmentAwarePackageRequest
from pants.core.goals.tailor import AllOwnedSources
from pants.core.util_rules.system_binaries import BinaryShims, BinaryShimsRequest
from pants.engine import rules as pants_rules
from pants.engine import target
from pants.engine.addresses import (
    Address,
    Addresses,
    BuildFileAddress,
    BuildFileAddressRequest,
    UnparsedAddressInputs,
)
from pants.engine.env_vars import EnvironmentVars
from pants.engine.fs import (
    AddPrefix,
    CreateDigest,
    Digest,
    DigestContents,
    DigestEntries,
    DigestSubset,
    MergeDigests,
    PathGlobs,
    Paths,
    RemovePrefix,
    Snapshot,
)
from pants.engine.internals.defaults import BuildFileDefaultsParserState
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.internals.mapper import AddressMap
from pants.engine.internals.parser import BuildFilePreludeSymbols, Parser
from pants.engine.internals.scheduler import SchedulerSession
from pants.engine.internals.selectors import Params
from pants.engine.internals.synthetic_targets import SyntheticAddressMap
from pants.engine.internals.target_adaptor import TargetAdaptor
from pants.engine.process import FallibleProcessResult, Process, ProcessResult
from pants.engine.rules import Rule
from pants.engine.target import (
    HydratedSources,
    HydrateSourcesRequest,
    SourcesPaths,
    SourcesPathsRequest,
    Targets,
    TransitiveTargets,
    TransitiveTargetsRequest,
)
from pants.option.options import Options
from pants.option.options_bootstrapper import OptionsBootstrapper
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel
from pants.vcs.changed import ChangedAddresses, ChangedRequest, DependentsOption
from pants.vcs.git import GitWorktreeRequest, MaybeGitWorktree
from typing_extensions import ParamSpec

_Given = ParamSpec("_Given")
_Output = TypeVar("_Output")
_Function = TypeVar("_Function", bound=Callable[..., Any])
_Second = TypeVar("_Second")
_Third = TypeVar("_Third")
# What a call by name returns: whoever awaits it gets the output.
_Call = Coroutine[Any, Any, _Output]

# From 2.30 on, rules may call those that stand below them in their module by name.
BY_NAME = PANTS_SEMVER.release >= (2, 30)

if TYPE_CHECKING or PANTS_SEMVER.release < (2, 29):
    from pants.option.global_options import UnmatchedBuildFileGlobs as UnmatchedBuildFileGlobs
else:
    from pants.option.bootstrap_options import UnmatchedBuildFileGlobs as UnmatchedBuildFileGlobs


def changed_request(files: tuple[str, ...], dependents: DependentsOption) -> ChangedRequest:
    """A request for the owners of changed files."""
    if PANTS_SEMVER.release < (2, 23):
        return ChangedRequest(files, dependents)
    # Since then, a request can be about some lines of a file, too.
    return ChangedRequest(files, FrozenDict(), dependents)  # type: ignore[call-arg, arg-type]


def closure_request(addresses: Iterable[Address]) -> TransitiveTargetsRequest:
    """A request for targets and all that they depend on, also by fields of their own."""
    if PANTS_SEMVER.release < (2, 18):
        return TransitiveTargetsRequest(addresses, include_special_cased_deps=True)
    # Since then, a predicate says which dependencies count.
    every = target.AlwaysTraverseDeps()  # type: ignore[attr-defined]
    return TransitiveTargetsRequest(addresses, should_traverse_deps_predicate=every)  # type: ignore[call-arg]


def request_product(session: SchedulerSession, product: type[_Output], *given: object) -> _Output:
    """What the rules make of some values, outside of any rule."""
    subject: Any = Params(*given)
    # Since 2.31, one subject is asked about.
    subjects = [subject] if PANTS_SEMVER.release < (2, 31) else subject
    (found,) = session.product_request(product, subjects)
    result: _Output = found
    return result


def typed_goals(builtin: str, options: Options, session: SchedulerSession) -> list[str]:
    """A builtin goal and the others of the same command, in the order in which they were typed."""
    goals = dict.fromkeys((builtin, *options.goals))
    if PANTS_SEMVER.release < (2, 25):
        return [scope for scope in options.scope_to_flags if scope in goals]
    # Since then, Pants does not say where the builtin goal stood. The command itself does, but for
    # goals that an alias stands for: those come last.
    words = session.py_session.session_values[OptionsBootstrapper].args
    return sorted(goals, key=lambda goal: words.index(goal) if goal in words else len(words))


def parse_targets(
    path: str,
    content: str,
    parser: Parser,
    macros: BuildFilePreludeSymbols,
    env: EnvironmentVars,
    defaults: BuildFileDefaultsParserState,
) -> Mapping[str, TargetAdaptor]:
    """The targets that the text of a BUILD file declares, by their names."""
    # Since 2.34, Pants takes the syntax tree, too.
    tree: Any = {} if PANTS_SEMVER.release < (2, 34) else {"tree": ast.parse(content, path)}
    parsed = AddressMap.parse(
        filepath=path,
        build_file_content=content,
        parser=parser,
        extra_symbols=macros,
        env_vars=env,
        is_bootstrap=False,
        defaults=defaults,
        dependents_rules=None,
        dependencies_rules=None,
        **tree,
    )
    return parsed.name_to_target_adaptor


if TYPE_CHECKING or PANTS_SEMVER.release < (2, 25):

    @dataclass(frozen=True)
    class _AddressMap(SyntheticAddressMap):
        """Before 2.25, Pants takes what a BUILD file declares out of the very objects that it was
        given, and would miss those targets when the declaration goes away: so they are others
        whenever a BUILD file changes."""

        build_files: Digest


def synthetic_address_map(
    path: str, targets: Iterable[TargetAdaptor], build_files: Digest
) -> SyntheticAddressMap:
    """Targets that appear to come from a file; `build_files` are all BUILD files."""
    if PANTS_SEMVER.release < (2, 25):
        return _AddressMap(path, {target.name or "": target for target in targets}, build_files)
    return SyntheticAddressMap.create(path, targets)


if TYPE_CHECKING:

    @overload
    def rule(function: Callable[_Given, _Call[_Output]], /) -> Callable[_Given, _Call[_Output]]: ...

    @overload
    def rule(function: Callable[_Given, _Output], /) -> Callable[_Given, _Call[_Output]]: ...

    @overload
    def rule(*, desc: str, level: LogLevel = ...) -> Callable[[_Function], _Function]: ...

    def rule(*args: Any, **options: Any) -> Any:
        """Makes a rule that is called by name; its result is remembered for the same inputs."""

    uncacheable_rule = rule
    goal_rule = pants_rules.goal_rule

    def polymorphic_rule(
        function: Callable[_Given, _Call[_Output]], /
    ) -> Callable[..., _Call[_Output]]:
        """Makes a rule that stands for those of the members of a union, which is its argument.

        It is called with `**implicitly({request: TheUnion})`, and never runs itself.
        """

    def implicitly(*given: object) -> Mapping[str, Any]:
        """Stands for the arguments of a rule that Pants finds by itself."""

    @overload
    def concurrently(calls: Iterable[_Call[_Output]], /) -> _Call[tuple[_Output, ...]]: ...

    @overload
    def concurrently(
        first: _Call[_Output], second: _Call[_Second], /
    ) -> _Call[tuple[_Output, _Second]]: ...

    @overload
    def concurrently(
        first: _Call[_Output], second: _Call[_Second], third: _Call[_Third], /
    ) -> _Call[tuple[_Output, _Second, _Third]]: ...

    def concurrently(*calls: Any) -> Any:
        """Awaits several calls of rules at once."""

    def collect_rules(names: Mapping[str, Any] | None = None) -> Iterable[Rule]:
        """The rules among some names, by default those of the module that calls this."""


if TYPE_CHECKING or not BY_NAME:
    from pants.engine.rules import Get, MultiGet

    # Pants knows the names of an enclosing function when it reads the source of an inner one, but
    # not those of an argument: so there is a function for each number of inputs.
    def _without_input(output: type[_Output]) -> Callable[..., _Call[_Output]]:
        def call(**_implicit: Any) -> Get:  # type: ignore[type-arg]  # Pants wants a class.
            return Get(output)

        return call  # type: ignore[return-value]  # Whoever awaits a `Get` gets its output.

    def _with_input(output: type[_Output], input_type: type) -> Callable[..., _Call[_Output]]:
        def call(given: Any, /, **_implicit: Any) -> Get:  # type: ignore[type-arg]  # As above.
            return Get(output, {given: input_type})

        return call  # type: ignore[return-value]  # As above.

    def _of_union(output: type[_Output], union: type) -> Callable[..., _Call[_Output]]:
        def call(*, given: Mapping[Any, type]) -> Get:  # type: ignore[type-arg]  # As above.
            (member,) = given
            return Get(output, {member: union})

        return call  # type: ignore[return-value]  # As above.

    def _get(output: type[_Output], *inputs: type) -> Callable[..., _Call[_Output]]:
        return _with_input(output, *inputs) if inputs else _without_input(output)

    if not TYPE_CHECKING:
        concurrently = MultiGet

        def implicitly(given=None):
            return {} if given is None else {"given": given}

        def _called_by_name(make_rule):
            def decorate(function=None, **options):
                if function is None:
                    return lambda function: decorate(function, **options)
                types = get_type_hints(function)
                given = [
                    types[parameter.name]
                    for parameter in inspect.signature(function).parameters.values()
                    if parameter.kind is parameter.POSITIONAL_ONLY
                ]
                call = _get(types["return"], *given)
                call.__name__ = function.__name__
                # Pants reads what a rule calls when the rule is made. By then, all rules of its
                # module have to be there: `collect_rules` makes them.
                call.make = lambda: make_rule(function, **options)
                return call

            return decorate

        def polymorphic_rule(function):
            types = get_type_hints(function)
            return _of_union(types.pop("return"), *types.values())

        rule = _called_by_name(pants_rules.rule)
        uncacheable_rule = _called_by_name(pants_rules._uncacheable_rule)
        goal_rule = pants_rules.goal_rule

        def collect_rules(names=None):
            names = sys._getframe(1).f_globals if names is None else names
            made = {}
            for name, value in tuple(names.items()):
                if hasattr(value, "make") and inspect.isfunction(value):
                    # Not as an attribute `rule`: from 2.19 on, Pants would take it for a rule of
                    # its own that is called by name.
                    if not hasattr(value, "made"):
                        value.made = value.make()
                    value = value.made
                made[name] = value
            return pants_rules.collect_rules(made)

    # Pants' own rules, under the names that they have since 2.30 where those say what they do.
    add_prefix = _get(Digest, AddPrefix)
    all_owned_sources = _get(AllOwnedSources)
    contents_of_globs = _get(DigestContents, PathGlobs)
    create_digest = _get(Digest, CreateDigest)
    create_shims = _get(BinaryShims, BinaryShimsRequest)
    digest_subset_to_digest = _get(Digest, DigestSubset)
    digest_to_snapshot = _get(Snapshot, Digest)
    execute_process = _get(FallibleProcessResult, Process)
    execute_process_or_raise = _get(ProcessResult, Process)
    find_build_file = _get(BuildFileAddress, BuildFileAddressRequest)
    find_changed_owners = _get(ChangedAddresses, ChangedRequest)
    find_owners = _get(Owners, OwnersRequest)
    get_digest_contents = _get(DigestContents, Digest)
    get_digest_entries = _get(DigestEntries, Digest)
    get_git_worktree = _get(MaybeGitWorktree, GitWorktreeRequest)
    merge_digests = _get(Digest, MergeDigests)
    path_globs_to_digest = _get(Digest, PathGlobs)
    hydrate_sources = _get(HydratedSources, HydrateSourcesRequest)
    package_target = _get(BuiltPackage, EnvironmentAwarePackageRequest)
    remove_prefix = _get(Digest, RemovePrefix)
    resolve_addresses = _get(Addresses, Specs)
    resolve_source_paths = _get(SourcesPaths, SourcesPathsRequest)
    resolve_targets = _get(Targets, Addresses)
    resolve_unparsed_targets = _get(Targets, UnparsedAddressInputs)
    snapshot_with_prefix = _get(Snapshot, AddPrefix)
    transitive_targets = _get(TransitiveTargets, TransitiveTargetsRequest)
else:
    from pants.core.goals.package import environment_aware_package as package_target
    from pants.core.goals.tailor import determine_all_owned_sources as all_owned_sources
    from pants.core.util_rules.system_binaries import create_binary_shims as create_shims
    from pants.engine.internals.build_files import find_build_file
    from pants.engine.internals.graph import (
        find_owners,
        hydrate_sources,
        resolve_source_paths,
        transitive_targets,
    )
    from pants.engine.internals.graph import resolve_targets as _resolve_targets
    from pants.engine.internals.specs_rules import resolve_addresses_from_specs
    from pants.engine.intrinsics import (
        add_prefix,
        create_digest,
        digest_subset_to_digest,
        digest_to_snapshot,
        execute_process,
        get_digest_contents,
        get_digest_entries,
        merge_digests,
        path_globs_to_digest,
        remove_prefix,
    )
    from pants.engine.process import fallible_to_exec_result_or_raise
    from pants.engine.rules import (
        _uncacheable_rule as uncacheable_rule,
    )
    from pants.engine.rules import collect_rules, concurrently, goal_rule, implicitly, rule
    from pants.vcs.changed import find_changed_owners
    from pants.vcs.git import get_git_worktree

    def polymorphic_rule(function: Any) -> Any:
        return rule(function, polymorphic=True)

    # These Pants only gives to who lets it find the way from what they hand over.
    async def contents_of_globs(globs: PathGlobs, **_implicit: Any) -> DigestContents:
        return await get_digest_contents(**implicitly({globs: PathGlobs}))

    async def execute_process_or_raise(process: Process, **_implicit: Any) -> ProcessResult:
        return await fallible_to_exec_result_or_raise(**implicitly({process: Process}))

    async def resolve_addresses(specs: Specs, **_implicit: Any) -> Addresses:
        return await resolve_addresses_from_specs(**implicitly({specs: Specs}))

    async def resolve_targets(addresses: Addresses, **_implicit: Any) -> Targets:
        return await _resolve_targets(**implicitly({addresses: Addresses}))

    async def resolve_unparsed_targets(inputs: UnparsedAddressInputs, **_implicit: Any) -> Targets:
        return await _resolve_targets(**implicitly({inputs: UnparsedAddressInputs}))

    async def snapshot_with_prefix(request: AddPrefix, **_implicit: Any) -> Snapshot:
        return await digest_to_snapshot(**implicitly({request: AddPrefix}))


if TYPE_CHECKING or PANTS_SEMVER.release < (2, 23):
    paths_of_globs = _get(Paths, PathGlobs)
else:
    from pants.engine.internals.native_engine import path_globs_to_paths

    # Since then, paths are equal where their names are. Found by a rule of Pants, the same names
    # would have ours keep its result though a symlink leads elsewhere. Found by ours, they depend
    # on each directory and symlink on the way.
    async def paths_of_globs(globs: PathGlobs, **_implicit: Any) -> Paths:
        return await path_globs_to_paths(globs)
