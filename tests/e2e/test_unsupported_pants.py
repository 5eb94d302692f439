"""A Pants that is not supported: one sentence in place of a traceback."""

from __future__ import annotations

import pytest

from tests.e2e.repo import PANTS_TOML, MakeRepo

# A backend that is loaded before ours and has this Pants pass for another version.
OLDER = """\
import packaging.version
import pants.version

pants.version.PANTS_SEMVER = packaging.version.Version("2.20.1")
"""


@pytest.mark.parametrize("pantsd", ["--pantsd", "--no-pantsd"])
def test_an_unsupported_pants_is_refused_with_a_sentence(make_repo: MakeRepo, pantsd: str) -> None:
    repo = make_repo({"plugins/older/__init__.py": "", "plugins/older/register.py": OLDER})
    toml = PANTS_TOML.replace("pythonpath = [", 'pythonpath = ["%(buildroot)s/plugins", ')
    repo.write({"pants.toml": toml.replace('["mzbuild"]', '["older", "mzbuild"]')})
    result = repo.pants(pantsd, "mzbuild-fingerprint", "::", check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert (
        "mzbuild runs on Pants 2.17 and on 2.27 to 2.34, and this is Pants 2.20.1. "
        "Set `pants_version` in pants.toml to one of those.\n"
    ) in result.stderr
    assert "Traceback" not in result.stderr
    assert "File " not in result.stderr
