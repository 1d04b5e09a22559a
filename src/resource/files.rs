//! Where the kernel's text files are read: below `/`, or below a folder that somebody has filled.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder that the kernel's files are in. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct Root(Arc<Path>);

/// A file of the kernel's that tells nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("cannot read {path}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path} is not as the kernel writes it", path = path.display())]
    Malformed { path: PathBuf },
}

/// Chosen: several times the list of mounts of a machine full of containers, and nothing that memory feels.
const LARGEST_FILE_BYTES: u64 = 4 * 1024 * 1024;

impl Root {
    pub(super) fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into().into())
    }

    /// Where a file is that an absolute or relative path names.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The text of a file. Names of mounts may be any bytes; those that are no text are replaced.
    pub(super) fn read(&self, path: &str) -> Result<String, ReadError> {
        let path = self.path(path);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(LARGEST_FILE_BYTES).read_to_end(&mut bytes)) {
            Ok(_) => Ok(String::from_utf8(bytes)
                .unwrap_or_else(|invalid| String::from_utf8_lossy(invalid.as_bytes()).into_owned())),
            Err(source) => Err(ReadError::Unreadable { path, source }),
        }
    }

    /// The text of a file that not every kernel has, or shows to everybody.
    pub(super) fn find(&self, path: &str) -> Option<String> {
        self.read(path).ok()
    }

    /// What `parse` makes of a file that every kernel has.
    pub(super) fn parse<T>(&self, path: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, ReadError> {
        parse(&self.read(path)?).ok_or_else(|| ReadError::Malformed { path: self.path(path) })
    }
}
