"""Images of what other backends of Pants make, and of what commands make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.images import (
    COPY_ALL,
    building,
    changed,
    contents,
    described,
    image,
    text,
)
from tests.e2e.queries import check_change
from tests.e2e.queries import described as fingerprints
from tests.e2e.repo import PANTS_TOML, Content, Docker, Repo
from tests.e2e.steps import write

ASSETS_BUILD = """\
files(name="all", sources=["*.txt"])
archive(name="tar", format="tar", files=[":all"], tags=["release"])
relocated_files(name="moved", files_targets=[":all"], src="assets", dest="there")
"""

GENERATED_BUILD = """\
files(name="in", sources=["in.txt"])
shell_command(
    name="upper",
    command="tr a-z A-Z < in.txt > out.txt",
    tools=["tr"],
    output_files=["out.txt"],
    execution_dependencies=[":in"],
)
"""

PACKAGED = "pre-image: [{type: package, target: assets:tar, destination: bin}]\n"
TAKEN = "pre-image: [{type: files, target: [assets:moved, made:upper], destination: share}]\n"
RENDERED = """\
pre-image:
  - type: shell
    command: ./render.sh > site/index.html
    tools: [sh, cat]
    inputs: ["doc/**/*.md", ":^doc/drafts/**"]
    outputs: [site]
"""

DECLARED_BUILD = """\
mzbuild_package(name="assets", target=["assets:tar"])
mzbuild_sources(name="upper", target=["//made:upper"], destination="share")
mzbuild_shell(name="count", command="echo $((1 + 1)) > two", outputs=["two"])
mzbuild_image(image_name="declared", pre_image=[":assets", ":upper", ":count"])
"""

FILES: Mapping[str, Content] = {
    "pants.toml": PANTS_TOML.replace('["mzbuild"]', '["mzbuild", "pants.backend.shell"]'),
    "assets/BUILD": ASSETS_BUILD,
    "assets/a.txt": "a\n",
    "assets/b.txt": "b\n",
    "made/BUILD": GENERATED_BUILD,
    "made/in.txt": "hello\n",
    "doc/a.md": "a\n",
    "doc/deep/b.md": "b\n",
    "doc/drafts/c.md": "c\n",
    **image("packaged", COPY_ALL, PACKAGED),
    **image("taken", COPY_ALL, TAKEN),
    **image("rendered", COPY_ALL, RENDERED),
    "images/rendered/render.sh": b"#!/bin/sh\ncat ../../doc/*.md ../../doc/*/*.md\n",
    "images/declared/BUILD": DECLARED_BUILD,
    "images/declared/Dockerfile": COPY_ALL,
    **image("plain", COPY_ALL),
}


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[tuple[Repo, Docker]]:
    directory = tmp_path_factory.mktemp("target-actions")
    with building(directory, cold_caches, FILES) as (repo, docker):
        repo.pants("package", "::")
        yield repo, docker


@pytest.fixture
def repo(built: tuple[Repo, Docker]) -> Repo:
    return built[0]


def made(built: tuple[Repo, Docker], name: str) -> dict[str, str]:
    """The text files of an image that are in no context."""
    repo, docker = built
    found = contents(docker, described(repo)[name]["spec"])
    own = {"mzbuild.yml", "Dockerfile", "render.sh", "BUILD"}
    return {
        path: "" if path.endswith(".tar") else text(entry)
        for path, entry in found.items()
        if path not in own
    }


class TestContents:
    def test_what_pants_packages_is_in_the_context_as_in_dist(
        self, built: tuple[Repo, Docker]
    ) -> None:
        assert made(built, "packaged") == {"bin/assets/tar.tar": ""}

    def test_sources_are_there_as_pants_has_them_generated_ones_too(
        self, built: tuple[Repo, Docker]
    ) -> None:
        assert made(built, "taken") == {
            "share/there/a.txt": "a\n",
            "share/there/b.txt": "b\n",
            "share/made/out.txt": "HELLO\n",
        }

    def test_a_command_sees_the_context_and_its_inputs(self, built: tuple[Repo, Docker]) -> None:
        assert made(built, "rendered") == {"site/index.html": "a\nb\n"}

    def test_a_build_file_declares_the_same_actions(self, built: tuple[Repo, Docker]) -> None:
        assert made(built, "declared") == {
            "assets/tar.tar": "",
            "share/made/out.txt": "HELLO\n",
            "two": "2\n",
        }


class TestFingerprints:
    @pytest.mark.parametrize(
        ("path", "content", "names"),
        [
            ("assets/a.txt", "other\n", {"packaged", "taken", "declared"}),
            ("made/in.txt", "other\n", {"taken", "declared"}),
            ("doc/deep/b.md", "other\n", {"rendered"}),
            ("doc/deep/new.md", "new\n", {"rendered"}),
            ("assets/new.txt", "new\n", {"packaged", "taken", "declared"}),
            ("doc/drafts/c.md", "other\n", set()),
        ],
    )
    def test_a_change_moves_the_images_that_it_goes_into(
        self, repo: Repo, path: str, content: str, names: set[str]
    ) -> None:
        with changed(repo, {}):
            check_change(repo, write(path, content), names)

    @pytest.mark.parametrize(
        ("old", "new", "names"),
        [
            ('format="tar"', 'format="zip"', {"packaged", "declared"}),
            ('dest="there"', 'dest="here"', {"taken"}),
            ("archive(", "# A comment.\narchive(", set()),
            ('tags=["release"]', 'tags=["other"], description="All."', set()),
            ("archive(", 'files(name="more", sources=["*.md"])\narchive(', set()),
        ],
    )
    def test_only_what_makes_another_result_counts_of_build_files(
        self, repo: Repo, old: str, new: str, names: set[str]
    ) -> None:
        before = fingerprints(repo)
        with changed(repo, {"assets/BUILD": ASSETS_BUILD.replace(old, new)}):
            after = fingerprints(repo)
        moved = {
            after[address]["name"]
            for address in after
            if after[address]["fingerprint"] != before[address]["fingerprint"]
        }
        assert moved == names

    def test_options_of_the_backend_count(self, repo: Repo) -> None:
        before = fingerprints(repo)
        after = fingerprints(repo, {"PANTS_SHELL_SETUP_EXECUTABLE_SEARCH_PATHS": "['/usr/bin']"})
        moved = {
            after[address]["name"]
            for address in after
            if after[address]["fingerprint"] != before[address]["fingerprint"]
        }
        assert moved == {"taken", "declared"}


class TestReading:
    def test_explain_says_what_a_file_goes_in_by(self, repo: Repo) -> None:
        with changed(repo, {"assets/a.txt": "other\n"}):
            told = repo.pants("mzbuild-explain", "--since=HEAD", "packaged").stdout
        (line,) = [line for line in told.splitlines() if "assets/a.txt" in line]
        assert "package assets:tar" in line

    def test_actions_depend_on_their_targets(self, repo: Repo) -> None:
        found = repo.pants("dependents", "--transitive", "made:upper").stdout.split()
        assert set(found) == {
            *("images/declared:declared", "images/declared:upper"),
            *("images/taken:files", "images/taken:taken"),
        }

    def test_what_commands_and_packages_make_can_be_copied(self, repo: Repo) -> None:
        dockerfile = "FROM scratch\nCOPY site/index.html /\nCOPY missing /\n"
        with changed(repo, {"images/rendered/Dockerfile": dockerfile}):
            told = repo.pants("lint", "images/rendered", check=False).text
        assert "no `missing` in the context" in told
        assert "no `site/index.html`" not in told


class TestMistakes:
    def fault(self, repo: Repo, action: str) -> str:
        """What a fingerprint fails by where an image has an action."""
        declaration = f"name: plain\npre-image: [{action}]\n"
        with changed(repo, {"images/plain/mzbuild.yml": declaration}):
            result = repo.pants("mzbuild-fingerprint", "images/plain", check=False)
        assert result.returncode == 1
        assert "Traceback" not in result.text
        return result.stderr

    def test_a_target_that_is_not_there_is_named_with_those_that_are(self, repo: Repo) -> None:
        said = self.fault(repo, "{type: package, target: 'assets:tra'}")
        assert "images/plain/mzbuild.yml: " in said
        assert "tar" in said.partition("tra")[2]

    def test_what_cannot_be_packaged_is_refused_with_what_can(self, repo: Repo) -> None:
        said = self.fault(repo, "{type: package, target: 'made:in'}")
        assert "`made:in` is a target of type `file`, which cannot be packaged. Those that can" in (
            said
        )
        assert "`archive`" in said

    def test_what_has_no_sources_is_refused(self, repo: Repo) -> None:
        said = self.fault(repo, "{type: files, target: 'assets:tar'}")
        assert "`assets:tar` is a target of type `archive`, which has no sources." in said

    def test_an_image_is_no_target_to_take(self, repo: Repo) -> None:
        said = self.fault(repo, "{type: package, target: 'images/taken:taken'}")
        assert "`images/taken:taken` is an image, which no action can take. Name it by" in said

    def test_an_image_below_a_target_is_none_either(self, repo: Repo) -> None:
        build = f'{ASSETS_BUILD}archive(name="a", format="tar", packages=["images/plain:plain"])\n'
        with changed(repo, {"assets/BUILD": build}):
            said = self.fault(repo, "{type: package, target: 'assets:a'}")
        assert "images/plain/mzbuild.yml: " in said
        assert "`assets:a` cannot be taken: its dependencies form a cycle, assets:a -> " in said

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            (
                "echo broken >&2; exit 3",
                (
                    "the command `echo broken >&2; exit 3` ended with exit code 3, in the "
                    "directory `images/plain` of its sandbox.",
                    "\nbroken\n",
                ),
            ),
            ("true", ("ended well, but has not made `out`, which is among its `outputs`.",)),
        ],
    )
    def test_a_command_that_fails_says_how(
        self, repo: Repo, command: str, said: tuple[str, ...]
    ) -> None:
        declaration = (
            f"name: plain\npre-image: [{{type: shell, command: '{command}', outputs: out}}]\n"
        )
        with changed(repo, {"images/plain/mzbuild.yml": declaration}):
            result = repo.pants("package", "images/plain", check=False)
        assert result.returncode == 1
        for words in said:
            assert words in result.stderr, str(result)
        assert "Traceback" not in result.text

    def test_a_clash_names_both(self, repo: Repo) -> None:
        declaration = f"name: plain\n{PACKAGED}"
        clashing = {
            "images/plain/mzbuild.yml": declaration,
            "images/plain/bin/assets/tar.tar": "mine",
        }
        with changed(repo, clashing):
            result = repo.pants("package", "images/plain", check=False)
        assert result.returncode == 1
        assert (
            "images/plain/mzbuild.yml: the `package` of `assets:tar` makes `bin/assets/tar.tar`, "
            "which the context has, too."
        ) in result.stderr


def test_results_are_pants_own_and_made_once(built: tuple[Repo, Docker]) -> None:
    repo, docker = built
    docker("image", "rm", "--force", described(repo)["rendered"]["spec"])
    again = repo.pants("package", "images/rendered")
    assert "Starting: Run ./render.sh" not in again.stderr, str(again)
    assert made(built, "rendered") == {"site/index.html": "a\nb\n"}
