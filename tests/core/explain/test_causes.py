"""What many fingerprints moved by, of images made up for it."""

from __future__ import annotations

from collections.abc import Mapping

from mzbuild.core.actions.action import InputKind
from mzbuild.core.explain.causes import Cause, find_causes
from mzbuild.core.explain.explanation import Change, DependencyChange, Explanation, FileChange
from mzbuild.core.explain.report import explanation_lines
from mzbuild.core.text.table import MORE

MODE = 0o100644


def file(path: str, kind: str, name: str) -> FileChange:
    return FileChange(path, Change.CHANGED, MODE, MODE, ((kind, name),))


def image(name: str, *files: FileChange, on: str = "", option: bool = False) -> Explanation:
    below = tuple(DependencyChange(other, "A", "B", ("any",)) for other in on.split())
    options = {"profile": ("dev", "release")} if option else {}
    return Explanation(name, "A", "B", options, files, below)


def explained(*images: Explanation) -> Mapping[str, Explanation]:
    return {each.name: each for each in images}


def printed(found: Mapping[str, Explanation], *, everything: bool = False) -> list[str]:
    return list(
        explanation_lines(
            *(list(found.values()), found, ("`a`", "`b`")),
            everything=everything,
            paint_name=str,
            paint_change=str,
        )
    )


LIBRARY = file("src/ore/lib.rs", InputKind.CRATE, "ore")
MANIFEST = file("src/ore/Cargo.toml", InputKind.CRATE, "ore")


def dockerfile(name: str) -> FileChange:
    return file(f"{name}/Dockerfile", InputKind.CONTEXT, name)


def test_a_cause_moves_what_builds_on_what_it_moves() -> None:
    base, tool = image("base", dockerfile("base")), image("tool", LIBRARY, on="base")
    found = explained(base, tool, image("top", MANIFEST, on="tool"), image("alone", LIBRARY))
    assert find_causes(list(found.values()), found) == (
        Cause("changed", ("base/Dockerfile",), "context", ("base", "tool", "top")),
        Cause("changed", (LIBRARY.path, MANIFEST.path), "crate ore", ("tool", "top", "alone")),
    )
    # Of those that are not told of, what they build on counts all the same.
    assert find_causes([found["top"]], found)[0].images == ("top",)


def test_contexts_are_causes_of_their_own() -> None:
    found = explained(image("a", dockerfile("a")), image("b", dockerfile("b")))
    assert [each.images for each in find_causes(list(found.values()), found)] == [("a",), ("b",)]


def test_options_and_what_is_built_on() -> None:
    other = DependencyChange("other", None, "B", ())
    found = explained(
        image("a", option=True), Explanation("b", "A", "B", {"arch": ("x", "y")}, (), (other,))
    )
    assert {each.what: (each.things, each.origin) for each in find_causes([found["b"]], found)} == {
        "option": (("arch",), "x -> y"),
        "builds on": (("other",), "which it did not"),
    }


def test_what_would_fill_more_than_a_screen_is_told_by_its_causes() -> None:
    crowd = [image(f"i{number:02}", LIBRARY) for number in range(30)]
    come, gone = (Explanation(name, *sides, {}, (), ()) for name, sides in SIDES.items())
    found = explained(image("base", dockerfile("base")), *crowd, come, gone)
    assert printed(found) == [
        "33 images differ between `a` and `b`:",
        "  new      come             not in `a`",
        "  gone     gone             not in `b`",
        "  changed  src/ore/lib.rs   crate ore   30 images",
        "  changed  base/Dockerfile  context     base",
        MORE,
    ]
    assert len(printed(found, everything=True)) == 2 * 31 + 2


SIDES = {"come": (None, "B"), "gone": ("A", None)}


def test_causes_may_be_too_many_as_well() -> None:
    found = explained(*(image(f"i{n:02}", dockerfile(f"i{n:02}")) for n in range(50)))
    assert printed(found)[-2:] == [
        "  and 10 causes more that move fewer images",
        MORE,
    ]
