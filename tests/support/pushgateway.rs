//! A private Pushgateway.

use std::net::SocketAddr;

use super::home::Home;
use super::port::loopback;
use super::server::{Launch, Server};
use super::tool;

const LAUNCH: Launch = Launch { tool: tool::PUSHGATEWAY, ready: "TLS is disabled." };

/// A Pushgateway that keeps what it is pushed in memory.
pub(crate) struct Gateway {
    server: Server,
}

impl Gateway {
    /// Starts a gateway that everybody may push to.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a gateway that asks the user `batch` for the password `hunter2`.
    #[track_caller]
    pub(crate) fn start_with_password() -> Self {
        // bcrypt at its lowest cost
        Self::start_with("basic_auth_users: {batch: $2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm}\n")
    }

    #[track_caller]
    fn start_with(web: &str) -> Self {
        let server = Server::start(LAUNCH, Home::of_server("pushgateway"), |home, port| {
            let web = home.write("web.yml", web);
            vec![
                format!("--web.config.file={}", web.display()).into(),
                format!("--web.listen-address={}", loopback(port)).into(),
            ]
        });
        Self { server }
    }

    /// Where it takes pushes and shows them.
    pub(crate) fn address(&self) -> SocketAddr {
        loopback(self.server.port())
    }

    /// The same as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The same with a user and password.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.address())
    }

    /// SIGSTOP.
    pub(crate) fn freeze(&mut self) {
        self.server.freeze();
    }
}
