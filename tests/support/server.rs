//! A server on a private directory and one port, which can be taken away and brought back.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::daemon::{self, Daemon};
use super::home::Home;
use super::port::{StartError, on_free_port};
use super::tool::Tool;

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
    #[track_caller]
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
        daemon::shown(&self.home)
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
    #[track_caller]
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
    let mut command = home.command(program);
    command.args(arguments);
    Daemon::start(command, home, || {
        let said = daemon::shown(home).contains(launch.ready);
        said.then_some(()).ok_or_else(|| format!("it has not said {:?}", launch.ready))
    })
}
