from __future__ import annotations

import hashlib

from mzbuild.actions.copy import RunCopy
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.image.declaration import Image
from mzbuild.rules.pre_image import ImagesToBuild, PreImageResult
from pants.engine.fs import FileDigest, FileEntry, SymlinkEntry

from tests.core.conftest import CONFIGURATION
from tests.rules.conftest import Project, image

ALONE = ImagesToBuild(CONFIGURATION, ())


def copied(project: Project, copy: CopyAction) -> dict[str, FileEntry | SymlinkEntry]:
    owner = Image("a", "a", "a/mzbuild.yml", pre_image=(copy,))
    result = project.request(PreImageResult, RunCopy(owner, copy, ALONE))
    return {entry.path: entry for entry in result.entries}


def entry(path: str, content: str, executable: bool = False) -> FileEntry:
    digest = FileDigest(hashlib.sha256(content.encode()).hexdigest(), len(content))
    return FileEntry(path, digest, executable)


def test_files_are_copied_with_their_modes_under_the_destination(project: Project) -> None:
    project.write({**image("a"), "doc/x.md": "x", "doc/run": "run", "doc/.gitignore": "*.o\n"})
    project.write({"doc/x.o": "ignored"})
    (project.root / "doc/run").chmod(0o755)
    assert copied(project, CopyAction("doc", "d/e")) == {
        "d/e/.gitignore": entry("d/e/.gitignore", "*.o\n"),
        "d/e/run": entry("d/e/run", "run", executable=True),
        "d/e/x.md": entry("d/e/x.md", "x"),
    }


def test_a_symlink_is_copied_as_the_file_that_it_leads_to(project: Project) -> None:
    project.write({**image("a"), "elsewhere": "content"})
    project.link("doc/to-file", "../elsewhere")
    project.link("doc/to-nothing", "nowhere")
    assert copied(project, CopyAction("doc", "d")) == {
        "d/to-file": entry("d/to-file", "content"),
        "d/to-nothing": SymlinkEntry("d/to-nothing", "nowhere"),
    }


def test_odd_names_are_copied(project: Project) -> None:
    names = ["with space", "é", "*?[x]", "[!a]", "line\nbreak"]
    project.write({**image("a"), **{f"doc/{name}": name for name in names}})
    assert copied(project, CopyAction("doc", "d")) == {
        f"d/{name}": FileEntry(
            f"d/{name}",
            FileDigest(hashlib.sha256(name.encode()).hexdigest(), len(name.encode())),
        )
        for name in names
    }


def test_a_change_is_copied_in_the_next_run(project: Project) -> None:
    project.write({**image("a"), "doc/x": "1"})
    assert copied(project, CopyAction("doc", "d")) == {"d/x": entry("d/x", "1")}
    # Pants is not told of this one: what counts is what is there when it is asked.
    (project.root / "doc/x").write_text("2")
    assert copied(project, CopyAction("doc", "d")) == {"d/x": entry("d/x", "2")}


def test_an_error_is_that_of_the_core(project: Project) -> None:
    project.write(image("a"))
    owner = Image("a", "a", "a/mzbuild.yml")
    error = project.error(PreImageResult, RunCopy(owner, CopyAction("/etc", "d"), ALONE))
    assert error.startswith("a/mzbuild.yml: `source: /etc` leads out of the repository.")
