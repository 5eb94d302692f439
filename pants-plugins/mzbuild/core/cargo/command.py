"""Cargo as it is started: by a command prefix or directly, where its sources are staged, and with
flags of rustc that are added to those of its configuration.

The command line is put together where the options are known, but run where the directory of the
build is: `DIRECTORY` stands for the latter's path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.core.cargo.staged_files import DIRECTORY

# Cargo takes flags of rustc from the first of these that has any: environment variables, `target.…`
# tables, `build.rustflags`. None of them adds to all others, so what Cargo would take is found out
# first, and then handed back to it with ours added, in the variable that goes before all else:
# https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags
# A shell does it, since a command prefix may lead to where there is nothing but Cargo and a shell.
_SCRIPT = """\
set -eu
directory=$1 workspace=$2 target=$3 added=$4 cargo=$5
shift 5
toolchain=
case $1 in +*) toolchain=$1 && shift ;; esac
home=${CARGO_HOME:-${HOME-}/.cargo}
probe=$directory/probe
cd "$directory/sources/$workspace"

# What Cargo's answer depends on, to ask again only when it may have changed.
depends_on() {
  printf '%s\\n' "$target" "$cargo" "$toolchain"
  env | grep -E '^(RUST|CARGO_(BUILD|ENCODED|TARGET)_)' | sort
  place=$PWD/.
  while [ "$place" ]; do
    place=${place%/*}
    set -- "$@" "$place/.cargo/config" "$place/.cargo/config.toml"
  done
  cat "$probe/compiler" "$@" "$home/config" "$home/config.toml"
}
configuration=$(depends_on 2>/dev/null || true)
case $configuration in
  # There may be more files, and only Cargo knows them.
  *include*) rm -f "$probe/key" ;;
esac
key=$(printf %s "$configuration" | cksum)
if [ "$key" != "$(cat "$probe/key" 2>/dev/null)" ]; then
  # Of an older Cargo, the lock file may be one that it cannot read.
  rm -f "$probe/key" "$probe/flags" "$probe/Cargo.lock"
  RUSTC_WRAPPER=$probe/rustc CARGO_CACHE_RUSTC_INFO=0 MZBUILD_PROBE_TARGET=$target \\
    "$cargo" ${toolchain:+"$toolchain"} tree --offline --target="$target" \\
    --manifest-path="$probe/Cargo.toml" >"$probe/log" 2>&1 || {
    cat "$probe/log" >&2
    exit 1
  }
  printf %s "$key" >"$probe/key"
fi

flags=$(cat "$probe/flags")
# What is compiled must not tell where: all machines are to make the same of the same sources.
for place in "$directory=/mzbuild" "$home=/cargo"; do
  flags=$flags${flags:+$(printf '\\037')}--remap-path-prefix=$place
done
CARGO_ENCODED_RUSTFLAGS=$flags${added:+$(printf '\\037')}$added
export CARGO_ENCODED_RUSTFLAGS
exec "$cargo" ${toolchain:+"$toolchain"} "$@"
"""

# Cargo asks rustc about the target with the flags that it will compile with; and asks again where
# the answer makes them others, by a `target.'cfg(…)'` table.
_RECORDER = """\
#!/bin/sh
separator=$(printf '\\037')
flags= begun=
for argument; do
  if [ "$begun" ]; then
    flags=$flags$separator$argument
  elif [ "$argument" = --print=file-names ]; then
    begun=yes
  fi
done
end=$separator--target$separator$MZBUILD_PROBE_TARGET$separator--crate-type$separator
case $flags in
  *"$end"*)
    flags=${flags%"$end"*}
    printf %s "${flags#"$separator"}" >"${0%/*}/flags"
    ;;
esac
exec "$@"
"""

_MANIFEST = """\
[package]
name = "probe"
version = "0.0.0"
edition = "2018"

[lib]
path = "lib.rs"

[workspace]
"""


def scripts(compiler: str) -> Mapping[str, str]:
    """The files that `cargo.command` needs, by their paths in the directory of the build; those
    that begin with `#!` are run.

    `compiler` tells the compiler from any other.
    """
    return {
        "probe/Cargo.toml": _MANIFEST,
        "probe/cargo.sh": _SCRIPT,
        "probe/compiler": compiler,
        "probe/lib.rs": "",
        "probe/rustc": _RECORDER,
    }


def cargo_command(
    cargo: str, args: Sequence[str], settings: CargoSettings, workspace: str = ""
) -> tuple[str, ...]:
    """The command line that runs Cargo with `args` in a directory of the staged sources.

    It may be added to a command prefix. Variables are set by `env`, so that they reach Cargo
    whatever the prefix makes of its own environment.
    """
    variables = {"CARGO_TERM_COLOR": "always", **dict(settings.flags.env)}
    if settings.linker:
        target = settings.target.upper().replace("-", "_")
        variables[f"CARGO_TARGET_{target}_LINKER"] = settings.linker
    return (
        "env",
        f"CARGO_TARGET_DIR={DIRECTORY}/target",
        # Configuration may have it elsewhere, even among the sources.
        f"CARGO_BUILD_BUILD_DIR={DIRECTORY}/target",
        *(f"{name}={value}" for name, value in variables.items()),
        "sh",
        f"{DIRECTORY}/probe/cargo.sh",
        DIRECTORY,
        workspace,
        settings.target,
        "\x1f".join(settings.flags.rustflags),
        cargo,
        *toolchain_args(settings.toolchain),
        *args,
    )


def toolchain_args(toolchain: str) -> tuple[str, ...]:
    """The first argument of `cargo` and `rustc`, if they are to be those of another toolchain."""
    return (f"+{toolchain}",) if toolchain else ()
