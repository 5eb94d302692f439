use std::process::Command;

use testkit::{expect, Environmentd};

const ENVIRONMENTD: &str = env!("CARGO_BIN_EXE_environmentd");

#[test]
fn it_serves() {
    let daemon = Environmentd::start(ENVIRONMENTD).unwrap();
    expect(daemon.addr(), "/healthz", 200, "ok").unwrap();
    expect(daemon.addr(), "/nowhere", 404, "nothing at /nowhere").unwrap();
}

#[test]
fn it_exits_as_it_is_told() {
    let mut command = Command::new(ENVIRONMENTD);
    let output = command.args(["--exit-code", "7", "a b"]).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("arguments: [\"a b\"]"), "{text}");
}
