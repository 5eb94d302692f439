"""The `mzbuild.yml` file: read, checked, and written in its canonical form."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Callable

from mzbuild.core.cargo.settings import CargoFlags
from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.image.declaration import CargoBuild, Copy, Image, PreImage
from mzbuild.core.image.spec import is_component
from mzbuild.core.text.limits import check_pattern
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
def parse_mzbuild_yml(content: bytes, path: str) -> MzbuildYml:
    """Reads an `mzbuild.yml`.

    `path` is the file's, relative to the root. Raises `MzbuildError`, naming file, line and
    field, for a file that is not YAML, a field of the wrong type, or a required one that is not
    there. A field that is not known is a warning: such files exist in the wild.
    """
    file = read_yaml(content, path)
    name = file.required("name")
    check_image_name(name, file.place("name"))
    pre_image: list[PreImage] = []
    warnings: list[str] = []
    description = file.string("description")
    publish = file.boolean("publish", True)
    mainline = file.boolean("mainline", True)
    build_args = file.scalars("build-args")
    for action in file.maps("pre-image"):
        pre_image.append(_parse_action(action))
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


def declared_in(path: str, read: Callable[[str], bytes]) -> MzbuildYml:
    """What an `mzbuild.yml` declares, or what is wrong with it.

    `read` gives its content; an `MzbuildError` of it is that of the file, too.
    """
    try:
        return parse_mzbuild_yml(read(path), path)
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


def _parse_action(action: YamlMap) -> PreImage:
    kind = action.required("type")
    if kind not in _ACTIONS:
        raise MzbuildError(
            f"{action.place('type')}: there is no pre-image action of type `{kind}`; the types "
            f"are {listed(_ACTIONS)}.{nearest(kind, _ACTIONS)}"
        )
    return _ACTIONS[kind](action)


def _parse_cargo_build(action: YamlMap) -> CargoBuild:
    bins, examples = action.strings("bin"), action.strings("example")
    if not bins and not examples:
        raise MzbuildError(
            f"{action.place()}: a `cargo-build` needs a `bin` or an `example` to build. "
            "Add `bin: …`."
        )
    extract = action.map("extract")
    return CargoBuild(
        bins=bins,
        examples=examples,
        strip=action.boolean("strip", True),
        split_debuginfo=action.boolean("split_debuginfo", False),
        features=action.strings("features"),
        extract=tuple((name, extract.scalars(name)) for name in extract.names()) if extract else (),
    )


def _parse_copy(action: YamlMap) -> Copy:
    return Copy(
        source=action.required("source"),
        destination=action.required("destination"),
        matching=check_pattern(action.string("matching") or "*", action.place("matching")),
    )


_ACTIONS: Mapping[str, Callable[[YamlMap], PreImage]] = {
    "cargo-build": _parse_cargo_build,
    "copy": _parse_copy,
}


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
        if isinstance(action, CargoBuild):
            lines += [
                "  - type: cargo-build",
                f"    bin: {_quoted(action.bins)}",
                f"    example: {_quoted(action.examples)}",
                f"    strip: {_quoted(action.strip)}",
                # It came later: images without it keep the fingerprints that they had.
                *(["    split_debuginfo: true"] if action.split_debuginfo else []),
                f"    features: {_quoted(action.features)}",
                f"    extract: {_quoted({name: dict(pairs) for name, pairs in action.extract})}",
                *_flag_lines(action.flags),
            ]
        else:
            lines += [
                "  - type: copy",
                f"    source: {_quoted(action.source)}",
                f"    destination: {_quoted(action.destination)}",
                f"    matching: {_quoted(action.matching)}",
            ]
    return "\n".join([*lines, ""]).encode()


def _flag_lines(flags: CargoFlags) -> list[str]:
    """Only what is set: images without such fields keep the fingerprints that they had."""
    values = {"rustflags": flags.rustflags, "env": dict(flags.env), "args": flags.args}
    return [f"    {name}: {_quoted(value)}" for name, value in values.items() if value]


def _quoted(value: object) -> str:
    # JSON would write a character beyond 16 bits as two, which YAML does not put together again.
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return re.sub("[^ -~]", lambda match: f"\\U{ord(match[0]):08x}", text)
