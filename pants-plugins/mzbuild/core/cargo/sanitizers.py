"""Sanitizers: the flags of rustc that each takes, and what a toolchain may lack for them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from mzbuild.core.configuration import Sanitizer

# The flags of https://doc.rust-lang.org/unstable-book/compiler-flags/sanitizer.html. What
# `undefined` finds is in the C code that a binary links, of which rustc knows nothing: it keeps the
# linker from adding any library by itself, so that GCC's has to be named.
SANITIZER_RUSTFLAGS: Mapping[Sanitizer, tuple[str, ...]] = {
    Sanitizer.ADDRESS: ("-Zsanitizer=address",),
    Sanitizer.HWADDRESS: ("-Zsanitizer=hwaddress", "-Ctarget-feature=+tagged-globals"),
    Sanitizer.CFI: ("-Zsanitizer=cfi", "-Clinker-plugin-lto"),
    Sanitizer.THREAD: ("-Zsanitizer=thread",),
    Sanitizer.LEAK: ("-Zsanitizer=leak",),
    Sanitizer.UNDEFINED: ("-Clink-arg=-lubsan",),
}

_NOT_NIGHTLY = re.compile(
    r"the option `Z` is only accepted on the nightly compiler"
    r"|the `-Z` flag is only accepted on the nightly channel"
)
_UNSUPPORTED = re.compile(r"sanitizer is not supported for this target")
_UNINSTRUMENTED = re.compile(r"mixing `-Zsanitizer` will cause an ABI mismatch")
_NO_RUNTIME = re.compile(r"cannot (?:find|open) (\S*librustc\S*_rt\.\w+\.a)")
_NOT_LLVM = re.compile(r"file not recognized: file format not recognized")


def sanitizer_advice(
    output: str, sanitizer: Sanitizer, rustflags: Sequence[str], target: str
) -> tuple[str, ...]:
    """What the toolchain lacks for a sanitizer, and what to do, in a sentence or two; nothing where
    a build may have failed for another reason.

    `output` is Cargo's, without colors. `rustflags` are those that are set for the sanitizer, and
    `target` is the triple that was compiled for.
    """
    name, table = sanitizer.value, f"[mzbuild-cargo.sanitizer.{sanitizer.value}]"

    def with_flag(flag: str) -> str:
        return f"`rustflags = {json.dumps([*rustflags, flag])}`"

    runtime = _NO_RUNTIME.search(output)
    if _NOT_NIGHTLY.search(output):
        advice = (
            f"rustc has the sanitizer `{name}` in its nightly releases only. Set "
            '`toolchain = "nightly"` in [mzbuild-cargo]; or, to have another release do as if it '
            f'were a nightly one, `env = {{ RUSTC_BOOTSTRAP = "1" }}` in {table}.'
        )
    elif _UNSUPPORTED.search(output):
        advice = (
            f"rustc has no sanitizer `{name}` for {target}. Choose another one, or another "
            "architecture by `--mzbuild-arch`."
        )
    elif _UNINSTRUMENTED.search(output):
        advice = (
            f"Rust's standard library was compiled without the sanitizer `{name}`. Have it "
            f'compiled, too, by `args = ["-Zbuild-std"]` in {table}; `rustup component add '
            "rust-src` gets its sources. Or, to leave it unwatched, set "
            f"{with_flag('-Cunsafe-allow-abi-mismatch=sanitizer')} there."
        )
    elif runtime is not None:
        advice = (
            f"The toolchain lacks the runtime library of the sanitizer `{name}` for {target}, "
            f"{runtime[1]}. rustup's toolchains have it, those of distributions mostly do not: "
            "choose another one by `toolchain` in [mzbuild-cargo]."
        )
    elif sanitizer is Sanitizer.CFI and _NOT_LLVM.search(output):
        advice = (
            f"The sanitizer `{name}` takes the linker lld, of rustc's own LLVM. Set "
            f"{with_flag('-Clink-arg=-fuse-ld=lld')} in {table}."
        )
    else:
        return ()
    return (advice,)
