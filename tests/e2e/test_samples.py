"""The sample images of this repository, built from a clone of it as a newcomer would."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mzbuild.core.configuration import Arch

from tests.e2e.images import File, Link, building, contents, described, log_file, text
from tests.e2e.later_docker import with_later_engine
from tests.e2e.repo import ANOTHER_PANTS, Docker, Repo, Result, finish, own_files, start

# Each sample with those that it builds on.
SAMPLES = {
    "base": (),
    "docs": ("tools",),
    "environmentd": ("base", "tools"),
    "jobs": ("base",),
    "playground": ("environmentd",),
    "testdrive": ("environmentd",),
    "tools": ("base",),
}


class Samples(NamedTuple):
    """A clone of this repository after its first `package`."""

    repo: Repo
    docker: Docker
    first: Mapping[str, Mapping[str, Any]]

    def pants(self, *args: str, check: bool = True) -> Result:
        """Runs the clone's own `./pants`, or the Pants that the tests are to run on."""
        command = [ANOTHER_PANTS or str(self.repo.root / "pants"), *args]
        return finish(start(command, cwd=self.repo.root, env=self.repo.env), check=check)

    def run(self, name: str, *args: str, options: tuple[str, ...] = ()) -> Result:
        """Runs a sample by the name that its description gave."""
        spec = self.first[name]["spec"]
        return self.docker("run", "--rm", *options, spec, *args, check=False)

    def inspect(self, name: str) -> Mapping[str, Any]:
        (image,) = json.loads(self.docker("image", "inspect", self.first[name]["spec"]).stdout)
        assert isinstance(image, dict)
        return image


@pytest.fixture(scope="module")
def samples(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Samples]:
    directory = tmp_path_factory.mktemp("samples")
    with building(directory, cold_caches, own_files()) as (repo, docker):
        Samples(repo, docker, {}).pants("package", "::")
        yield Samples(repo, docker, described(repo))


def test_nothing_is_amiss_with_the_samples(samples: Samples) -> None:
    assert "✓ mzbuild succeeded." in samples.pants("lint", "--only=mzbuild", "::").stderr


def test_each_sample_is_described(samples: Samples) -> None:
    fingerprints = json.loads(
        samples.pants("--mzbuild-fingerprint-format=json", "mzbuild-fingerprint", "::").stdout
    )
    assert {one["name"] for one in fingerprints} == set(SAMPLES)
    for expected in fingerprints:
        name, fingerprint = expected["name"], expected["fingerprint"]
        description = dict(samples.first[name])
        assert description.pop("seconds") > 0
        assert description == {
            "name": name,
            "address": f"misc/images/{name}:{name}",
            "spec": f"localhost:5000/{samples.docker.prefix}{name}:mzbuild-{fingerprint}",
            "fingerprint": fingerprint,
            "image_id": samples.inspect(name)["Id"],
            "origin": "built",
            "dependencies": [samples.first[other]["spec"] for other in SAMPLES[name]],
        }
        assert expected["spec"] == description["spec"]
        labels = samples.inspect(name)["Config"]["Labels"]
        assert labels["mzbuild.inputs"] == str(expected["inputs"])


def test_the_images_are_what_docker_lists(samples: Samples) -> None:
    assert samples.docker.images() >= {one["spec"] for one in samples.first.values()}


def test_the_archive_has_the_descriptions_of_what_is_published(samples: Samples) -> None:
    with tarfile.open(samples.repo.root / "dist/images.tar.gz") as archive:
        names = {Path(name).stem for name in archive.getnames()}
    assert names == set(SAMPLES) - {"testdrive"}


def test_base_has_files_links_and_labels(samples: Samples) -> None:
    etc = contents(samples.docker, samples.first["base"]["spec"], "etc")
    context = samples.repo.root / "misc/images/base/etc"
    assert etc["os-release"] == Link("mzbuild-release")
    for name in ("group", "mzbuild-release", "passwd"):
        assert etc[name] == File(0o644, (context / name).read_bytes())
    assert samples.inspect("base")["Config"]["Labels"] == {
        "com.example.arch": Arch.host().value,
        "com.example.profile": "OPTIMIZED",
        "mzbuild.fingerprint": samples.first["base"]["fingerprint"],
        "mzbuild.inputs": "6",
        "org.opencontainers.image.title": "base",
        "org.opencontainers.image.description": "What every image starts from.",
        "org.opencontainers.image.version": f"mzbuild-{samples.first['base']['fingerprint']}",
    }


def test_tools_lists_what_is_in_an_image(samples: Samples) -> None:
    listed = samples.run("tools").stdout.splitlines()
    assert "120777 /etc/os-release -> mzbuild-release" in listed
    assert "100755 /usr/local/bin/toolbox" in listed
    environment = samples.run("tools", "env", options=("--env=ONE=1",)).stdout.splitlines()
    assert {"PATH=/usr/local/bin", "ONE=1"} <= set(environment)


def test_docs_has_the_pages_that_match_and_no_other(samples: Samples) -> None:
    handbook = samples.repo.root / "doc/user"
    assert contents(samples.docker, samples.first["docs"]["spec"], "usr/share/doc") == {
        name: File(0o644, (handbook / name).read_bytes())
        for name in ("index.md", "programs/environmentd.md", "programs/jobs.md")
    }
    assert samples.run("docs").stdout == (handbook / "index.md").read_text()


def test_environmentd_is_compiled_for_its_image(samples: Samples) -> None:
    result = samples.run("environmentd", "a b", "c")
    assert result.returncode == 0
    greeting, arguments, *parts = result.stdout.splitlines()
    target = f"{Arch.host().value}-unknown-linux-gnu"
    assert greeting.startswith(f"Hello from environmentd 0.1.0 ({target}, opt-level")
    assert arguments == 'arguments: ["a b", "c"]'
    assert [part.rpartition(": ")[0] for part in parts] == [
        "/etc/mzbuild-release",
        "/usr/local/bin/toolbox",
    ]
    assert all(part.endswith(" bytes") for part in parts)
    assert samples.run("environmentd", "--exit-code", "7").returncode == 7


def test_environmentd_has_the_very_file_of_another_image(samples: Samples) -> None:
    copied, original = (
        contents(samples.docker, samples.first[name]["spec"], "usr/local/bin")["toolbox"]
        for name in ("environmentd", "tools")
    )
    assert copied == original


def test_jobs_has_two_programs_and_data_that_its_user_may_change(samples: Samples) -> None:
    assert samples.run("jobs").stdout == "compaction=on\nretention=90d\n"
    report = samples.run("jobs", options=("--entrypoint=catalog-debug",)).stdout
    assert report == "compaction: 1\nretention: 2\n3 values, 1 superseded\n"
    assert samples.run("jobs", "put", "a", "1").returncode == 0
    missing = samples.run("jobs", "get", "a")
    assert (missing.returncode, missing.stderr) == (1, 'persistcli: there is no key "a"\n')


def test_playground_has_its_build_arguments(samples: Samples) -> None:
    assert samples.run("playground").stdout.startswith(
        "Welcome to the playground, season 7, from environmentd 0.1.0 "
    )


def test_testdrive_drives_what_it_builds_on(samples: Samples) -> None:
    result = samples.run("testdrive")
    assert result.returncode == 0, str(result)
    assert [line.partition(":")[0] for line in result.stdout.splitlines()[-3:]] == [
        "/healthz",
        "/",
        "/nowhere",
    ]


def test_pants_run_gives_the_exit_code_of_the_command(samples: Samples) -> None:
    args = ("run", "misc/images/environmentd", "--", "--exit-code", "9", "a b")
    result = samples.pants(*args, check=False)
    assert result.returncode == 9, str(result)
    assert 'arguments: ["a b"]\n' in result.stdout


def test_bake_builds_them_without_pants(samples: Samples) -> None:
    samples.pants("mzbuild-bake", "::")
    specs = {name: samples.first[name]["spec"] for name in SAMPLES}
    labels = "docker image inspect --format='{{json .Config.Labels}}'"
    script = f"""
        docker buildx bake --file=dist/mzbuild-bake/docker-bake.json --load
        {labels} {" ".join(specs.values())}
        docker run --rm {specs["playground"]}
        docker run --rm {specs["docs"]}
        """
    result = with_later_engine(script, samples.repo.root)
    *labelled, rest = result.stdout.split("\n", len(specs))
    assert [json.loads(line) for line in labelled] == [
        samples.inspect(name)["Config"]["Labels"] for name in specs
    ]
    assert rest == samples.run("playground").stdout + samples.run("docs").stdout


def test_a_second_package_builds_nothing(samples: Samples) -> None:
    logs = {name: log_file(samples.repo, name).stat().st_mtime_ns for name in SAMPLES}
    shutil.rmtree(samples.repo.root / "dist")
    result = samples.pants("package", "::")
    again = described(samples.repo)
    for name, before in samples.first.items():
        assert again[name] == {**before, "origin": "reused", "seconds": 0.0}
        assert samples.inspect(name)["Id"] == before["image_id"]
    assert logs == {name: log_file(samples.repo, name).stat().st_mtime_ns for name in SAMPLES}
    assert f"Nothing to do: {len(SAMPLES)} reused" in result.stderr
    assert "Building " not in result.text
    assert "Starting: " not in result.text


@pytest.mark.parametrize(
    ("path", "rebuilt"),
    [
        ("src/environmentd/src/main.rs", {"environmentd", "playground", "testdrive"}),
        ("src/testkit/src/lib.rs", {"testdrive"}),
        ("doc/user/index.md", {"docs"}),
        ("doc/user/STYLE.txt", set()),
        ("misc/images/tools/Dockerfile", set(SAMPLES) - {"base", "jobs"}),
    ],
)
def test_a_change_rebuilds_what_depends_on_it(
    samples: Samples, path: str, rebuilt: set[str]
) -> None:
    changed = samples.repo.root / path
    original = changed.read_bytes()
    comment = "//" if path.endswith(".rs") else "#"
    changed.write_bytes(original + f"{comment} A remark.\n".encode())
    try:
        samples.pants("package", "misc/images::")
        after = described(samples.repo)
        assert {name for name in SAMPLES if after[name]["origin"] == "built"} == rebuilt
        assert {
            name for name in SAMPLES if after[name]["spec"] != samples.first[name]["spec"]
        } == rebuilt
        for name in set(SAMPLES) - rebuilt:
            assert after[name]["image_id"] == samples.first[name]["image_id"]
    finally:
        changed.write_bytes(original)


def test_a_change_that_is_taken_back_builds_nothing(samples: Samples) -> None:
    samples.pants("package", "misc/images::")
    after = described(samples.repo)
    assert {name: after[name]["image_id"] for name in SAMPLES} == {
        name: samples.first[name]["image_id"] for name in SAMPLES
    }
    assert {one["origin"] for one in after.values()} == {"reused"}


def test_the_programs_say_what_is_wrong_with_them(samples: Samples) -> None:
    """The samples' own tests, as their owners run them."""
    command = ["cargo", "test", "--quiet", "--workspace", "--offline"]
    target = {"CARGO_TARGET_DIR": str(samples.repo.root.parent / "target")}
    finish(start(command, cwd=samples.repo.root, env={**samples.repo.env, **target}), check=True)


def test_text_of_the_release_is_read_through_the_link(samples: Samples) -> None:
    etc = contents(samples.docker, samples.first["environmentd"]["spec"], "etc")
    assert samples.run("tools", "cat", "/etc/os-release").stdout == text(etc["mzbuild-release"])
