from __future__ import annotations

import pytest
from mzbuild.core.cargo.vendored import vendored_directories

# As `cargo vendor` prints it.
VENDORED = b"""\
[source.crates-io]
replace-with = "vendored-sources"

[source."git+https://example.com/forked"]
git = "https://example.com/forked"
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
"""


def test_they_are_relative_to_where_the_configuration_applies() -> None:
    assert vendored_directories(VENDORED, ".cargo/config.toml") == ("vendor",)
    assert vendored_directories(VENDORED, "rust/ws/.cargo/config") == ("rust/ws/vendor",)


def test_each_source_may_name_one() -> None:
    config = b"[source]\na.directory = '../third/party/'\nb.local-registry = './registry'\n"
    assert vendored_directories(config, "rust/.cargo/config") == ("third/party", "rust/registry")


@pytest.mark.parametrize(
    "config",
    [
        "",
        "source = 1",
        "[source]\na = 1",
        "[source.a]\ndirectory = 1",
        "This is not TOML",
        "\udcff",
    ],
)
def test_a_file_that_names_none_has_none(config: str) -> None:
    assert vendored_directories(config.encode(errors="surrogateescape"), ".cargo/config") == ()
