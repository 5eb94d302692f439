from __future__ import annotations

from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import InputGroup, InputKind
from mzbuild.core.fingerprint.scheme import raw_fingerprints, show_fingerprint
from mzbuild.core.fingerprint.survey import Survey, survey
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import build_graph
from mzbuild.core.image.list import list_images, list_rows

from tests.core.conftest import CONFIGURATION, listing

DOCKERFILES = {
    "alone/Dockerfile": b"FROM scratch\n",
    "base/Dockerfile": b"FROM scratch\n",
    "middle/Dockerfile": b"MZFROM base\n",
    "top/Dockerfile": b"MZFROM middle\nMZFROM alone\n",
}
IMAGES = [Image(name, name, f"{name}/mzbuild.yml") for name in ("alone", "base", "middle", "top")]
GRAPH = build_graph(IMAGES, listing(*DOCKERFILES), DOCKERFILES.__getitem__)


def inputs(image: Image) -> tuple[InputGroup, ...]:
    return (InputGroup(InputKind.CONTEXT, image.context, (image.dockerfile,)),)


def surveyed(*, no_inputs: str = "", no_record: str = "") -> Survey:
    def some_inputs(image: Image) -> tuple[InputGroup, ...]:
        if image.name == no_inputs:
            raise MzbuildError("no inputs")
        return inputs(image)

    def some_record(path: str) -> bytes:
        if path == no_record:
            raise MzbuildError("no record")
        return path.encode()

    return survey(GRAPH, some_inputs, some_record, CONFIGURATION)


def test_where_nothing_is_wrong_all_fingerprints_are_as_ever() -> None:
    paths = {image.name: (image.dockerfile,) for image in IMAGES}
    raw = raw_fingerprints(GRAPH, paths, str.encode, CONFIGURATION)
    found = surveyed()
    assert found.fingerprints == {name: show_fingerprint(value) for name, value in raw.items()}
    assert found.inputs == {image.name: inputs(image) for image in IMAGES}
    assert found.errors == {}


def test_what_is_wrong_with_an_image_is_wrong_with_what_builds_on_it_alone() -> None:
    for found in (surveyed(no_inputs="base"), surveyed(no_record="base/Dockerfile")):
        assert found.fingerprints == {"alone": surveyed().fingerprints["alone"]}
        assert found.errors["middle"] == "It builds on `base`, which has no fingerprint."
        assert found.errors["top"] == "It builds on `middle`, which has no fingerprint."
        assert set(found.inputs) >= {"alone", "middle", "top"}
    assert surveyed(no_inputs="base").errors["base"] == "no inputs"
    assert surveyed(no_record="base/Dockerfile").errors["base"] == "no record"


def test_an_image_is_listed_even_where_its_inputs_are_not_known() -> None:
    listed = list_images(GRAPH, surveyed(no_inputs="base"), {"base": "base:base", "top": "top:t"})
    assert [(image.name, image.address, image.inputs) for image in listed] == [
        ("base", "base:base", None),
        ("top", "top:t", 1),
    ]
    assert listed[1].dependencies == ("alone", "middle")
    assert list_rows(listed) == [
        ["base", "base:base", "?", "yes", "yes", "-", ""],
        ["top", "top:t", "1", "yes", "yes", "alone, middle", ""],
    ]
