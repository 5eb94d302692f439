from __future__ import annotations

from dataclasses import replace

from mzbuild.core.actions.action import InputGroup, InputKind
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import all_inputs
from mzbuild.core.fingerprint.survey import Survey, concerning, failures, survey
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph, build_graph

from tests.core.conftest import CONFIGURATION, listing

DOCKERFILES = {
    "alone/Dockerfile": b"FROM scratch\n",
    "base/Dockerfile": b"FROM scratch\n",
    "middle/Dockerfile": b"MZFROM base\n",
    "top/Dockerfile": b"MZFROM middle\nMZFROM alone\n",
}
IMAGES = [Image(name, name, f"{name}/mzbuild.yml") for name in ("alone", "base", "middle", "top")]
GRAPH = build_graph(IMAGES, listing(*DOCKERFILES), DOCKERFILES.__getitem__)


def surveyed(*, graph: ImageGraph = GRAPH, no_inputs: str = "", no_record: str = "") -> Survey:
    def inputs(image: Image) -> tuple[InputGroup, ...]:
        if image.name == no_inputs:
            raise MzbuildError("no inputs")
        return (InputGroup(InputKind.CONTEXT, image.context, (image.dockerfile,)),)

    found = all_inputs(graph.images, inputs)
    error = MzbuildError("no record")
    records: list[bytes | MzbuildError] = [
        error if run == (no_record,) else b"x" for run in found.runs
    ]
    return survey(graph, found, records, CONFIGURATION)


def test_where_nothing_is_wrong_all_images_have_fingerprints() -> None:
    found = surveyed()
    assert list(found.fingerprints) == list(GRAPH.order)
    assert set(found.inputs) == set(GRAPH.by_name)
    assert found.errors == {}


def test_what_is_wrong_with_an_image_is_wrong_with_what_builds_on_it_alone() -> None:
    wrong = replace(GRAPH, errors={"base": "no sense"})
    for found, error in (
        (surveyed(no_inputs="base"), "no inputs"),
        (surveyed(no_record="base/Dockerfile"), "no record"),
        (surveyed(graph=wrong), "no sense"),
    ):
        assert found.fingerprints == {"alone": surveyed().fingerprints["alone"]}
        assert found.errors == {
            "base": error,
            "middle": "built on `base`, which has no fingerprint.",
            "top": "built on `middle`, which has no fingerprint.",
        }
        assert set(found.inputs) >= {"alone", "middle", "top"}


def test_all_that_is_wrong_below_an_image_is_named() -> None:
    wrong = replace(GRAPH, errors={"base": "no sense", "alone": "nonsense"})
    graph = replace(wrong, dependencies={**GRAPH.dependencies, "top": ("alone", "base")})
    assert surveyed(graph=graph).errors["top"] == (
        "built on `alone` and `base`, which have no fingerprint."
    )


def test_each_thing_that_is_wrong_is_told_once_from_the_root_of_it() -> None:
    dependencies = {"top": ("middle",), "middle": ("base",), "alone": ("base",)}
    errors = {
        "a/mzbuild.yml": "a/mzbuild.yml and b/mzbuild.yml both",
        "b/mzbuild.yml": "a/mzbuild.yml and b/mzbuild.yml both",
        "base": "doc: gone",
        "middle": "built on `base`, which has no fingerprint.",
        "alone": "built on `base`, which has no fingerprint.",
    }
    assert failures(errors) == (
        "a/mzbuild.yml and b/mzbuild.yml both",
        "`base` has no fingerprint: doc: gone",
        "`alone` and `middle` have no fingerprint: built on `base`, which has no fingerprint.",
    )
    found = concerning(["top", "alone"], {**dependencies, "base": ()}, errors)
    assert list(found.items()) == [("base", "doc: gone"), ("alone", errors["alone"])]
    errors["top"] = "built on `middle`, which has no fingerprint."
    found = concerning(["top"], {**dependencies, "base": ()}, errors)
    assert list(found) == ["base", "middle", "top"]
    assert concerning(["x"], dependencies, errors) == {}


def test_of_many_images_the_first_are_named() -> None:
    errors = {f"i{number}": "gone" for number in range(10)}
    assert failures(errors) == (
        "`i0`, `i1`, `i2`, `i3`, `i4`, `i5`, `i6`, `i7` and 2 more have no fingerprint: gone",
    )
