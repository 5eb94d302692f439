from __future__ import annotations

from mzbuild.core.configuration import Arch
from mzbuild.core.plan.acquisition import Origin
from mzbuild.core.plan.ensured import Ensured, Outcome, ensured_json, ensured_row
from mzbuild.core.registries.addresses import Registry
from mzbuild.core.registries.client import Absent, Answer, Present
from mzbuild.core.registries.publication import (
    Status,
    check_exit_code,
    check_rows,
    image_statuses,
    publications,
)
from mzbuild.core.registries.round import Unknown
from mzbuild.core.text.table import table

ONE, TWO = (Registry(name, f"{name}.example") for name in ("one", "two"))
TAGS = {name: ((ONE, f"one.example/{name}"), (TWO, f"two.example/{name}")) for name in "abc"}
THERE: Answer = Present("sha256:1")
NOT_THERE: Answer = Absent()
NOBODY_KNOWS: Answer = Unknown("two: 503")


def answered(**answers: tuple[Answer, Answer]) -> dict[tuple[Registry, str], Answer]:
    return {tag: answer for name, both in answers.items() for tag, answer in zip(TAGS[name], both)}


def test_an_image_is_published_only_where_all_registries_have_it() -> None:
    answers = answered(a=(THERE, THERE), b=(THERE, NOT_THERE), c=(THERE, NOBODY_KNOWS))
    found = publications(Arch.AARCH64, ["a", "b", "c", "private"], {**TAGS, "private": ()}, answers)
    assert [(image.name, image.status) for image in found] == [
        ("a", Status.PUBLISHED),
        ("b", Status.MISSING),
        ("c", Status.UNKNOWN),
    ]
    assert found[1].present == {TAGS["b"][0]: "sha256:1"}
    assert check_rows(found) == [
        ("b", "aarch64", "two", "missing", "two.example/b"),
        ("c", "aarch64", "two", "unknown", "two: 503"),
    ]


def test_an_image_that_is_not_published_may_be_in_the_engine() -> None:
    answers = answered(a=(THERE, THERE), b=(THERE, NOT_THERE), c=(THERE, NOBODY_KNOWS))
    tags = {**TAGS, "private": ()}
    nobody = {"a": "published", "b": "missing", "c": "unknown", "private": "missing"}
    assert image_statuses(Arch.X86_64, tags, answers, ()) == nobody
    everybody = {**dict.fromkeys(tags, "local"), "a": "published"}
    assert image_statuses(Arch.X86_64, tags, answers, set(tags)) == everybody


def test_where_no_engine_answers_what_is_not_published_is_unknown() -> None:
    answers = answered(a=(THERE, THERE), b=(THERE, NOT_THERE), c=(THERE, NOBODY_KNOWS))
    statuses = image_statuses(Arch.X86_64, {**TAGS, "private": ()}, answers, None)
    assert statuses == {"a": "published", **dict.fromkeys(("b", "c", "private"), "unknown")}


def test_the_exit_code_says_missing_only_where_all_is_known() -> None:
    there, missing, unknown = (
        publications(Arch.AARCH64, ["a"], TAGS, answered(a=(THERE, second)))
        for second in (THERE, NOT_THERE, NOBODY_KNOWS)
    )
    both = publications(Arch.AARCH64, ["a"], TAGS, answered(a=(NOT_THERE, NOBODY_KNOWS)))
    assert both[0].status is Status.MISSING
    codes = [check_exit_code(images) for images in ((), there, missing, unknown, both)]
    assert codes == [0, 0, 1, 2, 2]
    assert check_exit_code([*missing, *unknown]) == 2


def test_a_table_has_its_columns_in_line() -> None:
    assert table(("image", ""), [("a", "x\ny"), ("longer-name", "")]) == [
        "image",
        "a            x y",
        "longer-name",
    ]
    assert table(("image", ""), []) == []


def test_what_became_of_an_image_in_a_row_and_for_programs() -> None:
    pushed = Ensured(
        "a",
        Arch.AARCH64,
        "one.example/a",
        Outcome.PUSHED,
        ("one", "two"),
        Origin.BUILT,
        seconds=1.26,
    )
    assert ensured_row(pushed) == ("a", "aarch64", "pushed", "1.3 s", "built, to one, two")
    failed = Ensured("b", Arch.X86_64, "s", Outcome.FAILED, reason="no\nmore lines")
    assert ensured_row(failed) == ("b", "x86_64", "failed", "", "no")
    assert [image.ok for image in (pushed, failed)] == [True, False]
    (described,) = ensured_json([pushed])
    assert described == {
        "name": "a",
        "arch": "aarch64",
        "spec": "one.example/a",
        "outcome": "pushed",
        "pushed_to": ("one", "two"),
        "origin": "built",
        "seconds": 1.26,
        "reason": "",
        "because_of": "",
    }
