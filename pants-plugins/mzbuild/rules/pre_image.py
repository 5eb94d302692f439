"""Pre-image actions: which types there are, and what one puts into a context.

A type of action is a member of the union `PreImageRequest`. Whoever registers one has images take
that action, in `mzbuild.yml` files and, if it has a target type, in BUILD files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Union

from pants.engine.environment import EnvironmentName
from pants.engine.fs import EMPTY_DIGEST, Digest, FileEntry, SymlinkEntry
from pants.engine.rules import Rule
from pants.engine.target import Target
from pants.engine.unions import UnionMembership, union

from mzbuild.core.actions.action import Action, ActionTypes
from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.image.declaration import Image
from mzbuild.core.text.fields import GivenFields
from mzbuild.pants_api import collect_rules, polymorphic_rule, rule

Entry = Union[FileEntry, SymlinkEntry]


@dataclass(frozen=True)
class ImagesToBuild:
    """The names of the images that a command builds in a configuration, sorted.

    With `selected`, the command packages them along with whatever else was selected.
    """

    configuration: Configuration
    names: tuple[str, ...]
    selected: bool = False


@union(in_scope_types=[EnvironmentName])
@dataclass(frozen=True)
class PreImageRequest:
    """A request for the results of one of an image's actions.

    A member is for actions of its `action_type`; they are declared in BUILD files by targets of its
    `target_type`, if it has one. `together` are all images that are built in the same command.
    """

    action_type: ClassVar[type[Action]]
    target_type: ClassVar[type[Target] | None] = None

    image: Image
    action: Action
    together: ImagesToBuild


@dataclass(frozen=True)
class PreImageResult:
    """The files that an action makes, by their paths in the context.

    `debug` has those that stay out of it: debug information that was split off.
    """

    entries: tuple[Entry, ...]
    debug: Digest = EMPTY_DIGEST


@dataclass(frozen=True)
class PreImageActions:
    """The types of actions that are registered, each as the type of the requests to run one."""

    requests: tuple[type[PreImageRequest], ...]

    @cached_property
    def types(self) -> ActionTypes:
        """The types themselves."""
        return tuple(request.action_type for request in self.requests)

    @cached_property
    def target_types(self) -> dict[str, type[PreImageRequest]]:
        """Those that have a type of target, by its alias."""
        return {each.target_type.alias: each for each in self.requests if each.target_type}

    def with_targets(self, image: Image) -> tuple[tuple[Action, type[Target]], ...]:
        """The actions of an image that targets can declare, with the types of these."""
        types = ((action, self._of(action).target_type) for action in image.pre_image)
        return tuple((action, target_type) for action, target_type in types if target_type)

    def request(self, image: Image, action: Action, together: ImagesToBuild) -> PreImageRequest:
        """A request to run an action."""
        return self._of(action)(image, action, together)

    def declared_by(self, target: Target, image: Target) -> Action:
        """The action that a target declares, which an image's target names.

        Raises `MzbuildError` for one that declares none.
        """
        request = self.target_types.get(target.alias)
        if request is None:
            raise MzbuildError(
                f"{image.description_of_origin}: `pre_image` names {target.address}, which is a "
                f"target of type `{target.alias}`. Name targets of the types "
                f"{listed(sorted(self.target_types))}."
            )
        return request.action_type.parse(target_fields(target))

    def _of(self, action: Action) -> type[PreImageRequest]:
        return next(each for each in self.requests if each.action_type is type(action))


@rule
def pre_image_actions(union_membership: UnionMembership) -> PreImageActions:
    members = union_membership.get(PreImageRequest)
    return PreImageActions(tuple(sorted(members, key=lambda each: each.action_type.type)))


@polymorphic_rule
async def run_pre_image(request: PreImageRequest) -> PreImageResult:
    raise NotImplementedError


def target_fields(target: Target) -> GivenFields:
    """The fields of a target, as an action reads them."""
    values = {field.alias: target[field].value for field in target.field_types}
    return GivenFields(target.description_of_origin, values)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
