//! A private search engine: osmem-server, which keeps an OpenSearch in memory, from the Python package that `tests/run`
//! installs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::daemon::{self, Daemon};
use super::home::Home;
use super::http;
use super::port::{loopback, on_free_port};

/// A search engine with nothing in it. It is killed when this value goes.
pub(crate) struct Search {
    address: SocketAddr,
    // In this order: the process goes before its directory.
    _daemon: Daemon,
    _home: Home,
}

impl Search {
    /// # Panics
    /// When it does not start, or when `tests/run` has not installed it.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let program = program();
        on_free_port(|port| {
            let (address, home) = (loopback(port), Home::of_server("osmem"));
            let mut command = home.command(&program);
            command.args(["-no-stdin-watch", "-addr", &address.to_string()]);
            let listens =
                || daemon::stdout(&home).contains("\"url\"").then_some(()).ok_or("it does not listen".to_owned());
            let daemon = Daemon::start(command, &home, listens)?;
            Ok(Self { address, _daemon: daemon, _home: home })
        })
    }

    /// Asks with a body of JSON, or of some with a line each; its status and answer.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let kind = [("content-type", "application/json")];
        let answer = http::request(self.address, method, path, &kind, body.as_bytes()).expect("the engine answers");
        (answer.status, answer.json())
    }
}

/// The program inside the package.
#[track_caller]
fn program() -> PathBuf {
    let libraries = Path::new(env!("CARGO_TARGET_TMPDIR")).join("osmem/lib");
    let pythons = std::fs::read_dir(&libraries).into_iter().flatten().filter_map(Result::ok);
    let program = |python: PathBuf| python.join("site-packages/osmem_server/bin/osmem-server");
    let mut found = pythons.map(|python| program(python.path())).filter(|program| program.is_file());
    found.next().unwrap_or_else(|| panic!("osmem-server is not in {}: `tests/run` installs it", libraries.display()))
}
