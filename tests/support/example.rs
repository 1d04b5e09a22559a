//! The examples as processes of their own; most of all `trading_api`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::daemon::{self, Daemon};
use super::home::Home;
use super::http;
use super::port::{free_port, loopback, on_free_port};

/// Of the example's target.
const NAME: &str = "trading_api";

/// The example, serving on two free ports. It is killed when this value goes.
pub(crate) struct TradingApi {
    public: SocketAddr,
    admin: SocketAddr,
    /// How it is started again: variables and arguments.
    env: Vec<(String, String)>,
    arguments: Vec<String>,
    // In this order: the process goes before its files.
    daemon: Daemon,
    home: Home,
}

impl TradingApi {
    /// Starts the example with these variables and nothing else of the developer's environment, and waits until it
    /// answers on `/health/live`.
    ///
    /// # Panics
    /// With its output, when it does not start.
    #[track_caller]
    pub(crate) fn start(env: &[(&str, &str)], arguments: &[&str]) -> Self {
        on_free_port(|port| {
            let public = loopback(port);
            let admin = loopback(free_port());
            let home = Home::of_program(NAME);
            let addresses = [("LISTEN_ADDR", public.to_string()), ("ADMIN_ADDR", admin.to_string())];
            let given = env.iter().map(|(name, value)| (*name, (*value).to_owned()));
            let env: Vec<_> = given.chain(addresses).map(|(name, value)| (name.to_owned(), value)).collect();
            let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            let daemon = Daemon::start(command(&home, &env, &arguments), &home, || live(public))?;
            Ok(Self { public, admin, env, arguments, daemon, home })
        })
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Whether it has ended by itself, or was killed.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.daemon.ended().is_some()
    }

    /// Starts it again, with the same ports, variables and directory, and waits for nothing.
    pub(crate) fn spawn_again(&mut self) {
        self.daemon.kill();
        self.daemon = Daemon::spawn(command(&self.home, &self.env, &self.arguments), &self.home);
    }

    /// Its directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where it serves its API and `/health`.
    pub(crate) fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where it serves `/metrics`.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Asks it to end, as an orchestrator does.
    pub(crate) fn sigterm(&mut self) {
        self.daemon.signal(Signal::SIGTERM);
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// With its output, when it still runs after `limit`.
    #[track_caller]
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        match self.daemon.wait(limit) {
            Some(status) => status,
            None => panic!("still running after {limit:?}. {}", daemon::shown(&self.home)),
        }
    }

    /// The log so far, as it was written.
    pub(crate) fn stdout(&self) -> String {
        daemon::stdout(&self.home)
    }

    /// What it has told the person who started it so far.
    pub(crate) fn stderr(&self) -> String {
        daemon::stderr(&self.home)
    }

    /// The lines of the log so far; one that is still being written is left out.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[track_caller]
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        let text = self.stdout();
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        complete.lines().map(parse).collect()
    }
}

/// How the example ends when it cannot start: with these variables and arguments, from its start to its exit.
///
/// # Panics
/// When it still runs after `limit`.
#[track_caller]
pub(crate) fn run_to_exit(env: &[(&str, &str)], arguments: &[&str], limit: Duration) -> (ExitStatus, String) {
    let home = Home::of_program(NAME);
    let mut daemon = Daemon::spawn(command(&home, env, arguments), &home);
    match daemon.wait(limit) {
        Some(status) => (status, daemon::stderr(&home)),
        None => panic!("still running after {limit:?}. {}", daemon::shown(&home)),
    }
}

/// Whether it answers on its public address.
fn live(public: SocketAddr) -> Result<(), String> {
    match http::get(public, "/health/live", &[]) {
        Ok(response) if response.status == 200 => Ok(()),
        Ok(response) => Err(format!("/health/live says {}", response.status)),
        Err(error) => Err(error.to_string()),
    }
}

fn command<T: AsRef<OsStr>>(home: &Home, env: &[(T, T)], arguments: &[T]) -> Command {
    let mut command = home.command(executable());
    command.envs(env.iter().map(|(name, value)| (name, value))).args(arguments);
    command
}

/// The built example; the first call builds it.
fn executable() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(NAME))
}

/// Builds an example of this package, which is instant after `cargo test --features full`.
pub(crate) fn build(name: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--features", "full", "--example", name])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .envs(environment_for_cargo())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "the example `{name}` does not build");

    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.expect("cargo names the executable that it built")
}

/// The environment without what `cargo test` tells a test of its package: build scripts that watch these variables would
/// run again and have half of the dependencies built anew.
fn environment_for_cargo() -> BTreeMap<String, String> {
    let of_the_test = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|start| name.starts_with(start))
            || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"].contains(&name)
    };
    env::vars().filter(|(name, _)| !of_the_test(name)).collect()
}
