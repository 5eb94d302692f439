//! Keys and values in an append-only file: of several values for one key, the last one counts.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Result, Write};
use std::path::PathBuf;
use std::{env, str};

use ore::files;

pub struct Shard {
    path: PathBuf,
}

impl Shard {
    pub fn new(path: impl Into<PathBuf>) -> Shard {
        Shard { path: path.into() }
    }

    /// The shard that `PERSIST_SHARD` names, or `shard` in the working directory.
    pub fn of_environment() -> Shard {
        Shard::new(env::var_os("PERSIST_SHARD").unwrap_or_else(|| "shard".into()))
    }

    /// Adds a value for `key`.
    pub fn put(&self, key: &str, value: &str) -> Result<()> {
        if key.contains(['\t', '\n']) || value.contains('\n') {
            let text = "neither a key with a tab nor a line break can be stored";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let open = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path);
        open.and_then(|mut file| file.write_all(format!("{key}\t{value}\n").as_bytes()))
            .map_err(|error| files::name(&self.path, error))
    }

    /// Everything that was ever put, in order.
    pub fn history(&self) -> Result<Vec<(String, String)>> {
        let content = files::read(&self.path)?;
        let text = str::from_utf8(&content).map_err(|_| self.corrupt("it is not UTF-8"))?;
        text.lines()
            .map(|line| {
                let (key, value) = line.split_once('\t').ok_or_else(|| self.corrupt(line))?;
                Ok((key.to_owned(), value.to_owned()))
            })
            .collect()
    }

    /// The present value of each key.
    pub fn snapshot(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.history()?.into_iter().collect())
    }

    fn corrupt(&self, what: &str) -> Error {
        let error = Error::new(ErrorKind::InvalidData, format!("corrupt: {what}"));
        files::name(&self.path, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts() {
        let name = format!("persist-{}", std::process::id());
        let shard = Shard::new(env::temp_dir().join(name));
        for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
            shard.put(key, value).unwrap();
        }
        let snapshot = shard.snapshot().unwrap();
        assert_eq!(shard.history().unwrap().len(), 3);
        assert_eq!((&*snapshot["a"], &*snapshot["b"]), ("3", "2"));
        assert!(shard.put("a\nb", "").is_err());
        std::fs::remove_file(&shard.path).unwrap();
    }
}
