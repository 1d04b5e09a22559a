//! The backups in a directory.

use std::fs;
use std::io;
use std::path::Path;

use super::Backup;

/// The regular files, directly in `directory`, whose names end in `suffix`.
pub(super) fn backups_in(directory: &Path, suffix: &str) -> io::Result<Vec<Backup>> {
    let mut backups = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().ends_with(suffix.as_bytes()) {
            continue;
        }
        // One that is rotated away meanwhile is none.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            backups.push(Backup { modified: metadata.modified()?, bytes: metadata.len() });
        }
    }
    Ok(backups)
}
