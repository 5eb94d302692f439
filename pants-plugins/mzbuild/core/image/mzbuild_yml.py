"""The `mzbuild.yml` file: read, checked, and written in its canonical form."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Callable

from mzbuild.core.actions.action import Action, ActionTypes
from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.spec import is_component
from mzbuild.core.text.table import some
from mzbuild.core.text.yaml_reader import YamlMap, read_yaml

FILE_NAME = "mzbuild.yml"

# What keeps Pants out of hidden directories unless the option has another value.
_HIDDEN = ".*/"

_NAME = re.compile(r"[a-z0-9-]+")
# Docker takes 255 characters for all that stands before the tag: half of them are for registries.
_LONGEST_NAME = 127


@dataclass(frozen=True)
class MzbuildYml:
    """What a file declares, and what of it was not understood."""

    image: Image
    warnings: tuple[str, ...]
    # What is wrong with the file, of which only its place is known then.
    error: str | None = None


# Pants' view, Git's and those of revisions have mostly the same files.
@lru_cache(maxsize=1 << 14)
def parse_mzbuild_yml(content: bytes, path: str, types: ActionTypes) -> MzbuildYml:
    """Reads an `mzbuild.yml`.

    `path` is the file's, relative to the root; `types` are those of actions. Raises
    `MzbuildError`, naming file, line and field, for a file that is not YAML, a field of the wrong
    type, or a required one that is not there. A field that is not known is a warning: such files
    exist in the wild.
    """
    file = read_yaml(content, path)
    name = file.required("name")
    check_image_name(name, file.place("name"))
    pre_image: list[Action] = []
    warnings: list[str] = []
    description = file.string("description")
    publish = file.boolean("publish", True)
    mainline = file.boolean("mainline", True)
    build_args = file.scalars("build-args")
    for action in file.maps("pre-image"):
        pre_image.append(_parse_action(action, types))
        warnings += action.unknown()
    image = Image(
        name=name,
        context=path.rpartition("/")[0],
        origin=path,
        description=description,
        publish=publish,
        mainline=mainline,
        build_args=build_args,
        pre_image=tuple(pre_image),
    )
    return MzbuildYml(image, tuple(file.unknown() + warnings))


def declared_in(path: str, read: Callable[[str], bytes], types: ActionTypes) -> MzbuildYml:
    """What an `mzbuild.yml` declares, or what is wrong with it.

    `read` gives its content; an `MzbuildError` of it is that of the file, too.
    """
    try:
        return parse_mzbuild_yml(read(path), path, types)
    except MzbuildError as error:
        return MzbuildYml(Image.unreadable(path.rpartition("/")[0], path), (), str(error))


def unseen(path: str, pants_ignore: Collection[str], has_gitignore: bool) -> str:
    """Why Git sees a file that declares an image, but Pants does not.

    `pants_ignore` is the option, `has_gitignore` whether the root has such a file.
    """
    *directories, _ = path.split("/")
    hidden = [n for n, name in enumerate(directories) if name.startswith(".")]
    if hidden and _HIDDEN in pants_ignore:
        directory = "/".join(directories[: hidden[0] + 1])
        reason = (
            f"[GLOBAL].pants_ignore has `{_HIDDEN}`, which matches `{directory}/`. Give the image "
            f"a target by adding `!/{directory}/` to that option"
        )
    else:
        also = "the root's `.gitignore` or " if has_gitignore else ""
        reason = (
            f"{also}[GLOBAL].pants_ignore matches it, though Git sees it. Have that match less to "
            "give the image a target"
        )
    return f"{path}: Pants does not see this file: {reason}. Other images can build on it."


def without_target(left_out: Sequence[str]) -> str:
    """What becomes of images whose declaring files a sparse checkout leaves out."""
    return (
        f"A sparse checkout leaves out {some(left_out)}, so that there is no target. Other "
        "images can build on what is declared there. To have a target, run `git sparse-checkout "
        "add` with the directory."
    )


def is_image_name(name: str) -> bool:
    """Whether an image can have this name."""
    return bool(_NAME.fullmatch(name)) and is_component(name) and len(name) <= _LONGEST_NAME


def check_image_name(name: str, place: str) -> None:
    """Raises `MzbuildError` for what cannot be an image's name."""
    if not is_image_name(name):
        raise MzbuildError(
            f"{place}: `{name}` cannot name an image: a name has lower-case letters and digits, "
            f"with `-` between them, and up to {_LONGEST_NAME} characters.{_allowed(name)}"
        )


def _allowed(name: str) -> str:
    """A sentence that gives the nearest name which is allowed, `""` where it takes more thought."""
    near = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    return f" Write `{near}`." if is_image_name(near) else ""


def _parse_action(action: YamlMap, types: ActionTypes) -> Action:
    kind = action.required("type")
    known = {each.type: each for each in types}
    if kind not in known:
        raise MzbuildError(
            f"{action.place('type')}: there is no pre-image action of type `{kind}`; the types "
            f"are {listed(known)}.{nearest(kind, known)}"
        )
    return known[kind].parse(action)


def canonical_mzbuild_yml(image: Image) -> bytes:
    """The file that declares this image, always the same bytes for the same image.

    Every field stands in it, in a fixed order; a string is written as JSON has it, which YAML
    reads alike. It is what an image that a BUILD file declares is hashed with.
    """
    lines = [
        f"name: {_quoted(image.name)}",
        f"description: {_quoted(image.description or '')}",
        f"publish: {_quoted(image.publish)}",
        f"mainline: {_quoted(image.mainline)}",
        f"build-args: {_quoted(dict(sorted(image.build_args)))}",
    ]
    lines.append("pre-image:" if image.pre_image else "pre-image: []")
    for action in image.pre_image:
        lines.append(f"  - type: {action.type}")
        fields = action.canonical().items()
        lines += [f"    {name}: {_quoted(value)}" for name, value in fields]
    return "\n".join([*lines, ""]).encode()


def _quoted(value: object) -> str:
    # JSON would write a character beyond 16 bits as two, which YAML does not put together again.
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return re.sub("[^ -~]", lambda match: f"\\U{ord(match[0]):08x}", text)
