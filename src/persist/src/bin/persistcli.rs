//! Reads and writes a shard.

use std::io::{self, Write};
use std::process::ExitCode;

use ore::cli;
use persist::Shard;

fn main() -> ExitCode {
    cli::run("persistcli", |args| {
        let shard = Shard::of_environment();
        match args {
            ["list"] => {
                for (key, value) in shard.snapshot()? {
                    writeln!(io::stdout(), "{key}={value}")?;
                }
            }
            ["get", key] => match shard.snapshot()?.get(*key) {
                Some(value) => writeln!(io::stdout(), "{value}")?,
                None => return Err(format!("there is no key {key:?}").into()),
            },
            ["put", key, value] => shard.put(key, value)?,
            _ => return Err("expected list, get KEY or put KEY VALUE".into()),
        }
        Ok(ExitCode::SUCCESS)
    })
}
