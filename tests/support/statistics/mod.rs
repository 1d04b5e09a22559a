//! What NumPy and SciPy say, from the Python packages that `tests/run` installs.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The answer of `reference.py`.
///
/// # Panics
/// When it fails, or when `tests/run` has not installed what it needs.
#[track_caller]
pub(crate) fn reference() -> Value {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("statistics/bin/python");
    assert!(python.is_file(), "there is no {}: `tests/run` installs it", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/statistics/reference.py");
    let ran = Command::new(python).arg(script).output().expect("Python starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).expect("the answer is JSON")
}
