//! Stand-ins for the services outside: what an IBKR gateway and a Solana node would say, from this machine.
//!
//! They run only when no URL is given, on loopback, on a port of their own choosing. Everything else in this example,
//! and every health check, talks to them as to the real thing, over HTTP. Each can be made to fail while it runs:
//! `curl <its control URL> --json '{"mode":"hang"}'`; a `GET` on the same URL shows the mode and the modes there are.

mod ibkr;
mod mode;
mod solana;

use std::io;
use std::net::Ipv4Addr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Path of a stand-in's control endpoint, apart from what it imitates.
const CONTROL_PATH: &str = "/stand-in/mode";

/// A running stand-in; dropping it stops it.
#[derive(Debug)]
pub(crate) struct StandIn {
    /// What it imitates.
    pub(crate) name: &'static str,
    /// The URL that a real one would have been given by.
    pub(crate) url: String,
    /// Where its mode is shown and set.
    pub(crate) control: String,
    server: AbortHandle,
}

/// Starts a stand-in for the IBKR Client Portal gateway.
pub(crate) async fn ibkr() -> io::Result<StandIn> {
    StandIn::start("IBKR gateway", ibkr::BASE_PATH, ibkr::router()).await
}

/// Starts a stand-in for a Solana RPC node.
pub(crate) async fn solana() -> io::Result<StandIn> {
    StandIn::start("Solana RPC node", "", solana::router()).await
}

impl StandIn {
    async fn start(name: &'static str, base_path: &str, router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(stand_in = name, %error, "Stand-in stopped");
            }
        });
        Ok(Self {
            name,
            url: format!("http://{address}{base_path}"),
            control: format!("http://{address}{CONTROL_PATH}"),
            server: server.abort_handle(),
        })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A value that swings around `middle` by `share` of it, once in `period_ms`.
fn swing(middle: f64, share: f64, now_ms: u64, period_ms: u64) -> f64 {
    let turn = (now_ms % period_ms) as f64 / period_ms as f64;
    middle * (1.0 + share * (turn * std::f64::consts::TAU).sin())
}
