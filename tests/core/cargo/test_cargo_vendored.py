"""Which vendored crates a program is made of."""

from __future__ import annotations

from mzbuild.core.cargo.lock import parse_cargo_lock
from mzbuild.core.cargo.manifest import parse_cargo_toml
from mzbuild.core.cargo.vendored import Vendored, vendored_packages
from mzbuild.core.work_tree.links import linked_listing

from tests.core.cargo.workspaces import load
from tests.core.conftest import listing

_APP = """\
[package]
name = "app"
[dependencies]
near = "1"
[dev-dependencies]
tested = "1"
"""

_LOCK = """\
[[package]]
name = "app"
version = "0.0.0"
dependencies = ["near", "tested"]

[[package]]
name = "near"
version = "1.2.0"
source = "registry+x"
dependencies = ["far 2.0.0"]

[[package]]
name = "far"
version = "1.0.0"
source = "registry+x"

[[package]]
name = "far"
version = "2.0.0"
source = "git+y"

[[package]]
name = "tested"
version = "1.0.0"
source = "registry+x"
"""

_VERSIONS = {"near": "1.2.0", "far": "2.0.0", "far-1.0.0": "1.0.0", "tested": "1.0.0"}


def _packages() -> Vendored:
    contents = {
        f"vendor/{name}/Cargo.toml": f"[package]\nname = '{name.partition('-')[0]}'\n"
        f"version = '{version}'\n"
        for name, version in _VERSIONS.items()
    }
    contents["vendor/broken/Cargo.toml"] = "no TOML"
    contents["vendor/README.md"] = ""
    files = listing(*contents, *(f"vendor/{name}/src/lib.rs" for name in _VERSIONS), "app/x")
    packages = vendored_packages(
        files,
        ["vendor", "vendor", "gone"],
        lambda directory: (
            parse_cargo_toml(
                contents[f"{directory}/Cargo.toml"].encode(), f"{directory}/Cargo.toml"
            )
            if f"{directory}/Cargo.toml" in contents
            else None
        ),
    )
    return Vendored(packages)


def _directories(lock: str | None, *, example: bool = False) -> list[str]:
    vendored = _packages()
    crates = load({"Cargo.toml": _APP, "src/main.rs": ""}).crates
    parsed = None if lock is None else parse_cargo_lock(lock.encode(), "Cargo.lock")
    found = Vendored(vendored.packages, parsed).of(crates, crates if example else ())
    return [package.directory for package in found]


def test_a_program_is_made_of_what_the_lock_file_leads_to() -> None:
    assert _directories(_LOCK) == ["vendor/far", "vendor/near"]


def test_an_example_takes_development_dependencies_too() -> None:
    assert _directories(_LOCK, example=True) == ["vendor/far", "vendor/near", "vendor/tested"]


def test_without_a_lock_file_everything_may_be_needed() -> None:
    directories = [f"vendor/{name}" for name in ("broken", *_VERSIONS)]
    assert _directories(None) == sorted(["vendor", *directories])


def test_a_package_may_be_reached_by_a_symlink() -> None:
    real = ["upstream/x-1/Cargo.toml", "upstream/x-1/src/lib.rs"]
    files = linked_listing(
        sorted(["vendor/x", "vendor/note", *real]), {"vendor/x": "../upstream/x-1"}
    )
    manifest = parse_cargo_toml(b"[package]\nname = 'x'\nversion = '1.0.0'\n", "x/Cargo.toml")
    found = vendored_packages(files, ["vendor"], {"vendor/x": manifest}.get)
    assert [(each.directory, each.name, each.paths) for each in found] == [
        ("vendor", None, ("vendor/note",)),
        ("vendor/x", "x", (*real, "vendor/x")),
    ]


def test_each_package_has_its_own_files() -> None:
    (far,) = (each for each in _packages().packages if each.directory == "vendor/far")
    assert (far.name, far.version) == ("far", "2.0.0")
    assert far.paths == ("vendor/far/Cargo.toml", "vendor/far/src/lib.rs")
    assert "vendor/README.md" in _packages().paths


def test_a_lock_file_of_packages_of_one_name_takes_no_more_time_than_their_number() -> None:
    package = "[[package]]\nname='a'\nversion='{0}'\nsource='x'\ndependencies=['a', 'b', 'a {0}']\n"
    content = "".join(package.format(number) for number in range(5000))
    lock = parse_cargo_lock(f"[[package]]\nname='b'\n{content}".encode(), "Cargo.lock")
    # What may be several is none of them to Cargo.
    assert lock.dependencies["a 7"] == ("b", "a 7")
    assert lock.reached(["a 7"]) == {"a 7", "b"}
    same = parse_cargo_lock((package.format(1) * 5000).encode(), "Cargo.lock")
    assert len(same.dependencies["a 1"]) == 10_000


def test_a_lock_file_tells_a_member_from_a_package_of_its_name() -> None:
    content = (
        b"[[package]]\nname='a'\nversion='0.1.0'\n"
        b"[[package]]\nname='a'\nversion='1.0.0'\nsource='x'\n"
        b"[[package]]\nname='b'\nversion='0.1.0'\ndependencies=['a 0.1.0', 'a 1.0.0 (x)']\n"
    )
    assert parse_cargo_lock(content, "Cargo.lock").dependencies["b"] == ("a", "a 1.0.0")
