from __future__ import annotations

from collections.abc import Sequence

import pytest
from mzbuild.rules.specified_images import SpecifiedImages
from pants.base.specs import (
    AddressLiteralSpec,
    DirGlobSpec,
    FileLiteralSpec,
    RawSpecs,
    RecursiveGlobSpec,
    Spec,
    Specs,
)

from tests.rules.conftest import Project, image

EVERYTHING = RecursiveGlobSpec("")


@pytest.fixture
def repository(project: Project) -> Project:
    project.write({**image("base"), **image("d/top", dockerfile="MZFROM base\n"), "d/BUILD": ""})
    project.write({"d/top/mzbuild.yml": "name: top\n", "declared/Dockerfile": "FROM scratch\n"})
    return project


def specified(
    project: Project, includes: Sequence[Spec], ignores: Sequence[Spec] = (), *options: str
) -> tuple[str, ...]:
    specs = Specs(
        RawSpecs.create(includes, description_of_origin="a test", filter_by_global_options=True),
        RawSpecs.create(ignores, description_of_origin="a test"),
    )
    return project.request(SpecifiedImages, specs, options=options).names


def test_each_kind_of_specification_stands_for_the_images_it_names(repository: Project) -> None:
    assert specified(repository, [EVERYTHING]) == ("base", "top")
    assert specified(repository, [RecursiveGlobSpec("d")]) == ("top",)
    assert specified(repository, [EVERYTHING, FileLiteralSpec("d/top/Dockerfile")]) == (
        *("base", "top"),
    )
    assert specified(repository, [AddressLiteralSpec("base")]) == ("base",)
    assert specified(repository, [DirGlobSpec("d")]) == ()
    assert specified(repository, [EVERYTHING], [RecursiveGlobSpec("d")]) == ("base",)


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("--filter-target-type=cargo_crate", ()),
        ("--filter-address-regex=^d/", ("top",)),
        ("--tag=special", ("declared",)),
        ("--filter-tag-regex=^spec", ("declared",)),
        ("--tag=-special", ("base", "top")),
    ],
)
def test_filters_hold_for_everything_too(
    repository: Project, option: str, names: tuple[str, ...]
) -> None:
    repository.write({"declared/BUILD": 'mzbuild_image(tags=["special"])\n'})
    assert specified(repository, [EVERYTHING]) == ("base", "declared", "top")
    assert specified(repository, [EVERYTHING], (), option) == names


def test_an_image_that_a_build_file_declares_comes_and_goes(repository: Project) -> None:
    repository.write({"declared/BUILD": "mzbuild_image()\n"})
    assert specified(repository, [EVERYTHING]) == ("base", "declared", "top")
    repository.remove("declared/BUILD")
    assert specified(repository, [EVERYTHING]) == ("base", "top")


def test_a_macro_may_declare_images_too(repository: Project) -> None:
    prelude = "--build-file-prelude-globs=macros.py"
    repository.write(
        {
            "macros.py": "def service(**fields):\n    mzbuild_image(**fields)\n",
            "declared/BUILD": "service(name='declared')\n",
        }
    )
    assert specified(repository, [EVERYTHING], (), prelude) == ("base", "declared", "top")


def test_the_name_of_a_target_type_alone_declares_nothing(repository: Project) -> None:
    repository.write({"d/BUILD": "# mzbuild_image(name='other')\n"})
    assert specified(repository, [EVERYTHING]) == ("base", "top")
