//! How a program gets its arguments and reports its errors.

use std::env;
use std::error::Error;
use std::process::ExitCode;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs the body of `program` with its arguments. An error is printed and exits with 1.
pub fn run(program: &str, body: impl FnOnce(&[&str]) -> Result<ExitCode>) -> ExitCode {
    arguments()
        .and_then(|args| body(&args.iter().map(String::as_str).collect::<Vec<_>>()))
        .unwrap_or_else(|error| {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        })
}

fn arguments() -> Result<Vec<String>> {
    env::args_os()
        .skip(1)
        .map(|arg| {
            arg.into_string()
                .map_err(|arg| format!("argument {arg:?} is not UTF-8").into())
        })
        .collect()
}
