"""What `pants mzbuild-plan` tells is what is then done; and it does nothing itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from tests.e2e.fault_proxy import FaultProxy, answer
from tests.e2e.registries.workshop import PUBLISHED, Workshop

Plan = Mapping[str, Mapping[str, Any]]


def plan(shop: Workshop, proxy: FaultProxy, *args: str, code: int = 2) -> Plan:
    """The JSON by image; fails where the engine or a registry was asked to do anything."""
    proxy.requests.clear()
    flags = [arg for arg in args if arg.startswith("--mzbuild-")]
    specs = [arg for arg in args if arg not in flags]
    result = shop.pants(*flags, "mzbuild-plan", "--exit-code", "--format=json", *specs, check=False)
    assert result.returncode == code, str(result)
    assert {request.method for request in proxy.requests} <= {"HEAD"}
    assert all(call.startswith(("image ls ", "image inspect ")) for call in shop.calls())
    return {image["name"]: image for image in json.loads(result.stdout)}


def work(planned: Plan) -> dict[str, list[str]]:
    return {name: image["work"] for name, image in planned.items()}


ORIGINS = {(): "reused", ("pull",): "pulled", ("build",): "built"}


def test_a_package_run_does_what_was_planned(shop: Workshop, proxy: FaultProxy) -> None:
    everything = plan(shop, proxy, "::")
    assert work(everything) == {name: ["build"] for name in [*PUBLISHED, "private"]}
    assert everything["top"]["waits_for"] == ["left", "right"]
    assert (everything["base"]["stage"], everything["top"]["stage"]) == (1, 3)
    assert everything["alone"]["reason"] == "neither the engine nor main has it"
    assert everything["private"]["reason"].endswith("it is never published")

    shop.pants("mzbuild-ensure", "images/base", "images/left")
    shop.clear()
    shop.pants("package", "images/alone")
    planned = plan(shop, proxy, "images/left", "images/right", "images/alone")
    assert work(planned) == {"alone": [], "base": ["pull"], "left": ["pull"], "right": ["build"]}
    shop.pants("package", "images/left", "images/right", "images/alone")
    origins = {name: ORIGINS[tuple(image["work"])] for name, image in planned.items()}
    assert shop.origins() == {name: origins[name] for name in ("left", "right", "alone")}
    assert shop.tags()["base"] in shop.images()
    assert work(plan(shop, proxy, "images/left", "images/alone", code=0)) == {
        "alone": [],
        "left": [],
    }


def test_an_ensure_run_does_what_was_planned(shop: Workshop, proxy: FaultProxy) -> None:
    shop.pants("mzbuild-ensure", "images/base")
    shop.clear()
    shop.pants("package", "images/alone")
    planned = plan(shop, proxy, "--ensure", "::")
    assert work(planned) == {
        "alone": ["push"],
        "base": ["pull"],
        "left": ["build", "push"],
        "on-private": ["build", "push"],
        "private": ["build"],
        "right": ["build", "push"],
        "top": ["build", "push"],
    }
    ensured = shop.ensure()
    outcomes = {True: "pushed", False: "already there"}
    expected = {n: outcomes["push" in image["work"]] for n, image in planned.items()}
    del expected["private"]
    assert {name: image["outcome"] for name, image in ensured.items()} == expected
    assert {name for name, image in ensured.items() if image["origin"] == "built"} == {
        name for name in expected if "build" in planned[name]["work"]
    }
    assert work(plan(shop, proxy, "--ensure", "::", code=0)) == {name: [] for name in PUBLISHED}


def test_text(shop: Workshop, proxy: FaultProxy) -> None:
    shop.pants("package", "images/base")
    result = shop.pants("mzbuild-plan", "images/right")
    assert result.stdout == (
        "arch    stage  image  would  after  because\n"
        "x86_64  -      base   reuse  -      the engine has it\n"
        "x86_64  1      right  build  -      neither the engine nor main has it\n"
        "1 to build, 1 to reuse\n"
    )


def test_what_is_blocked(shop: Workshop, proxy: FaultProxy) -> None:
    planned = plan(shop, proxy, "--mzbuild-build=never", "images/left", code=1)
    assert planned["left"]["blocked"]
    assert planned["left"]["reason"] == "it is missing, and [mzbuild].build is `never`"
    proxy.inject(answer(403), times=99, method="HEAD", path="/left/")
    planned = plan(shop, proxy, "images/top", "images/right", code=1)
    assert {name for name, image in planned.items() if image["blocked"]} == {"left", "top"}
    assert "main does not say whether it has it" in planned["left"]["reason"]
    assert planned["top"]["reason"] == "it builds on `left`"
    assert planned["right"]["work"] == ["build"]
    # Without `--exit-code`, too.
    assert shop.pants("mzbuild-plan", "images/top", check=False).returncode == 1


def test_a_pipeline_of_buildkite_publishes_everything(shop: Workshop, proxy: FaultProxy) -> None:
    shop.pants("mzbuild-ensure", "images/base", "images/alone")
    result = shop.pants("mzbuild-plan", "--format=buildkite", "::")
    steps = {step["label"].split()[0]: step for step in yaml.safe_load(result.stdout)["steps"]}
    assert all(
        step.keys() - {"depends_on"} == {"label", "key", "command"} for step in steps.values()
    )
    needs = {name: step.get("depends_on", []) for name, step in steps.items()}
    assert needs == {
        "left": [],
        "on-private": [],
        "right": [],
        "top": ["mzbuild-left-x86_64", "mzbuild-right-x86_64"],
    }
    done: set[str] = set()
    while len(done) < len(steps):
        ready = [
            step
            for name, step in steps.items()
            if step["key"] not in done and done.issuperset(needs[name])
        ]
        for step in ready:
            # Each on a machine of its own.
            shop.clear()
            shop.pants(*shlex.split(step["command"])[1:])
        done.update(step["key"] for step in ready)
    assert shop.pants("mzbuild-check", "::").returncode == 0
    assert yaml.safe_load(shop.pants("mzbuild-plan", "--format=buildkite", "::").stdout) == {
        "steps": []
    }


def test_matrices_of_github(shop: Workshop, proxy: FaultProxy) -> None:
    # What the engine has, the machines of jobs do not have.
    shop.pants("package", "images/top")
    flag = "--mzbuild-arch=x86_64"
    result = shop.pants(flag, "mzbuild-plan", "--format=github-matrix", "images/top")
    (line,) = result.stdout.splitlines()
    stages = json.loads(line)["stages"]
    assert [[entry["image"] for entry in stage["include"]] for stage in stages] == [
        ["base"],
        ["left", "right"],
        ["top"],
    ]
    base = stages[0]["include"][0]
    assert base["command"] == f"pants {flag} mzbuild-ensure images/base:base"
    assert f"{proxy.address}/{base['spec']}" == shop.tags()["base"]
    assert stages[2]["include"][0]["needs"] == ["left", "right"]
    for image in ("base", "left", "right", "top"):
        shop.pants("mzbuild-ensure", f"images/{image}")
    result = shop.pants(flag, "mzbuild-plan", "--format=github-matrix", "images/top")
    assert json.loads(result.stdout) == {"stages": []}


def test_without_registries(shop: Workshop, proxy: FaultProxy) -> None:
    none = "--mzbuild-registries={}"
    planned = plan(shop, proxy, none, "images/left")
    assert planned["base"]["reason"] == "the engine does not have it, and there is no registry"
    failed = shop.pants(none, "mzbuild-plan", "--ensure", "images/left", check=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "There is no registry that images are published to." in failed.stderr


def test_several_architectures(shop: Workshop, proxy: FaultProxy) -> None:
    both = '--mzbuild-archs=["x86_64", "aarch64"]'
    shop.pants("--mzbuild-arch=x86_64", "mzbuild-ensure", "images/base")
    result = shop.pants(both, "mzbuild-plan", "--ensure", "--format=json", "images/base")
    told = {image["arch"]: image for image in json.loads(result.stdout)}
    assert {arch: image["work"] for arch, image in told.items()} == {
        "x86_64": [],
        "aarch64": ["build", "push"],
    }
    assert told["x86_64"]["spec"] != told["aarch64"]["spec"]
    result = shop.pants(both, "mzbuild-plan", "--format=buildkite", "images/base")
    (step,) = yaml.safe_load(result.stdout)["steps"]
    assert step["key"] == "mzbuild-base-aarch64"
    shop.pants(*shlex.split(step["command"])[1:])
    assert work(plan(shop, proxy, both, "--ensure", "images/base", code=0)) == {"base": []}
