//! Explains a shard: what it holds and how much of it is superseded.

mod report;

use std::io::{self, Write};
use std::process::ExitCode;

use ore::cli;
use persist::Shard;

fn main() -> ExitCode {
    cli::run("catalog-debug", |args| {
        if !args.is_empty() {
            return Err("expected no arguments; PERSIST_SHARD names the shard".into());
        }
        let report = report::of(&Shard::of_environment().history()?);
        io::stdout().write_all(report.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    })
}
