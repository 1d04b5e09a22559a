//! A server on a private directory and one port, which can be taken away and brought back.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::daemon::Daemon;
use super::home::Home;
use super::poll::poll;
use super::port::{StartError, on_free_port};
use super::tool::Tool;

/// A loaded machine starts PostgreSQL in seconds; this only ends a test that waits for nothing.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The program of a server and how it is started.
pub(crate) struct Launch {
    /// The program.
    pub(crate) tool: Tool,
    /// What its log says once it answers.
    pub(crate) ready: &'static str,
}

/// A server that listens on one port of the loopback interface. It is killed when this value goes.
pub(crate) struct Server {
    launch: Launch,
    program: PathBuf,
    arguments: Vec<OsString>,
    port: u16,
    // In this order: the process goes before its directory.
    daemon: Daemon,
    home: Home,
}

impl Server {
    /// Starts the program on a free port and waits until it is ready. `configure` writes what the server needs into its
    /// directory and gives the program's arguments; it is called again if the port turns out to be taken.
    ///
    /// # Panics
    /// With the log, when the server does not start.
    pub(crate) fn start(launch: Launch, home: Home, mut configure: impl FnMut(&Home, u16) -> Vec<OsString>) -> Self {
        let program = launch.tool.require();
        let (port, arguments, daemon) = on_free_port(|port| {
            let arguments = configure(&home, port);
            let daemon = run(&launch, &program, &arguments, &home)?;
            Ok((port, arguments, daemon))
        });
        Self { launch, program, arguments, port, daemon, home }
    }

    /// The port, the same after each restart.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The server's directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// What the server has printed since its last start.
    pub(crate) fn log(&self) -> String {
        read_log(&self.home)
    }

    /// `kill -9`. Connections are reset and new ones refused.
    pub(crate) fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Asks the server to end; `None` when it still runs after `limit`.
    pub(crate) fn stop(&mut self, signal: Signal, limit: Duration) -> Option<ExitStatus> {
        // A frozen process takes no signal but SIGKILL.
        self.daemon.thaw();
        self.daemon.signal(signal);
        self.daemon.wait(limit)
    }

    /// SIGSTOP. Connections are still accepted by the kernel, and nobody answers.
    pub(crate) fn freeze(&mut self) {
        self.daemon.freeze();
    }

    /// SIGCONT. What was asked meanwhile is answered now.
    pub(crate) fn thaw(&mut self) {
        self.daemon.thaw();
    }

    /// Starts the server again on the same port and data, killing it first if it runs.
    ///
    /// # Panics
    /// With the log, when the server does not start.
    pub(crate) fn restart(&mut self) {
        self.daemon.kill();
        self.daemon = match run(&self.launch, &self.program, &self.arguments, &self.home) {
            Ok(daemon) => daemon,
            Err(StartError::Failed(why)) => panic!("{why}"),
            Err(StartError::PortTaken) => panic!("port {} was taken meanwhile", self.port),
        };
    }
}

/// Starts the program and waits until its log says that it is ready.
fn run(launch: &Launch, program: &Path, arguments: &[OsString], home: &Home) -> Result<Daemon, StartError> {
    let log = File::create(log_path(home)).expect("a log file can be made");
    let errors = log.try_clone().expect("a file handle can be cloned");
    let mut command = home.command(program);
    command.args(arguments);
    let mut daemon = Daemon::spawn(command, home.path(), log, errors);

    let state = poll(START_LIMIT, || {
        // In this order: a server that ended has written its last line.
        let ended = daemon.ended();
        let log = read_log(home);
        match ended {
            Some(status) => Ok(Some((status, log))),
            None if log.contains(launch.ready) => Ok(None),
            None => Err(log),
        }
    });
    match state {
        Ok(None) => Ok(daemon),
        // Every server here words it so, but for the capital.
        Ok(Some((_, log))) if log.contains("ddress already in use") => Err(StartError::PortTaken),
        Ok(Some((status, log))) => Err(failed(launch, &format!("ended ({status})"), &log)),
        Err(log) => Err(failed(launch, &format!("not ready after {START_LIMIT:?}"), &log)),
    }
}

fn failed(launch: &Launch, what: &str, log: &str) -> StartError {
    StartError::Failed(format!("{}: {what}. Its log:\n{log}", launch.tool.name()))
}

fn log_path(home: &Home) -> PathBuf {
    home.path().join("server.log")
}

fn read_log(home: &Home) -> String {
    let bytes = fs::read(log_path(home)).expect("the log was made before the server");
    String::from_utf8_lossy(&bytes).into_owned()
}
