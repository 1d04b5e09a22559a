//! One child process with its descendants: signalled, frozen, killed, and never left behind.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::home::Home;
use super::poll::poll;
use super::port::StartError;
use super::tree;

/// A loaded machine starts PostgreSQL in seconds; this only ends a test that waits for nothing.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running program. It is killed with all its descendants when this value goes, however the test ends.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts the program out of the terminal's reach, with its output in two files of the directory.
    pub(crate) fn spawn(mut command: Command, home: &Home) -> Self {
        let file = |name| File::create(home.path().join(name)).expect("a file can be made");
        let child = command
            .stdin(Stdio::null())
            .stdout(file(STDOUT))
            .stderr(file(STDERR))
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self { child }
    }

    /// [`spawn`](Self::spawn), and waits until `ready` says that the program answers.
    ///
    /// # Errors
    /// With the program's output, when it ends or is not ready in time.
    pub(crate) fn start(
        command: Command,
        home: &Home,
        mut ready: impl FnMut() -> Result<(), String>,
    ) -> Result<Self, StartError> {
        let program = command.get_program().display().to_string();
        let mut daemon = Self::spawn(command, home);
        let outcome = poll(START_LIMIT, || match daemon.ended() {
            Some(status) => Ok(Some(status)),
            None => ready().map(|()| None),
        });
        let why = match outcome {
            Ok(None) => return Ok(daemon),
            // Every program here words it so, but for the capital.
            Ok(Some(_)) if shown(home).contains("ddress already in use") => {
                return Err(StartError::PortTaken);
            }
            Ok(Some(status)) => format!("ended ({status})"),
            Err(why) => format!("not ready after {START_LIMIT:?} ({why})"),
        };
        Err(StartError::Failed(format!("{program}: {why}. {}", shown(home))))
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits until it ends; `None` when it still runs after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        poll(limit, || self.ended().ok_or(())).ok()
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if let Some(pid) = self.pid() {
            tree::signal(pid, signal);
        }
    }

    /// Stops it with all its descendants (SIGSTOP); returns when each of them stands still.
    ///
    /// # Panics
    /// When one of them does not.
    pub(crate) fn freeze(&mut self) {
        if let Some(pid) = self.pid() {
            tree::freeze(pid).expect("the kernel stops a process at once");
        }
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&mut self) {
        if let Some(pid) = self.pid() {
            tree::thaw(pid);
        }
    }

    /// `kill -9` for it and all its descendants, frozen or not; returns when all of them are gone.
    pub(crate) fn kill(&mut self) {
        if let Some(pid) = self.pid() {
            let pids = tree::kill_all(pid);
            let _reaped = self.child.wait();
            tree::wait_until_gone(&pids);
        }
    }

    /// Its id; `None` once it has ended, when the id may be another's.
    fn pid(&mut self) -> Option<Pid> {
        let pid = self.child.id().try_into().expect("Linux process ids fit an i32");
        self.ended().is_none().then(|| Pid::from_raw(pid))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";

/// What the directory's last program has written to its standard output so far.
pub(crate) fn stdout(home: &Home) -> String {
    read(home, STDOUT)
}

/// What the directory's last program has written to its standard error so far.
pub(crate) fn stderr(home: &Home) -> String {
    read(home, STDERR)
}

/// Both, for the message of a failed test.
pub(crate) fn shown(home: &Home) -> String {
    format!("Its stderr:\n{}\nIts stdout:\n{}", stderr(home), stdout(home))
}

fn read(home: &Home, name: &str) -> String {
    let bytes = fs::read(home.path().join(name)).expect("it was made before the process");
    String::from_utf8_lossy(&bytes).into_owned()
}
