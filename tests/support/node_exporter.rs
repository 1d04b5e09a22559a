//! A private node-exporter that tells what it is told to and nothing else.

use std::net::SocketAddr;
use std::path::Path;

use super::home::Home;
use super::port::loopback;
use super::server::{Launch, Server};
use super::tool;

const LAUNCH: Launch = Launch { tool: tool::NODE_EXPORTER, ready: "TLS is disabled." };

/// A node-exporter with the collectors that a test needs.
pub(crate) struct NodeExporter {
    server: Server,
}

impl NodeExporter {
    /// Starts one that reads the `.prom` files of [`directory`](Self::directory).
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::with(&["textfile"])
    }

    /// Starts one that tells of the machine.
    #[track_caller]
    pub(crate) fn of_machine() -> Self {
        Self::with(&["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "pressure", "stat"])
    }

    #[track_caller]
    fn with(collectors: &[&str]) -> Self {
        let server = Server::start(LAUNCH, Home::of_server("node-exporter"), |home, port| {
            let mut arguments = vec![
                "--collector.disable-defaults".into(),
                format!("--collector.textfile.directory={}", home.path().display()).into(),
                format!("--web.listen-address={}", loopback(port)).into(),
            ];
            arguments.extend(collectors.iter().map(|collector| format!("--collector.{collector}").into()));
            arguments
        });
        Self { server }
    }

    /// Where the files are.
    pub(crate) fn directory(&self) -> &Path {
        self.server.home()
    }

    /// Where it is scraped.
    pub(crate) fn address(&self) -> SocketAddr {
        loopback(self.server.port())
    }
}
