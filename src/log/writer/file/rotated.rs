//! Names of rotated files, `name.20250122T103000.123Z` and, of several in one millisecond, `name.20250122T103000.123Z.2`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::clock::Timestamp;

/// Renames a file to what it is called once it is rotated, replacing nothing.
pub(super) fn set_aside(file: &Path, now: SystemTime) -> io::Result<()> {
    let aside = reserve(file, now)?;
    fs::rename(file, &aside).inspect_err(|_| {
        // The name was ours, and empty.
        let _ = fs::remove_file(&aside);
    })
}

/// Takes a name by creating an empty file of it, which nobody else can then do.
fn reserve(file: &Path, now: SystemTime) -> io::Result<PathBuf> {
    let stamp = stamp(now);
    loop {
        let alike = rotated(file)?.into_iter().filter(|(age, _)| age.0 == stamp.as_bytes());
        let number = match alike.map(|(age, _)| age.1).max() {
            None => 1,
            Some(last) => last.checked_add(1).ok_or(ErrorKind::AlreadyExists)?,
        };
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(if number == 1 { format!(".{stamp}") } else { format!(".{stamp}.{number}") });
        let path = file.with_file_name(name);
        match File::create_new(&path) {
            Ok(_) => return Ok(path),
            // Another process was first, and its file is seen now.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Deletes the oldest rotated files of `file` beyond `keep`.
pub(super) fn delete_oldest(file: &Path, keep: usize) -> io::Result<()> {
    let mut rotated = rotated(file)?;
    rotated.retain(|(_, path)| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()));
    rotated.sort_unstable();
    let beyond = rotated.len().saturating_sub(keep);
    rotated[..beyond].iter().try_for_each(|(_, path)| match fs::remove_file(path) {
        // Another process with this log was first.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    })
}

/// What rotated files are sorted by: their stamps, and numbers among those of one millisecond.
type Age = (Vec<u8>, u32);

/// Whatever has the name of a rotated `file`.
fn rotated(file: &Path) -> io::Result<Vec<(Age, PathBuf)>> {
    let (folder, name) = (file.parent().unwrap_or(Path::new("")), file.file_name().unwrap_or_default());
    let mut rotated = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        rotated.extend(age(name, &entry.file_name()).map(|age| (age, entry.path())));
    }
    Ok(rotated)
}

/// `20250122T103000.123Z`: no colon, which file systems of other systems forbid.
fn stamp(now: SystemTime) -> String {
    Timestamp::from(now).as_str().replace(['-', ':'], "")
}

/// The age of a file whose name is that of a rotated `name`.
fn age(name: &OsStr, other: &OsStr) -> Option<Age> {
    let rest = other.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b".")?;
    let (stamp, number) = rest.split_at_checked(SHAPE.len())?;
    let fits = stamp.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        exact => byte == exact,
    });
    let number = match number {
        [] => 1,
        [b'.', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
        _ => return None,
    };
    fits.then(|| (stamp.to_owned(), number))
}

/// What a stamp looks like, any digit as 0.
const SHAPE: &[u8; 20] = b"00000000T000000.000Z";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_rotation_gives_are_rotated_files_and_they_sort_by_age() {
        let name = OsStr::new("orders.log");
        let stamped = |suffix: &str| {
            let mut other = name.to_owned();
            other.push(".");
            other.push(stamp(SystemTime::UNIX_EPOCH));
            other.push(suffix);
            age(name, &other)
        };
        assert_eq!(stamped(""), Some((b"19700101T000000.000Z".to_vec(), 1)));
        assert!(stamped("") < stamped(".2") && stamped(".2") < stamped(".10"));
        for suffix in [".gz", "x", ".", ".-1", ".2.gz"] {
            assert_eq!(stamped(suffix), None, "{suffix}");
        }
        for other in ["orders.log", "orders.log.1", "orders.log.bak", "other.log.19700101T000000.000Z"] {
            assert_eq!(age(name, OsStr::new(other)), None, "{other}");
        }
    }
}
