//! Starts daemons and checks them from outside.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use ore::cli::Result;
use ore::http;

/// A running environmentd, which is stopped when this value goes.
pub struct Environmentd {
    child: Child,
    addr: SocketAddr,
}

impl Environmentd {
    /// Starts `program` on a free port, and waits until it says that it listens.
    pub fn start(program: impl AsRef<OsStr>) -> Result<Environmentd> {
        let program = program.as_ref();
        let child = Command::new(program)
            .arg("serve")
            .env("ENVIRONMENTD_PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{program:?}: {error}"))?;
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        // The value exists before anything can fail, so that the child is never left behind.
        let mut daemon = Environmentd { child, addr };
        let mut line = String::new();
        if let Some(stdout) = daemon.child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let listening: SocketAddr = line
            .trim_end()
            .strip_prefix("listening on ")
            .and_then(|addr| addr.parse().ok())
            .ok_or_else(|| format!("{program:?} does not listen, but says {line:?}"))?;
        daemon.addr.set_port(listening.port());
        Ok(daemon)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Environmentd {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Fails unless the daemon answers a request for `path` with `status` and a text that has `text`.
pub fn expect(addr: SocketAddr, path: &str, status: u16, text: &str) -> Result<()> {
    let response = http::get(addr, path)?;
    if response.status == status && response.body.contains(text) {
        Ok(())
    } else {
        Err(format!("{path}: expected {status} with {text:?}, got {response:?}").into())
    }
}
