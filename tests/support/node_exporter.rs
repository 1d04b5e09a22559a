//! A private node-exporter that reads textfiles and nothing else.

use std::net::SocketAddr;
use std::path::Path;

use super::home::Home;
use super::port::loopback;
use super::server::{Launch, Server};
use super::tool;

const LAUNCH: Launch = Launch { tool: tool::NODE_EXPORTER, ready: "TLS is disabled." };

/// A node-exporter with its textfile collector.
pub(crate) struct NodeExporter {
    server: Server,
}

impl NodeExporter {
    /// Starts one that reads the `.prom` files of [`directory`](Self::directory).
    #[track_caller]
    pub(crate) fn start() -> Self {
        let server = Server::start(LAUNCH, Home::of_server("node-exporter"), |home, port| {
            vec![
                "--collector.disable-defaults".into(),
                "--collector.textfile".into(),
                format!("--collector.textfile.directory={}", home.path().display()).into(),
                format!("--web.listen-address={}", loopback(port)).into(),
            ]
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
