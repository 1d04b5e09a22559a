//! What a user writes, in the form that the design promises. It is compiled, not run.
#![cfg(feature = "full")]

use std::net::SocketAddr;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::business::{FailureReason, Fault};
use aistm7_monitoring::health::{
    CheckFailure, CheckOptions, CheckReport, HealthCheck, IbkrCheck, PostgresCheck, RedisCheck, SolanaCheck,
};
use aistm7_monitoring::http::client::Peer;
use aistm7_monitoring::http::{HttpLayer, HttpMetricsLayer, TraceLayer};
use aistm7_monitoring::log::JsonLayer;
use aistm7_monitoring::metrics::Registry;
use aistm7_monitoring::resource::{Credential, HostNumbers};
use axum::extract::State;
use axum::{Router, routing::get};
use tokio::net::TcpListener;

#[derive(Debug, thiserror::Error)]
#[error("stored history does not suffice")]
struct InsufficientData;

impl FailureReason for InsufficientData {
    fn reason(&self) -> &'static str {
        "insufficient_data"
    }

    fn fault(&self) -> Fault {
        Fault::Data
    }
}

fn value_at_risk(positions: &[f64]) -> Result<f64, InsufficientData> {
    positions.iter().copied().reduce(f64::min).ok_or(InsufficientData)
}

struct Ledger;

impl HealthCheck for Ledger {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        Ok(CheckReport::healthy())
    }
}

async fn portfolio(State(name): State<&'static str>) -> &'static str {
    name
}

async fn paved_path(
    pool: sqlx_0_9::PgPool,
    redis: redis_1::aio::ConnectionManager,
    addr: SocketAddr,
) -> Result<(), Box<dyn std::error::Error>> {
    let monitoring = Monitoring::builder("risk-analysis")
        .check("database", PostgresCheck::new(pool.clone()))
        .check("cache", RedisCheck::new(redis))
        .check("ibkr", IbkrCheck::client_portal("https://localhost:5000/v1/api")?)
        .check("solana", SolanaCheck::new("https://api.mainnet.solana.com")?)
        .check_with("ledger", Ledger, CheckOptions::new().dependency("ledger"))
        .resources(|resources| resources.host(HostNumbers::Never))
        .check("closure", async || Ok::<_, CheckFailure>(CheckReport::healthy()))
        .build()?;
    monitoring.install()?;

    let app = Router::new()
        .route("/api/v1/portfolios/{id}", get(portfolio))
        .merge(monitoring.routes())
        .layer(monitoring.http_layer())
        .with_state("a router with state");

    let positions = [1.0];
    let risk = monitoring.risk();
    let _var = risk.model("historical-var").execute(|| value_at_risk(&positions))?;

    monitoring.serve_admin("127.0.0.1:9464").await?;
    let _served = monitoring.serve(TcpListener::bind(addr).await?, app).await;
    let _flushed = monitoring.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn pieces(monitoring: &Monitoring, listener: TcpListener) -> std::io::Result<()> {
    let _: HttpLayer = monitoring.http_layer();
    let _: HttpMetricsLayer = monitoring.http_metrics_layer();
    let _: TraceLayer = monitoring.trace_layer();
    let _: JsonLayer = monitoring.log_layer();
    let _: &Registry = monitoring.registry();
    let _: Peer = monitoring.client("prices");
    let _ = (monitoring.portfolio(), monitoring.risk(), monitoring.token());
    let _: Credential = monitoring.credential("broker-key");
    let app: Router = monitoring.admin_routes();
    let make_service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(monitoring.listener(listener), make_service).with_graceful_shutdown(monitoring.shutdown_signal()).await
}

/// Auto traits are part of the promise: handles go into states, tasks and threads.
const _: () = {
    const fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Monitoring>();
    shared::<Registry>();
    shared::<HttpLayer>();
    shared::<Peer>();
    shared::<TraceLayer>();
    shared::<JsonLayer>();
    shared::<aistm7_monitoring::health::Health>();
    shared::<aistm7_monitoring::log::Log>();
    shared::<Credential>();
    shared::<aistm7_monitoring::trace::TraceContext>();
    shared::<aistm7_monitoring::trace::TraceRules>();
};

#[test]
fn design_compiles_as_promised() {
    let _ = (paved_path, pieces);
}
