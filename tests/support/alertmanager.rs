//! A private Alertmanager.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use super::home::Home;
use super::http;
use super::port::loopback;
use super::server::{Launch, Server};
use super::tool;

const LAUNCH: Launch = Launch { tool: tool::ALERTMANAGER, ready: "TLS is disabled." };

/// An Alertmanager on its own, without a cluster.
pub(crate) struct Alertmanager {
    server: Server,
}

impl Alertmanager {
    /// Starts one with this configuration.
    #[track_caller]
    pub(crate) fn start(configuration: &str) -> Self {
        Self::start_with(&[], |_| configuration.to_owned())
    }

    /// Starts one with files of its own, such as secrets, and the configuration for the directory that they are in.
    #[track_caller]
    pub(crate) fn start_with(files: &[(&str, &str)], configuration: impl Fn(&Path) -> String) -> Self {
        let server = Server::start(LAUNCH, Home::of_server("alertmanager"), |home, port| {
            for (name, text) in files {
                home.write(name, text);
            }
            let file = home.write("alertmanager.yml", &configuration(home.path()));
            vec![
                format!("--config.file={}", file.display()).into(),
                format!("--storage.path={}", home.path().join("data").display()).into(),
                format!("--web.listen-address={}", loopback(port)).into(),
                "--cluster.listen-address=".into(),
            ]
        });
        Self { server }
    }

    /// Where its API answers.
    pub(crate) fn address(&self) -> SocketAddr {
        loopback(self.server.port())
    }

    /// The same as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// What it has printed since its start.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    /// The alerts that are not over, in no order.
    #[track_caller]
    pub(crate) fn alerts(&self) -> Vec<Value> {
        let answer = http::get(self.address(), "/api/v2/alerts", &[]).expect("Alertmanager answers").json();
        answer.as_array().expect("alerts are an array").clone()
    }

    /// `kill -9`, and a start on the same port and data.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }
}
