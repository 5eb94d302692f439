from __future__ import annotations

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.context import add_results, check_clash, docker_files


def test_results_come_over_the_files_of_a_context() -> None:
    files = {"a": "context", "d/b": "context"}
    assert add_results(files, {"d/b": "built", "d/c": "built"}, "i/mzbuild.yml") == {
        "a": "context",
        "d/b": "built",
        "d/c": "built",
    }


@pytest.mark.parametrize(
    ("files", "results"), [({"a/b/c": 1}, {"a/b": 2}), ({"a/b": 1}, {"a/b/c": 2})]
)
def test_a_path_cannot_be_a_file_and_a_directory(
    files: dict[str, int], results: dict[str, int]
) -> None:
    with pytest.raises(MzbuildError) as error:
        add_results(files, results, "i/mzbuild.yml")
    assert str(error.value) == (
        "i/mzbuild.yml: `a/b` would be both a file and a directory of the context. Rename one of "
        "them, or choose another destination."
    )


def test_docker_reads_the_rewritten_dockerfile_beside_the_untouched_context() -> None:
    context = {"run": 1, "Dockerfile": 2, "Dockerfile.dockerignore": 3, ".dockerignore": 4}
    assert dict(docker_files(context, 5)) == {
        "context/.dockerignore": 4,
        "context/Dockerfile": 2,
        "context/Dockerfile.dockerignore": 3,
        "context/run": 1,
        "Dockerfile.dockerignore": 3,
        "Dockerfile": 5,
    }
    assert dict(docker_files({"run": 1}, 5)) == {"context/run": 1, "Dockerfile": 5}


def test_without_buildx_the_dockerfile_s_ignore_file_takes_the_place_of_the_context_s() -> None:
    context = {"Dockerfile.dockerignore": 1, ".dockerignore": 2}
    assert dict(docker_files(context, 3, buildx=False)) == {
        "context/.dockerignore": 1,
        "context/Dockerfile.dockerignore": 1,
        "Dockerfile": 3,
    }
    assert dict(docker_files({".dockerignore": 2}, 3, buildx=False)) == {
        "context/.dockerignore": 2,
        "Dockerfile": 3,
    }


def test_what_an_action_makes_may_not_take_the_place_of_a_file() -> None:
    made_by = {"b": "`package` of x:x"}
    check_clash(["a", "b"], made_by, ["c"], "`files` of y:y", "i/mzbuild.yml")
    for path, owner in (("a", "the context has"), ("b", "the `package` of x:x makes")):
        with pytest.raises(MzbuildError) as error:
            check_clash(["a", "b"], made_by, ["c", path], "`files` of y:y", "i/mzbuild.yml")
        assert str(error.value) == (
            f"i/mzbuild.yml: the `files` of y:y makes `{path}`, which {owner}, too. Give one of "
            "them another destination, or remove it."
        )
