//! A process and its descendants, as Linux lists them.
//!
//! A signal to a process group is not enough: each PostgreSQL backend leads a group of its own.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::poll::poll;

/// The kernel stops and ends a process at once, or never (in an uninterruptible wait).
const LIMIT: Duration = Duration::from_secs(10);

/// Stops the process and all its descendants; returns when each of them stands still.
///
/// # Errors
/// Those that do not, after a while.
pub(crate) fn freeze(root: Pid) -> Result<(), Vec<Pid>> {
    // Again until nothing moves: a process that was not stopped yet may have started another.
    poll(LIMIT, || {
        let mut moving = Vec::new();
        for pid in with_descendants(root) {
            if state(pid).is_some_and(|state| !matches!(state, 'T' | 't' | 'X' | 'Z')) {
                signal(pid, Signal::SIGSTOP);
                moving.push(pid);
            }
        }
        if moving.is_empty() { Ok(()) } else { Err(moving) }
    })
}

/// Lets the process and all its descendants go on.
pub(crate) fn thaw(root: Pid) {
    for pid in with_descendants(root) {
        signal(pid, Signal::SIGCONT);
    }
}

/// `kill -9` for the process and all its descendants, frozen or not. The caller reaps the process and then waits for
/// the rest with [`wait_until_gone`].
pub(crate) fn kill_all(root: Pid) -> Vec<Pid> {
    // A stopped process starts no further one behind our back. One that cannot be stopped is killed all the same.
    let _frozen = freeze(root);
    let pids = with_descendants(root);
    for &pid in &pids {
        signal(pid, Signal::SIGKILL);
    }
    pids
}

/// Waits until none of the processes holds resources any more (a zombie holds none). This also runs while a failed test
/// is cleaned up, so it gives up without a panic.
pub(crate) fn wait_until_gone(pids: &[Pid]) {
    let _gone = poll(LIMIT, || {
        let alive = pids.iter().find(|&&pid| state(pid).is_some_and(|state| !matches!(state, 'X' | 'Z')));
        alive.map_or(Ok(()), Err)
    });
}

/// Sends one signal to one process; one that has just ended is none of our business.
pub(crate) fn signal(pid: Pid, signal: Signal) {
    let _ended = kill(pid, signal);
}

/// The process, its children, their children and so on.
fn with_descendants(root: Pid) -> Vec<Pid> {
    let parents = parents();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| pid));
        next += 1;
    }
    found
}

/// Every process of the machine with its parent.
fn parents() -> Vec<(Pid, Pid)> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?);
            let parent = status(pid, "PPid:")?.parse().ok()?;
            Some((pid, Pid::from_raw(parent)))
        })
        .collect()
}

/// The letter that `ps` shows; `None` when there is no such process.
fn state(pid: Pid) -> Option<char> {
    status(pid, "State:")?.chars().next()
}

/// A field of `/proc/<pid>/status`.
fn status(pid: Pid, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().to_owned())
}
