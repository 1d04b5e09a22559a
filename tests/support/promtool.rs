//! Prometheus's own judge of its formats.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tool;

/// Lets `promtool check metrics` judge an exposition in the text format.
///
/// # Errors
/// What it printed, when it cannot parse the text or finds fault with a name, a unit or a help text.
pub(crate) fn check_metrics(text: &str) -> Result<(), String> {
    let mut promtool = Command::new(tool::PROMTOOL.require())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool can be run");
    let mut input = promtool.stdin.take().expect("its input is piped");
    // It prints only after it has read everything, so that neither side can wait for the other.
    let written = input.write_all(text.as_bytes());
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends with its input");
    if output.status.success() {
        written.expect("promtool reads all of what it accepts");
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&said).trim_end().to_owned())
}

/// Lets `promtool check rules` judge every file of a folder, duplicates included.
///
/// # Errors
/// What it printed.
pub(crate) fn check_rules(folder: &Path) -> Result<(), String> {
    let (files, options) = (files_in(folder), ["check", "rules", "--lint=all", "--lint-fatal"].map(OsStr::new));
    tool::PROMTOOL.judge(options.into_iter().chain(files.iter().map(|file| file.as_os_str())))
}

/// The files of a folder, sorted.
pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("the folder is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder stays while it is listed").path()).collect();
    files.sort();
    files
}

/// Lets `promtool test rules` run files of tests.
///
/// # Errors
/// What it printed.
pub(crate) fn test_rules(files: &[PathBuf]) -> Result<(), String> {
    let options = ["test", "rules"].map(OsStr::new);
    tool::PROMTOOL.judge(options.into_iter().chain(files.iter().map(|file| file.as_os_str())))
}

/// Lets `promtool check config` judge a configuration.
///
/// # Errors
/// What it printed.
pub(crate) fn check_config(file: &Path) -> Result<(), String> {
    tool::PROMTOOL.judge([OsStr::new("check"), OsStr::new("config"), file.as_os_str()])
}
