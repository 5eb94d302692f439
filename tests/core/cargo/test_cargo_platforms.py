from __future__ import annotations

import pytest
from mzbuild.core.cargo.platforms import applies

TRIPLE = "x86_64-unknown-linux-gnu"


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (TRIPLE, True),
        ("x86_64-pc-windows-msvc", False),
        ("cfg(unix)", True),
        ("cfg(windows)", False),
        ('cfg(not(target_env = "msvc"))', True),
        (
            'cfg(all(target_os = "linux", not(any(target_arch="arm", target_arch = "x86_64"))))',
            False,
        ),
        ('cfg(all(unix, target_pointer_width = "64",))', True),
        ("cfg(all())", True),
        ("cfg(any())", False),
        ("cfg(flag)", None),
        ('cfg(feature = "f")', None),
        ("cfg(any(unix, flag))", True),
        ("cfg(all(windows, flag))", False),
        ("cfg(all(unix, flag))", None),
        ("cfg(not(flag))", None),
        ("cfg(all(unix", None),
        ("cfg(not())", None),
    ],
)
def test_a_condition_holds_or_not_or_nobody_knows(platform: str, expected: bool | None) -> None:
    assert applies(platform, TRIPLE) is expected


def test_what_stands_in_one_another_without_end_nobody_knows() -> None:
    assert applies(f"cfg({'not(' * 60}unix{')' * 60})", TRIPLE) is True
    assert applies(f"cfg({'not(' * 20_000}unix{')' * 20_000})", TRIPLE) is None
    assert applies(f"cfg(any({'flag,' * 200_000}unix))", TRIPLE) is True


def test_of_other_systems_nothing_is_known_but_their_names() -> None:
    for triple in ("aarch64-apple-darwin", "wasm32-unknown-unknown-x"):
        assert applies("cfg(unix)", triple) is None
        assert applies(triple, triple) is True
    assert applies('cfg(target_env = "musl")', "aarch64-unknown-linux-musl") is True
