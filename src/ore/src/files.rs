//! Files, with errors that name them.

use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| name(path, error))
}

/// All files below a directory in order of their paths, links not followed; of a file, itself.
pub fn below(path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = path.symlink_metadata().map_err(|error| name(path, error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| name(path, error))? {
        found.append(&mut below(&entry?.path())?);
    }
    found.sort();
    Ok(found)
}

/// Puts the path in front of what went wrong with it.
pub fn name(path: &Path, error: Error) -> Error {
    Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_sorted_and_recursive() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let names = ["Cargo.toml", "src/cli.rs", "src/files.rs"].map(|file| root.join(file));
        assert_eq!(below(root).unwrap()[..3], names);
    }

    #[test]
    fn an_error_names_the_file() {
        let error = read(Path::new("no/such/file")).unwrap_err();
        assert!(error.to_string().starts_with("no/such/file: "));
    }
}
