//! The files of the package.

use std::fs;
use std::path::Path;

/// A file and its path from the root of the package, with forward slashes.
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The Rust files of a folder of the package, in order.
pub(crate) fn rust_files(folder: &str) -> Vec<TextFile> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.retain(|file| file.path.ends_with(".rs"));
    files
}

/// Every text file of the package, in order, without what is built from it.
pub(crate) fn files() -> Vec<TextFile> {
    let mut files = Vec::new();
    collect("", &mut files);
    files
}

/// A file of the package that must be there.
pub(crate) fn read(path: &str) -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(place).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

fn collect(folder: &str, files: &mut Vec<TextFile>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = root.join(folder).read_dir().unwrap_or_else(|error| panic!("cannot list {folder:?}: {error}"));
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.expect("the folder stays while it is listed").file_name();
        name.into_string().expect("file names of this package are text")
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    for name in names {
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if matches!(path.as_str(), ".git" | "target") {
            continue;
        }
        let place = root.join(&path);
        if place.is_dir() {
            collect(&path, files);
        } else if let Ok(text) = fs::read_to_string(&place) {
            files.push(TextFile { path, text });
        }
    }
}
