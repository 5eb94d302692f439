from __future__ import annotations

from pathlib import Path

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.work_tree.own_files import own_file


def test_the_directories_of_a_file_are_made(tmp_path: Path) -> None:
    workdir = tmp_path / ".pants.d"
    path = own_file(str(workdir), "mzbuild", "logs", "a.log")
    assert path == f"{workdir}/mzbuild/logs/a.log"
    assert (workdir / "mzbuild/logs").is_dir()
    Path(path).write_text("")
    assert own_file(str(workdir), "mzbuild", "logs", "a.log") == path


@pytest.mark.parametrize("link", ["mzbuild", "mzbuild/logs", "mzbuild/logs/a.log"])
@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_nothing_is_written_through_a_symlink(tmp_path: Path, link: str, target: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(tmp_path / target)
    with pytest.raises(MzbuildError) as raised:
        own_file(str(tmp_path), "mzbuild", "logs", "a.log")
    assert str(raised.value) == (
        f"{path} is a symlink, and nothing is written through one there. Remove it, and from Git "
        "too if it is tracked."
    )
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_working_directory_itself_may_be_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".pants.d").symlink_to("elsewhere")
    own_file(str(tmp_path / ".pants.d"), "mzbuild", "a")
    assert (tmp_path / "elsewhere/mzbuild").is_dir()


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mzbuild").write_text("a file")
    with pytest.raises(MzbuildError) as raised:
        own_file(str(tmp_path), "mzbuild", "a.log")
    assert str(raised.value) == (
        f"{tmp_path}/mzbuild cannot be made a directory: File exists. Remove what is there, or "
        "mend its permissions."
    )
