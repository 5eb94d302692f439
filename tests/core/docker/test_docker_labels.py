from __future__ import annotations

import pytest
from mzbuild.core.docker.labels import FINGERPRINT_LABEL, OnUnlabelled, doubt, refusal

F = "A" * 32


@pytest.mark.parametrize("on_unlabelled", list(OnUnlabelled))
def test_an_image_is_refused_whose_label_says_another_fingerprint(
    on_unlabelled: OnUnlabelled,
) -> None:
    assert refusal(F, {FINGERPRINT_LABEL: F}, on_unlabelled) is None
    assert refusal(F, {FINGERPRINT_LABEL: "B" * 32}, on_unlabelled) == (
        f"it is another image than its tag says: its fingerprint is {F} by the tag, and "
        f"{'B' * 32} by the label `mzbuild.fingerprint`. It is not used."
    )


@pytest.mark.parametrize("label", ["", "\x1b[31m", "a\nb", "ä"])
def test_a_label_that_is_no_fingerprint_is_not_shown(label: str) -> None:
    said = refusal(F, {FINGERPRINT_LABEL: label}, OnUnlabelled.WARN)
    assert said
    assert "by the tag, and another by the label" in said


def test_an_image_without_a_label_is_used_unless_an_option_says_otherwise() -> None:
    assert refusal(F, {}, OnUnlabelled.WARN) is None
    assert refusal(F, {"x": F}, OnUnlabelled.REFUSE) == (
        "it has no label `mzbuild.fingerprint` that says what it is, and [mzbuild].unlabelled is "
        "`refuse`. It is not used."
    )


def test_a_doubt_names_all_images_that_it_is_about() -> None:
    assert doubt(["a:mzbuild-F", "b:mzbuild-F"]) == (
        "`a:mzbuild-F` and `b:mzbuild-F`: no label says what it is, so it is taken for what its "
        "tag says. `--mzbuild-unlabelled=refuse` refuses such images."
    )
