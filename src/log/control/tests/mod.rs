//! What an operator decides and asks, of logs whose time is held.

mod levels;
mod repeats;
mod summary;

use std::sync::LazyLock;
use std::time::Duration;

use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;

use crate::log::tests::{Fixture, PATIENCE};

/// While a process has a single subscriber, `tracing` asks only the thread that changes the levels for it. With two
/// more it asks all there are, as in a process whose subscriber is global.
static BYSTANDERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [NoSubscriber::new(), NoSubscriber::new()].map(Dispatch::new));

pub(super) fn meet_bystanders() {
    LazyLock::force(&BYSTANDERS);
}

/// The lines of a log whose time has moved.
pub(super) fn lines_of(fixture: &Fixture) -> Vec<serde_json::Value> {
    assert_eq!(fixture.log.flush(PATIENCE).lost, 0);
    fixture.memory.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

pub(super) fn messages(lines: &[serde_json::Value]) -> Vec<&str> {
    lines.iter().map(|line| line["message"].as_str().expect("a string")).collect()
}

/// Waits until the log's own thread has done its part.
pub(super) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let waits = PATIENCE.as_millis() / 5;
    for _ in 0..waits {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what} in vain");
}
