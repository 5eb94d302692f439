from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from mzbuild.rules.images import Images
from mzbuild.rules.selection import ReportedImages, SpecifiedImages
from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs import (
    AddressLiteralSpec,
    AncestorGlobSpec,
    DirGlobSpec,
    DirLiteralSpec,
    FileGlobSpec,
    FileLiteralSpec,
    RawSpecs,
    RecursiveGlobSpec,
    Spec,
    Specs,
)
from pants.engine.addresses import Addresses
from pants.engine.internals.scheduler import ExecutionError
from pants.util.frozendict import FrozenDict

from tests.rules.conftest import Project, image

EVERYTHING = RecursiveGlobSpec("")
PARAMETERS = FrozenDict({"tags": "one"})


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


def outcome(project: Project, product: type[object], specs: Specs) -> object:
    """What the rules make of specifications, or the text of the error."""
    try:
        return project.request(product, specs)
    except ExecutionError as error:
        return str(next(iter(error.wrapped_exceptions)))


@pytest.mark.parametrize(
    "includes",
    [
        (AddressLiteralSpec("d/top", "top"),),
        (AddressLiteralSpec("d/top"), DirLiteralSpec("base")),
        (AddressLiteralSpec("d/top", "crate"), DirLiteralSpec("base")),
        (AddressLiteralSpec("base"), AddressLiteralSpec("d/made", parameters=PARAMETERS)),
        (AddressLiteralSpec("d/made", "other"), AddressLiteralSpec("d/made", "made")),
        (AddressLiteralSpec("d/made", "other"), DirGlobSpec("d/made")),
        (DirLiteralSpec("d"),),
        (DirGlobSpec("d/made"), DirLiteralSpec("d/top")),
        (AncestorGlobSpec("d/top/etc"), FileLiteralSpec("base/Dockerfile")),
        (RecursiveGlobSpec("d/t"), RecursiveGlobSpec("base")),
        (FileGlobSpec("**/Dockerfile"),),
        (),
    ],
)
def test_what_specifications_stand_for_is_what_pants_says(
    repository: Project, includes: Sequence[Spec]
) -> None:
    repository.write({"d/top/etc/hosts": "", "d/made/Dockerfile": "FROM scratch\n"})
    repository.write({"d/made/BUILD": "mzbuild_image(name='other')\n"})
    raw = RawSpecs.create(
        includes,
        description_of_origin="a test",
        unmatched_glob_behavior=GlobMatchErrorBehavior.ignore,
    )
    specs = replace(Specs.empty(), includes=raw)
    known = repository.request(Images).names
    addresses = outcome(repository, Addresses, specs)
    names = outcome(repository, SpecifiedImages, specs)
    if isinstance(addresses, Addresses):
        expected = sorted(known[address] for address in addresses if address in known)
        assert names == SpecifiedImages(tuple(expected))
    else:
        assert names == addresses


def test_the_images_of_a_directory_are_known_without_its_targets(repository: Project) -> None:
    repository.write({"d/other/BUILD": "no_such_type()\n"})
    for include in (RecursiveGlobSpec("d"), DirLiteralSpec("d/top")):
        assert specified(repository, [include]) == ("top",)


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


class TestNames:
    def test_an_image_goes_by_its_name_where_no_image_is_in_a_directory_of_that_name(
        self, repository: Project
    ) -> None:
        repository.write({"d/other/mzbuild.yml": "name: daemon\n", "d/other/Dockerfile": ""})
        repository.write({"e/mzbuild.yml": "name: d\n", "e/Dockerfile": ""})
        assert specified(repository, [DirLiteralSpec("daemon")]) == ("daemon",)
        assert specified(repository, [DirLiteralSpec("top"), DirLiteralSpec("base")]) == (
            *("base", "top"),
        )
        # There is a directory `d`, but no image in it.
        assert specified(repository, [DirLiteralSpec("d")]) == ("d",)
        assert specified(repository, [EVERYTHING], [DirLiteralSpec("daemon")]) == (
            *("base", "d", "top"),
        )
        assert (
            specified(
                repository, [DirLiteralSpec("daemon")], (), "--filter-target-type=cargo_crate"
            )
            == ()
        )

    def test_the_image_of_a_directory_goes_before_one_of_its_name(self, project: Project) -> None:
        project.write({"a/mzbuild.yml": "name: b\n", "a/Dockerfile": ""})
        project.write({"b/mzbuild.yml": "name: a\n", "b/Dockerfile": ""})
        assert specified(project, [DirLiteralSpec("a")]) == ("b",)

    def test_a_target_of_another_name_is_found_by_directory_address_and_name(
        self, project: Project
    ) -> None:
        project.write({**image("s/web"), "s/web/mzbuild.yml": "name: front\n"})
        project.write({"s/web/BUILD": "mzbuild_files()\n"})
        for include in (
            *(DirLiteralSpec("s/web"), DirLiteralSpec("front"), DirGlobSpec("s/web")),
            *(AddressLiteralSpec("s/web", "image"), RecursiveGlobSpec("s")),
        ):
            assert specified(project, [include]) == ("front",)

    def test_only_what_matches_no_image_is_told_of(self, repository: Project) -> None:
        includes = [DirLiteralSpec("base"), DirLiteralSpec("d/topp"), DirLiteralSpec("tpo")]
        raw = RawSpecs.create(
            [*includes, FileLiteralSpec("base/Dockerfile"), FileLiteralSpec("d/BUILD")],
            description_of_origin="a test",
            unmatched_glob_behavior=GlobMatchErrorBehavior.error,
        )
        error = repository.error(ReportedImages, replace(Specs.empty(), includes=raw))
        assert error.split("\n\n")[0] == (
            "`d/topp` matches no image. Did you mean `d/top`?\n"
            "`tpo` matches no image. Did you mean `d/top`?\n"
            "`d/BUILD`: that matches no image. `::` stands for all images."
        )
