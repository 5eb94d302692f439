"""`pants tailor`, in a repository that is to have BUILD files for its images."""

from __future__ import annotations

from collections.abc import Mapping

from tests.core.conftest import describe
from tests.e2e.images import COPY_ALL, described, image
from tests.e2e.repo import PANTS_TOML, Content, Docker, MakeRepo, Repo

COPY_DOC = "pre-image: [{type: copy, source: doc, destination: share}]\n"
WITH_BUILD_FILES = f"{PANTS_TOML}\n[mzbuild]\ntailor = true\n"

FILES: Mapping[str, Content] = {
    **image("base", COPY_ALL),
    **image("manual", "MZFROM base\nCOPY share /share\n", COPY_DOC, where="misc/book"),
    **image("tagged", COPY_ALL),
    "images/tagged/BUILD": 'mzbuild_image(tags=["slow"])\n',
    "doc/a.md": "# A\n",
}

ALONE: Mapping[str, Content] = {
    "new/tool/Dockerfile": "MZFROM base\n",
    "new/Tool_2/base/Dockerfile": "MZFROM tool\n",
    # This one belongs to an image already.
    "images/base/more/Dockerfile": "FROM scratch\n",
}


def fingerprints(repo: Repo) -> Mapping[str, str]:
    lines = repo.pants("mzbuild-fingerprint", "::").stdout.splitlines()
    return dict(line.split(": ") for line in lines)


def test_who_has_not_asked_for_it_gets_no_build_file(make_repo: MakeRepo) -> None:
    repo = make_repo({**FILES, **ALONE})
    for args in (("tailor", "::"), ("tailor", "--check", "::")):
        assert repo.pants(*args).stdout == ""
    assert repo.git("status", "--porcelain").stdout == ""


def test_images_are_what_they_were(make_repo: MakeRepo, docker: Docker) -> None:
    repo = make_repo({**FILES, "pants.toml": WITH_BUILD_FILES}, docker.env)
    targets = repo.pants("list", "::").stdout
    dependencies = repo.pants("dependencies", "misc/book").stdout
    assert "images/base:base\n" in dependencies
    proposed = repo.pants("tailor", "--check", "::", check=False)
    assert proposed.returncode == 1
    assert (
        "Would create images/base/BUILD:\n  - Add mzbuild_image target base of mzbuild.yml\n"
        in (proposed.stdout)
    )
    assert repo.git("status", "--porcelain").stdout == ""

    assert "Created misc/book/BUILD:" in repo.pants("tailor", "::").stdout
    untracked = ["ls-files", "--others", "--exclude-standard"]
    assert repo.git(*untracked).stdout.split() == ["images/base/BUILD", "misc/book/BUILD"]
    assert (repo.root / "misc/book/BUILD").read_text() == 'mzbuild_image(\n    name="book",\n)\n'
    assert repo.git("status", "--porcelain", "--untracked-files=no").stdout == ""
    assert repo.pants("list", "::").stdout == targets
    again = repo.pants("tailor", "--check", "::")
    assert (again.stdout, again.returncode) == ("", 0)

    # A BUILD file is a file of its context; else, all is as an `mzbuild.yml` alone says it.
    assert fingerprints(repo) == describe(repo.root).fingerprints
    repo.pants("package", "::")
    assert {name: image["fingerprint"] for name, image in described(repo).items()} == (
        describe(repo.root).fingerprints
    )
    assert {image["origin"] for image in described(repo).values()} == {"built"}
    assert repo.pants("dependencies", "misc/book").stdout == dependencies


def test_images_within_images_stay_apart(make_repo: MakeRepo) -> None:
    inner = image("inner", COPY_ALL, where="images/base/inner")
    repo = make_repo({**FILES, **inner, "pants.toml": WITH_BUILD_FILES})
    repo.pants("tailor", "images::")
    assert '"!inner/**"' in (repo.root / "images/base/BUILD").read_text()
    assert repo.pants("list", "images/base/inner/Dockerfile").stdout == "images/base/inner:inner\n"


def test_a_dockerfile_that_belongs_to_nobody_is_a_new_image(make_repo: MakeRepo) -> None:
    repo = make_repo({**FILES, **ALONE, "pants.toml": WITH_BUILD_FILES})
    repo.pants("tailor", "new::")
    assert (repo.root / "new/tool/BUILD").read_text() == "mzbuild_image()\n"
    assert (repo.root / "new/Tool_2/base/BUILD").read_text() == (
        'mzbuild_image(\n    image_name="tool-2-base",\n)\n'
    )
    assert not (repo.root / "images/base/BUILD").exists()
    assert set(fingerprints(repo)) == {"base", "manual", "tagged", "tool", "tool-2-base"}
    assert repo.pants("dependencies", "new/Tool_2/base").stdout == "new/tool:tool\n"
    assert repo.pants("tailor", "--check", "new::", "images/base/more").stdout == ""
