//! The few commands that are missed in an image without a shell.

use std::env;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use ore::{cli, files, http};

fn main() -> ExitCode {
    cli::run("toolbox", |args| {
        match args {
            ["ls", paths @ ..] if !paths.is_empty() => ls(paths)?,
            ["cat", paths @ ..] if !paths.is_empty() => {
                for path in paths {
                    io::stdout().write_all(&files::read(Path::new(path))?)?;
                }
            }
            ["env"] => {
                for (name, value) in env::vars_os() {
                    let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
                    writeln!(io::stdout(), "{name}={value}")?;
                }
            }
            ["get", addr, path] => {
                let response = http::get(addr.parse()?, path)?;
                io::stdout().write_all(response.body.as_bytes())?;
                if response.status != 200 {
                    return Err(format!("{path} has status {}", response.status).into());
                }
            }
            _ => return Err("expected ls PATH..., cat FILE..., env or get IP:PORT PATH".into()),
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Lists all files below the paths, with their modes; a link with what it leads to.
fn ls(paths: &[&str]) -> io::Result<()> {
    for path in paths {
        for file in files::below(Path::new(path))? {
            let metadata = file.symlink_metadata()?;
            let mode = metadata.permissions().mode();
            write!(io::stdout(), "{mode:06o} {}", file.display())?;
            if metadata.is_symlink() {
                write!(io::stdout(), " -> {}", file.read_link()?.display())?;
            }
            writeln!(io::stdout())?;
        }
    }
    Ok(())
}
