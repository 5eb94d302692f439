"""The steps of builds, pushes and pulls, by what several versions of Docker write."""

from __future__ import annotations

import pytest
from mzbuild.core.docker.steps import DockerSteps

BUILDKIT = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 225B 0.0s done
#1 DONE 0.0s

#4 [builder 1/3] FROM docker.io/library/base
#4 DONE 0.2s

#5 [builder 2/3] RUN make
#5 0.101 #5 [builder 9/9] RUN what a program prints
#5 ...

#6 [stage-1 2/3] COPY a /
#6 CACHED

#7 [linux/arm64 stage-1 3/3] RUN two
#7 DONE 2.4s

#5 [builder 2/3] RUN make
#5 DONE 3.4s

#8 exporting to image
#8 exporting layers 0.7s done
#8 DONE 0.7s

#9 pushing localhost:5000/x:1 with docker
#9 pushing layer 1468d82c080f
#9 pushing layer 1123e8c29007 229.89kB / 20.00MB 0.1s
"""
STEPS = [
    "[builder 1/3] FROM docker.io/library/base",
    "[builder 2/3] RUN make",
    "[linux/arm64 stage-1 3/3] RUN two",
    "exporting to image",
    "pushing localhost:5000/x:1",
]


def test_each_step_of_a_build_is_named_once() -> None:
    steps = DockerSteps("building x")
    assert steps.begun(BUILDKIT) == ["building x", *STEPS]
    assert steps.begun("#5 [builder 2/3] RUN make\n#5 DONE 3.4s\n") == []


def test_in_whatever_pieces_it_comes() -> None:
    steps = DockerSteps("building x")
    named = [step for line in BUILDKIT.splitlines() for step in steps.begun(f"{line}\n")]
    # A step that turns out to be cached only when it has been told has been told.
    assert named == ["building x", *STEPS[:2], "[stage-1 2/3] COPY a /", *STEPS[2:]]


def test_the_steps_of_a_build_without_buildkit() -> None:
    written = "Step 1/2 : FROM scratch\n ---> \nStep 2/2 : COPY a /\n ---> 0123456789ab\n"
    assert DockerSteps("x").begun(written)[1:] == ["[1/2] FROM scratch", "[2/2] COPY a /"]


def test_what_is_carried_out_is_what_has_not_ended() -> None:
    steps = DockerSteps("building x")
    assert steps.doing == "building x"
    steps.begun("#5 [a 2/2] RUN one\n#6 [b 2/2] RUN two\n#7 [c 2/2] RUN three\n#7 CANCELED\n")
    assert steps.doing == "[a 2/2] RUN one and 1 more"
    steps.begun("#6 DONE 0.4s\n")
    assert steps.doing == "[a 2/2] RUN one"
    steps.begun("#5 DONE 0.4s\n")
    assert steps.doing == "[c 2/2] RUN three"
    steps.begun("#9 exporting to image\n#9 pushing layers\n")
    assert steps.doing == "pushing layers"


def test_a_long_step_is_shortened() -> None:
    step = f"[2/2] RUN {'x' * 200}"
    (_, named) = DockerSteps("building").begun(f"#5 {step}\n")
    assert named == f"{step[:109]}…"


@pytest.mark.parametrize(
    ("written", "detail"),
    [
        ("", ""),
        ("#9 pushing layer 1468d82c080f\n", ""),
        ("#9 pushing layer 1123e8c29007 229.89kB / 20.00MB 0.1s\n", "230 kB of 20 MB"),
        (
            "#9 pushing layer 1123e8c29007 1.5MB / 20.00MB 0.1s\n"
            "#9 pushing layer 1468d82c080f 512B / 5.00MB 0.1s\n"
            "#9 pushing layer 1123e8c29007 7.25MB / 20.00MB 0.1s\n",
            "7.3 MB of 25 MB",
        ),
        (f"#9 pushing layer sha256:{'ab' * 32} 1.5GB / 2.5GB 0.1s\n", "1.5 GB of 2.5 GB"),
        # What Docker writes to a terminal, for a push and for a pull. Headers are pushed as well.
        ("\x1b[1A\x1b[2K\r4079100e2248: Pushing  9.176MB/21MB\r\x1b[1B", "9.2 MB of 21 MB"),
        ("4079100e2248: Pushing [=>   ]  25MB/21MB\r\n", "21 MB of 21 MB"),
        ("4079100e2248: Downloading [==>  ]  1.2kB/21MB\r\n", "1.2 kB of 21 MB"),
        ("4079100e2248: Extracting  1.2MB/21MB\r\n4079100e2248: Pushed\r\n", ""),
    ],
)
def test_how_many_bytes_are_transferred(written: str, detail: str) -> None:
    steps = DockerSteps("pushing x")
    assert steps.begun(written) == ["pushing x"]
    assert steps.detail == detail
