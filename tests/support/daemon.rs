//! One child process with its descendants: signalled, frozen, killed, and never left behind.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::guard::Guard;
use super::poll::poll;
use super::tree;

/// A running program. It is killed with all its descendants when this value goes, however the test ends.
pub(crate) struct Daemon {
    child: Child,
    /// Called off once the process is reaped: its id may then be given to another.
    guard: Option<Guard>,
}

impl Daemon {
    /// Starts the program out of the terminal's reach, with its output in files. `home` is removed if this process dies.
    pub(crate) fn spawn(mut command: Command, home: &Path, stdout: File, stderr: File) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let guard = Some(Guard::watch(pid_of(&child), home));
        Self { child, guard }
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("a child can be waited for");
        if status.is_some() {
            self.guard = None;
        }
        status
    }

    /// Waits until it ends; `None` when it still runs after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        poll(limit, || self.ended().ok_or(())).ok()
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            tree::signal(pid_of(&self.child), signal);
        }
    }

    /// Stops it with all its descendants (SIGSTOP); returns when each of them stands still.
    pub(crate) fn freeze(&mut self) {
        if self.ended().is_none() {
            tree::freeze(pid_of(&self.child));
        }
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&mut self) {
        if self.ended().is_none() {
            tree::thaw(pid_of(&self.child));
        }
    }

    /// `kill -9` for it and all its descendants, frozen or not; returns when all of them are gone.
    pub(crate) fn kill(&mut self) {
        if self.ended().is_none() {
            let pids = tree::kill_all(pid_of(&self.child));
            self.guard = None;
            let _reaped = self.child.wait();
            tree::wait_until_gone(&pids);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("Linux process ids fit an i32"))
}
