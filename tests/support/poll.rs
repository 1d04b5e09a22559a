//! Waiting for something outside this process.
//!
//! The only place of the tests with a real clock and a sleep: a server is not driven by a clock that we hold.

#![allow(clippy::disallowed_methods, reason = "the deadline of a real server is on the real clock")]

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Tries until `probe` succeeds; after `limit`, its last error.
pub(crate) fn poll<T, E>(limit: Duration, mut probe: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + limit;
    loop {
        match probe() {
            Err(_) if Instant::now() < deadline => thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}

/// Tries until `probe` succeeds and gives what it found; blocks its thread.
///
/// # Panics
/// With the last error of `probe`, when it has not succeeded after `limit`.
#[track_caller]
pub(crate) fn eventually<T, E: Display>(limit: Duration, probe: impl FnMut() -> Result<T, E>) -> T {
    match poll(limit, probe) {
        Ok(found) => found,
        Err(error) => panic!("not within {limit:?}: {error}"),
    }
}

/// [`eventually`] for a probe that awaits. The runtime's time must not be paused.
///
/// # Panics
/// With the last error of `probe`, when it has not succeeded after `limit`.
pub(crate) async fn eventually_async<T, E: Display>(
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match probe().await {
            Ok(found) => return found,
            Err(_) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            Err(error) => panic!("not within {limit:?}: {error}"),
        }
    }
}
