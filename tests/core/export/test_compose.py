from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from mzbuild.core.errors import MzbuildError
from mzbuild.core.export.compose import parse_compose

SPECS = {name: f"acme/{name}:mzbuild-{name.upper()}" for name in ("base", "daemon", "jobs")}

FILE = """\
# What the daemon needs.
version: "3.8"   # kept
x-daemon: &daemon
  mzbuild: daemon # on every service below
  environment: [A=1,   B=2]

services:
  one:
    <<: *daemon
    command: ["--mzbuild", 'mzbuild: base']
  two:
    <<: *daemon
    mzbuild:   'jobs'
  three: {mzbuild: base, command: [x]}
  four: { "mzbuild": "base" }
  outside:
    image: postgres:16
  umlaut:
    container_name: "ümläut 🐘"
    mzbuild: base

volumes:
  mzbuild: {}
"""


def printed(text: str) -> str:
    return parse_compose(text.encode(), "c.yml", SPECS).with_specs(SPECS)


def error(text: str) -> str:
    with pytest.raises(MzbuildError) as raised:
        printed(text)
    return str(raised.value)


def loaded(text: str) -> Mapping[str, Any]:
    document = yaml.safe_load(text)
    assert isinstance(document, dict)
    return document


def test_all_else_is_kept_byte_by_byte() -> None:
    expected = (
        FILE.replace("mzbuild: daemon #", f"image: {SPECS['daemon']} #")
        .replace("mzbuild:   'jobs'", f"image:   {SPECS['jobs']}")
        .replace("{mzbuild: base,", f"{{image: {SPECS['base']},")
        .replace('{ "mzbuild": "base" }', f"{{ image: {SPECS['base']} }}")
        .replace("    mzbuild: base\n", f"    image: {SPECS['base']}\n")
    )
    assert printed(FILE) == expected


def test_docker_reads_the_spec_where_the_name_stood() -> None:
    services = loaded(printed(FILE))["services"]
    assert {name: service["image"] for name, service in services.items()} == {
        "one": SPECS["daemon"],
        "two": SPECS["jobs"],
        "three": SPECS["base"],
        "four": SPECS["base"],
        "outside": "postgres:16",
        "umlaut": SPECS["base"],
    }
    assert all("mzbuild" not in service for service in services.values())
    before = loaded(FILE)["services"]
    for name, service in services.items():
        for changed in (service, before[name]):
            changed.pop("image", None)
            changed.pop("mzbuild", None)
        assert service == before[name]


def test_each_image_is_named_once() -> None:
    assert parse_compose(FILE.encode(), "c.yml", SPECS).images == ("base", "daemon", "jobs")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("services: {a: {mzbuild: base}}", "services: {a: {image: SPEC}}"),
        ("services:\n  a:\n    mzbuild: base", "services:\n  a:\n    image: SPEC"),
        ("services:\r\n  a:\r\n    mzbuild: base\r\n", "services:\r\n  a:\r\n    image: SPEC\r\n"),
        ("\ufeffservices: {a: {mzbuild: base}}\n", "\ufeffservices: {a: {image: SPEC}}\n"),
        (
            "services:\n  a:\n    ? mzbuild\n    : base\n",
            "services:\n  a:\n    ? image\n    : SPEC\n",
        ),
        (
            "x: &n base\nservices: {a: {mzbuild: *n}}\n",
            "x: &n base\nservices: {a: {image: SPEC}}\n",
        ),
        (
            "services:\n  a: &a {mzbuild: base}\n  b: *a\n  c: {<<: [*a], x: 1}\n",
            "services:\n  a: &a {image: SPEC}\n  b: *a\n  c: {<<: [*a], x: 1}\n",
        ),
        # A map's own image goes before one that is merged into it, as any field does.
        (
            "x: &x {mzbuild: base}\nservices: {a: {<<: *x, image: postgres}}\n",
            "x: &x {image: SPEC}\nservices: {a: {<<: *x, image: postgres}}\n",
        ),
        ("services: {a: {deploy: !reset null, mzbuild: base}}", None),
        ("include: [other.yml]\n", "include: [other.yml]\n"),
        ("services: {a: {image: x, command: mzbuild}}\n", None),
    ],
)
def test_yaml_is_understood_as_it_may_be_written(before: str, after: str | None) -> None:
    if after is None:
        after = before.replace("mzbuild: base", "image: SPEC")
    assert printed(before) == after.replace("SPEC", SPECS["base"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "services:\n  web:\n    ports: []\n    mzbuild: deamon\n",
            "c.yml:4: the service `web` names the image `deamon`, and there is no image of that "
            "name. Did you mean `daemon`?",
        ),
        (
            "x: &x\n  mzbuild: postgres\nservices: {web: {<<: *x}}\n",
            "c.yml:2: the service `web` names the image `postgres`, and there is no image of that "
            "name.",
        ),
        (
            "services:\n  web:\n    image: postgres\n    mzbuild: base\n",
            "c.yml:3: a service has either `mzbuild` or `image`, and this has both. Remove one of "
            "them.",
        ),
        (
            "services:\n  web:\n    mzbuild: &name base\n",
            "c.yml:3: write `mzbuild` with the name of an image alone, without an anchor, a tag or "
            "a block.",
        ),
        (
            "services:\n  web:\n    mzbuild: |-\n      base\n",
            "c.yml:3: write `mzbuild` with the name of an image alone, without an anchor, a tag or "
            "a block.",
        ),
        (
            "services:\n  web:\n    mzbuild: [base]\n",
            "c.yml:3: `services.web.mzbuild` must be a string, but is a list.",
        ),
        (
            "services:\n  web:\n    mzbuild:\n",
            "c.yml:3: `services.web.mzbuild` must be a string, but is nothing.",
        ),
        ("services: [web]\n", "c.yml:1: services must be a map of fields, but is a list."),
        (
            "services:\n  web: base\n",
            "c.yml:2: services.web must be a map of fields, but is a string.",
        ),
        ("services: {\n", "c.yml:2: this is not valid YAML: "),
        ("", "c.yml: the file is empty."),
    ],
)
def test_a_mistake_is_an_error_that_names_the_line(text: str, message: str) -> None:
    assert error(text).startswith(message)


def test_a_file_that_is_not_text_is_an_error() -> None:
    with pytest.raises(MzbuildError, match=r"^c\.yml: the file is not UTF-8 text\.$"):
        parse_compose("services: {a: {mzbuild: ü}}".encode("latin-1"), "c.yml", SPECS)
