//! Tests that do something only in a process of their own, in which another test runs them.

use std::process::Command;

/// Set for the processes that run a child's test alone.
const CHILD: &str = "AISTM7_TEST_CHILD";

/// Whether this is the process of a child.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// The test of this name alone, in a process of its own.
pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, "yes").env("RUST_BACKTRACE", "0");
    command
}
