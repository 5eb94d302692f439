"""What an image's label says of it, and what follows where its tag says something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from mzbuild.core.errors import listed

FINGERPRINT_LABEL = "mzbuild.fingerprint"


class OnUnlabelled(Enum):
    """What is done with an image that has a fingerprint's tag, and no label to tell by."""

    WARN = "warn"
    REFUSE = "refuse"


def is_unlabelled(labels: Mapping[str, str]) -> bool:
    """Whether an image does not say which fingerprint it is of: mzbuild itself writes no label."""
    return FINGERPRINT_LABEL not in labels


def doubt(images: Iterable[str]) -> str:
    """What there is to say of images without a label that are used."""
    return (
        f"{listed(images)}: no label says what it is, so it is taken for what its tag says. "
        "`--mzbuild-unlabelled=refuse` refuses such images."
    )


def refusal(fingerprint: str, labels: Mapping[str, str], on_unlabelled: OnUnlabelled) -> str | None:
    """Why an image that has the tag of a fingerprint is not used; `None` where it is."""
    if is_unlabelled(labels):
        if on_unlabelled is OnUnlabelled.WARN:
            return None
        return (
            f"it has no label `{FINGERPRINT_LABEL}` that says what it is, and "
            "[mzbuild].unlabelled is `refuse`. It is not used."
        )
    label = labels[FINGERPRINT_LABEL]
    if label == fingerprint:
        return None
    # Anybody may have written the label.
    shown = label if label.isascii() and label.isalnum() else "another"
    return (
        f"it is another image than its tag says: its fingerprint is {fingerprint} by the tag, and "
        f"{shown} by the label `{FINGERPRINT_LABEL}`. It is not used."
    )
