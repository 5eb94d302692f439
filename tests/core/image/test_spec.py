from __future__ import annotations

import pytest
from mzbuild.core.image.spec import image_spec


@pytest.mark.parametrize(
    ("registry", "prefix", "spec"),
    [
        ("acme", "", "acme/base:mzbuild-F"),
        ("localhost:5000/team/", "dev-", "localhost:5000/team/dev-base:mzbuild-F"),
        ("", "dev-", "dev-base:mzbuild-F"),
        ("", "", "base:mzbuild-F"),
    ],
)
def test_a_spec_is_registry_prefix_name_and_fingerprint(
    registry: str, prefix: str, spec: str
) -> None:
    assert image_spec(registry, prefix, "base", "F") == spec
