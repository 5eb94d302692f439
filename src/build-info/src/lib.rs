//! Tells a program how it was built. For build scripts: the program then has it with
//! `include_str!(concat!(env!("OUT_DIR"), "/build-info.txt"))`.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// Writes `build-info.txt` into the build script's output directory: one line that names the
/// target, the optimization level and the compiler.
pub fn write() -> Result<(), Box<dyn Error>> {
    let compiler = Command::new(env::var("RUSTC")?).arg("--version").output()?;
    let compiler = String::from_utf8(compiler.stdout)?;
    let line = format!(
        "{}, opt-level {}, {}",
        env::var("TARGET")?,
        env::var("OPT_LEVEL")?,
        compiler.trim()
    );
    fs::write(
        Path::new(&env::var("OUT_DIR")?).join("build-info.txt"),
        line,
    )?;
    // Without this line Cargo runs the script again whenever a file of the package changes.
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
