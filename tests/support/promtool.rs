//! Prometheus's own judge of its formats.

use std::io::Write;
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
