//! Drives an environmentd from the outside: the one at the address given, or one of its own.

use std::io::{self, Write};
use std::process::ExitCode;

use ore::cli;
use testkit::{expect, Environmentd};

fn main() -> ExitCode {
    cli::run("testdrive", |args| {
        let own;
        let addr = match args {
            [] => {
                own = Environmentd::start("environmentd")?;
                own.addr()
            }
            [addr] => addr.parse()?,
            _ => return Err("expected at most one argument, IP:PORT".into()),
        };
        for (path, status, text) in [
            ("/healthz", 200, "ok"),
            ("/", 200, "from environmentd"),
            ("/nowhere", 404, "nothing at /nowhere"),
        ] {
            expect(addr, path, status, text)?;
            writeln!(io::stdout(), "{path}: as expected")?;
        }
        Ok(ExitCode::SUCCESS)
    })
}
