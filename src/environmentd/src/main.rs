//! The daemon: tells about itself and its image, once or over HTTP.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use ore::cli;
use ore::http::{self, Response};

const BUILD_INFO: &str = include_str!(concat!(env!("OUT_DIR"), "/build-info.txt"));

/// What other images bring into the one that this program runs in.
const PARTS: [&str; 2] = ["/etc/mzbuild-release", "/usr/local/bin/toolbox"];

fn main() -> ExitCode {
    cli::run("environmentd", |args| match args {
        ["serve"] => serve(),
        ["--exit-code", code, args @ ..] => {
            let code: u8 = code
                .parse()
                .map_err(|_| format!("--exit-code takes 0 to 255, not {code:?}"))?;
            io::stdout().write_all(report(args).as_bytes())?;
            Ok(ExitCode::from(code))
        }
        args => {
            io::stdout().write_all(report(args).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    })
}

fn report(args: &[&str]) -> String {
    let greeting = env::var("ENVIRONMENTD_GREETING").unwrap_or_else(|_| "Hello".into());
    let version = env!("CARGO_PKG_VERSION");
    let mut report = format!(
        "{greeting} from environmentd {version} ({BUILD_INFO})\n\
         arguments: {args:?}\n"
    );
    for part in PARTS {
        report += &match fs::metadata(part) {
            Ok(metadata) => format!("{part}: {} bytes\n", metadata.len()),
            Err(error) => format!("{part}: {error}\n"),
        };
    }
    report
}

fn serve() -> cli::Result<ExitCode> {
    let port = env::var("ENVIRONMENTD_PORT").unwrap_or_else(|_| "6875".into());
    let port: u16 = port
        .parse()
        .map_err(|_| format!("ENVIRONMENTD_PORT is {port:?}, which is no port"))?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        .map_err(|error| format!("port {port}: {error}"))?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    http::serve(&listener, |path| match path {
        "/" => response(200, report(&[])),
        "/healthz" => response(200, "ok\n".into()),
        _ => response(404, format!("there is nothing at {path}\n")),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn response(status: u16, body: String) -> Response {
    Response { status, body }
}
