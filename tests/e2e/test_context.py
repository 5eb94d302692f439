"""What is in an image: exactly its inputs, as they are in the work tree, and its configuration.

One repository with all of it is packaged once; each test looks at one aspect.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.images import COPY_ALL, File, Link, building, contents, described, image, text
from tests.e2e.repo import PANTS_TOML, Content, Docker, Repo, Result

# Pants stores files of this size in another way than small ones.
LARGE = b"0123456789abcdef" * 64 * 1024

ODD_NAMES = [
    "two words.txt",
    "ünïcode.txt",
    "*?[x].txt",
    "line\nbreak.txt",
    "back\\slash.txt",
    "-rf",
    "#remark",
    'it\'s "quoted".txt',
    "$HOME {a,b}.txt",
    " leading",
    ".hidden",
]

FORMS = """\
# MZFROM base is no instruction in a comment.
MZFROM base AS first
MZFROM\thidden  as Second
MZFROM base
COPY --from=first /srv/base.txt /srv/from-first
COPY --from=Second /srv/hidden.txt /srv/from-second
COPY . /srv/
"""

ARGUMENTS = """\
FROM scratch
ARG BUILD_PROFILE ARCH_GCC ARCH_GO CI_SANITIZER
ARG VERSION GREETING DEBUG EMPTY DEFAULT=as-before
LABEL build="$BUILD_PROFILE $ARCH_GCC $ARCH_GO $CI_SANITIZER" \\
      version=$VERSION greeting=$GREETING debug=$DEBUG empty="[$EMPTY]" default=$DEFAULT
COPY mzbuild.yml /
"""

BUILD_ARGS = """\
description: "All that a name can be given: =, $HOME and 'quotes'."
build-args:
  VERSION: 1.10
  GREETING: 'hello = "wide" $world, it''s me'
  DEBUG: true
  EMPTY: ''
"""

COPIES = """\
pre-image:
  - {type: copy, source: doc, destination: manual/pages, matching: '*.md'}
  - {type: copy, source: doc/deep, destination: manual, matching: b.md}
  - {type: copy, source: other, destination: manual/pages}
"""

BUILD_FILE = """\
mzbuild_copy(name="manual", source="doc/deep", destination="manual")

mzbuild_image(
    image_name="declared",
    description="Declared in a BUILD file.",
    build_args={"VERSION": "2"},
    pre_image=[":manual"],
)
"""

DECLARED = """\
MZFROM base
ARG VERSION
LABEL version=$VERSION
COPY . /srv/
"""

FILES: Mapping[str, Content] = {
    # Pants gives up at a link that leads out of the repository, unless it is not to look there.
    "pants.toml": f'{PANTS_TOML}pants_ignore.add = ["/images/inputs/link-absolute"]\n',
    ".gitignore": "*.generated\n",
    **image("base", COPY_ALL),
    "images/base/base.txt": "base",
    **image("hidden", COPY_ALL, "publish: false\n"),
    "images/hidden/hidden.txt": "hidden",
    **image("forms", FORMS),
    **image("arguments", ARGUMENTS, BUILD_ARGS),
    **image("inputs", COPY_ALL),
    **{f"images/inputs/odd/{name}": name for name in ODD_NAMES},
    "images/inputs/.gitignore": "*.ignored\nbuild/\n",
    "images/inputs/tracked.txt": "committed",
    "images/inputs/deleted.txt": "deleted",
    "images/inputs/empty": "",
    "images/inputs/large.bin": LARGE,
    "images/inputs/program": "#!/bin/sh\n",
    "images/inputs/large-program": LARGE,
    "images/inputs/private": "only its owner reads this",
    "images/inputs/private-program": "only its owner runs this",
    "images/inputs/link": Path("tracked.txt"),
    "images/inputs/link-to-directory": Path("odd"),
    "images/inputs/link-to-nothing": Path("nowhere"),
    "images/inputs/link-out": Path("../../doc/a.md"),
    "images/inputs/link-absolute": Path("/etc/hostname"),
    **image("inner", COPY_ALL, where="images/inputs/nested/inner"),
    "images/inputs/nested/own.txt": "of the outer image",
    **image("ignoring", COPY_ALL),
    "images/ignoring/.dockerignore": "**/skipped\n.dockerignore\n",
    "images/ignoring/deep/skipped": "",
    "images/ignoring/deep/kept": "",
    **image("own-ignoring", COPY_ALL),
    "images/own-ignoring/.dockerignore": "kept\n",
    "images/own-ignoring/Dockerfile.dockerignore": "skipped\n",
    "images/own-ignoring/skipped": "",
    "images/own-ignoring/kept": "",
    **image("copies", COPY_ALL, COPIES),
    "images/copies/manual/pages/a.md": "covered by what is copied",
    "images/copies/manual/pages/own.md": "own",
    "doc/a.md": "a",
    "doc/deep/b.md": "b",
    "doc/deep/c.txt": "c",
    "doc/link.md": Path("deep/c.txt"),
    "doc/link-to-nothing.md": Path("nowhere"),
    "other/a.md": "the last one counts",
    "images/declared/BUILD": BUILD_FILE,
    "images/declared/Dockerfile": DECLARED,
    "links/Dockerfile": COPY_ALL,
    "images/linked/mzbuild.yml": "name: linked\n",
    "images/linked/Dockerfile": Path("../../links/Dockerfile"),
}


def change_the_work_tree(repo: Repo) -> None:
    """Makes it differ from what is committed, in each way that the inputs are to follow."""
    inputs = repo.root / "images/inputs"
    repo.write(
        {
            "images/inputs/tracked.txt": "edited",
            "images/inputs/untracked.txt": "untracked",
            "images/inputs/x.ignored": "ignored here",
            "images/inputs/y.generated": "ignored by the root",
            "images/inputs/build/output": "ignored with its directory",
            "images/inputs/forced.generated": "tracked all the same",
            "images/inputs/sub/forced.ignored": "tracked all the same",
            "doc/x.generated": "ignored",
        }
    )
    forced = [str(inputs / name) for name in ("forced.generated", "sub/forced.ignored")]
    repo.git("add", "--force", *forced)
    (inputs / "deleted.txt").unlink()
    for name, mode in {
        "program": 0o755,
        "large-program": 0o755,
        "private": 0o600,
        "private-program": 0o700,
    }.items():
        (inputs / name).chmod(mode)
    (repo.root / "doc/deep/b.md").chmod(0o755)


Snapshot = dict[str, tuple[int, int, int, str]]


def snapshot(root: Path) -> Snapshot:
    """Everything in a work tree but what Pants keeps there: modes, sizes, times and links."""
    found = {}
    for parent, directories, files in os.walk(root):
        if Path(parent) == root:
            own = {".pants.d", ".pids", "dist"}
            directories[:] = [name for name in directories if name not in own]
            files = [name for name in files if not name.startswith(".pants.workdir.file_lock")]
        else:
            found[parent] = _status(Path(parent))
        found.update({os.path.join(parent, name): _status(Path(parent, name)) for name in files})
    return found


def _status(path: Path) -> tuple[int, int, int, str]:
    status = path.lstat()
    link = os.readlink(path) if path.is_symlink() else ""
    return status.st_mode, status.st_size, status.st_mtime_ns, link


class Packaged(NamedTuple):
    repo: Repo
    docker: Docker
    result: Result
    images: Mapping[str, Mapping[str, Any]]
    before: Snapshot
    after: Snapshot

    def contents(self, name: str) -> dict[str, File | Link]:
        return contents(self.docker, self.images[name]["spec"])

    def inspect(self, name: str) -> Mapping[str, Any]:
        (found,) = json.loads(self.docker("image", "inspect", self.images[name]["spec"]).stdout)
        assert isinstance(found, dict)
        return found

    def labels(self, name: str) -> Mapping[str, str]:
        labels = self.inspect(name)["Config"]["Labels"]
        assert isinstance(labels, dict)
        return labels


@pytest.fixture(scope="module")
def packaged(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Packaged]:
    with building(tmp_path_factory.mktemp("context"), cold_caches, FILES) as (repo, docker):
        change_the_work_tree(repo)
        before = snapshot(repo.root)
        result = repo.pants("package", "::")
        yield Packaged(repo, docker, result, described(repo), before, snapshot(repo.root))


def test_a_context_is_exactly_the_inputs(packaged: Packaged) -> None:
    assert packaged.contents("inputs") == {
        "mzbuild.yml": File(0o644, b"name: inputs\n"),
        "Dockerfile": File(0o644, COPY_ALL.encode()),
        ".gitignore": File(0o644, b"*.ignored\nbuild/\n"),
        "tracked.txt": File(0o644, b"edited"),
        "untracked.txt": File(0o644, b"untracked"),
        "forced.generated": File(0o644, b"tracked all the same"),
        "sub/forced.ignored": File(0o644, b"tracked all the same"),
        "empty": File(0o644, b""),
        "large.bin": File(0o644, LARGE),
        "program": File(0o755, b"#!/bin/sh\n"),
        "large-program": File(0o755, LARGE),
        "private": File(0o644, b"only its owner reads this"),
        "private-program": File(0o755, b"only its owner runs this"),
        "link": Link("tracked.txt"),
        "link-to-directory": Link("odd"),
        "link-to-nothing": Link("nowhere"),
        "link-out": Link("../../doc/a.md"),
        "link-absolute": Link("/etc/hostname"),
        "nested/own.txt": File(0o644, b"of the outer image"),
        **{f"odd/{name}": File(0o644, name.encode()) for name in ODD_NAMES},
    }


def test_a_nested_image_has_its_own_context(packaged: Packaged) -> None:
    assert set(packaged.contents("inner")) == {"mzbuild.yml", "Dockerfile"}


def test_the_work_tree_is_not_written_to(packaged: Packaged) -> None:
    assert packaged.after == packaged.before


def test_docker_and_not_the_plugin_follows_ignore_files(packaged: Packaged) -> None:
    assert set(packaged.contents("ignoring")) == {"mzbuild.yml", "Dockerfile", "deep/kept"}


def test_an_ignore_file_of_the_dockerfile_comes_first(packaged: Packaged) -> None:
    assert {"kept", "Dockerfile.dockerignore"} <= set(packaged.contents("own-ignoring"))
    assert "skipped" not in packaged.contents("own-ignoring")


def test_mzfrom_takes_names_stages_and_tabs(packaged: Packaged) -> None:
    files = packaged.contents("forms")
    assert text(files["base.txt"]) == "base"
    assert text(files["from-first"]) == "base"
    assert text(files["from-second"]) == "hidden"
    assert packaged.images["forms"]["dependencies"] == [
        packaged.images["base"]["spec"],
        packaged.images["hidden"]["spec"],
    ]


def test_the_dockerfile_in_the_context_is_the_original(packaged: Packaged) -> None:
    assert text(packaged.contents("forms")["Dockerfile"]) == FORMS


def test_a_dockerfile_may_be_a_link(packaged: Packaged) -> None:
    assert packaged.contents("linked")["Dockerfile"] == Link("../../links/Dockerfile")


def test_an_image_that_is_not_published_is_built(packaged: Packaged) -> None:
    assert packaged.images["hidden"]["origin"] == "built"
    assert packaged.images["hidden"]["spec"] in packaged.docker.images()


def test_build_arguments_reach_the_image_as_they_are_written(packaged: Packaged) -> None:
    labels = packaged.labels("arguments")
    assert {name: labels[name] for name in ("build", "version", "greeting", "debug", "empty")} == {
        "build": "OPTIMIZED x86_64 amd64 none",
        "version": "1.10",
        "greeting": 'hello = "wide" $world, it\'s me',
        "debug": "true",
        "empty": "[]",
    }
    assert labels["default"] == "as-before"


def test_labels_say_what_an_image_is(packaged: Packaged) -> None:
    fingerprint = packaged.images["arguments"]["fingerprint"]
    labels = packaged.labels("arguments")
    assert {name: labels[name] for name in labels if "." in name} == {
        "mzbuild.fingerprint": fingerprint,
        "mzbuild.inputs": "2",
        "org.opencontainers.image.title": "arguments",
        "org.opencontainers.image.description": (
            "All that a name can be given: =, $HOME and 'quotes'."
        ),
        "org.opencontainers.image.version": f"mzbuild-{fingerprint}",
    }


def test_the_labels_are_the_images_own(packaged: Packaged) -> None:
    labels = packaged.labels("forms")
    assert labels["mzbuild.fingerprint"] == packaged.images["forms"]["fingerprint"]
    assert labels["org.opencontainers.image.title"] == "forms"


def test_copied_files_are_put_where_they_are_wanted(packaged: Packaged) -> None:
    copied = {
        name: entry
        for name, entry in packaged.contents("copies").items()
        if name.startswith("manual/")
    }
    assert copied == {
        "manual/pages/a.md": File(0o644, b"the last one counts"),
        "manual/pages/own.md": File(0o644, b"own"),
        "manual/pages/deep/b.md": File(0o755, b"b"),
        "manual/pages/link.md": File(0o644, b"c"),
        "manual/pages/link-to-nothing.md": Link("nowhere"),
        "manual/b.md": File(0o755, b"b"),
    }


def test_an_image_of_a_build_file_is_built_like_any_other(packaged: Packaged) -> None:
    description = packaged.images["declared"]
    assert description["address"] == "images/declared:declared"
    assert description["dependencies"] == [packaged.images["base"]["spec"]]
    assert packaged.labels("declared")["version"] == "2"
    assert packaged.labels("declared")["mzbuild.inputs"] == "4"
    assert packaged.labels("declared")["org.opencontainers.image.description"] == (
        "Declared in a BUILD file."
    )
    assert set(packaged.contents("declared")) == {
        "Dockerfile",
        "base.txt",
        "manual/b.md",
        "manual/c.txt",
        "mzbuild.yml",  # That of the image that it builds on.
    }


def test_the_platform_is_the_one_that_is_asked_for(packaged: Packaged) -> None:
    assert (packaged.inspect("arguments")["Os"], packaged.inspect("arguments")["Architecture"]) == (
        "linux",
        "amd64",
    )
    packaged.repo.pants(
        "--mzbuild-arch=aarch64",
        "--mzbuild-profile=dev",
        "--mzbuild-sanitizer=address",
        "package",
        "images/arguments",
    )
    other = described(packaged.repo)["arguments"]["spec"]
    (found,) = json.loads(packaged.docker("image", "inspect", other).stdout)
    assert (found["Os"], found["Architecture"]) == ("linux", "arm64")
    assert found["Config"]["Labels"]["build"] == "DEV aarch64 arm64 address"
    assert other != packaged.images["arguments"]["spec"]


def test_what_pants_is_not_told_of_reaches_the_image_on_a_warm_daemon(packaged: Packaged) -> None:
    inputs = packaged.repo.root / "images/inputs"
    (inputs / "tracked.txt").chmod(0o755)
    (inputs / "link").unlink()
    (inputs / "link").symlink_to("empty")
    shutil.move(str(inputs / "large.bin"), str(inputs / "moved.bin"))
    packaged.repo.pants("package", "images/inputs")
    after = contents(packaged.docker, described(packaged.repo)["inputs"]["spec"])
    assert after["tracked.txt"] == File(0o755, b"edited")
    assert after["link"] == Link("empty")
    assert after["moved.bin"] == File(0o644, LARGE)
    assert "large.bin" not in after
    # Nothing tells Pants of what is written through this name.
    elsewhere = packaged.repo.root.with_name("elsewhere")
    os.link(inputs / "tracked.txt", elsewhere)
    elsewhere.write_text("elsewhere")
    packaged.repo.pants("package", "images/inputs")
    after = contents(packaged.docker, described(packaged.repo)["inputs"]["spec"])
    assert after["tracked.txt"] == File(0o755, b"elsewhere")
