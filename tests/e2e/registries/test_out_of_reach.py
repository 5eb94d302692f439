"""A registry that nobody reaches: a user at a terminal hears of it soon, and may go on without."""

from __future__ import annotations

import socket

from tests.e2e.images import described, image
from tests.e2e.repo import PANTS_TOML, Docker, MakeRepo


def test_a_registry_that_refuses_connections_is_announced_and_given_up(
    make_repo: MakeRepo, docker: Docker
) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        address = f"localhost:{taken.getsockname()[1]}"
    repo = make_repo(
        {
            **image("alone", "FROM scratch\nCOPY mzbuild.yml /alone\n"),
            "pants.toml": f'{PANTS_TOML}[mzbuild.registries.r]\naddress = "{address}"\n',
        },
        docker.env,
    )
    result = repo.pants("package", "images/alone", check=False)
    assert result.returncode == 1
    assert f"{address} does not answer: trying until " in result.stderr
    reason = f"r does not say whether it has it: {address}: connection refused (tried "
    assert reason in result.stderr
    assert "or build instead: `--mzbuild-unknown=build`" in result.stderr

    # An option has the last word on how long that is.
    timeout = "--mzbuild-registry-timeout=1"
    result = repo.pants(timeout, "package", "images/alone", check=False)
    assert "does not answer: trying until" not in result.stderr
    repo.pants(timeout, "--mzbuild-unknown=build", "package", "images/alone")
    assert described(repo)["alone"]["origin"] == "built"
