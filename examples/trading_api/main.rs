//! An example service: portfolios, their risk, and access by token, monitored by `aistm7-monitoring`.
//!
//! ```text
//! settings -> store, cache, services outside (or stand-ins) -> monitoring -> feeds, API -> serve -> stop
//! ```
//!
//! The crate is used here (the paved path), in `checks`, `instruments` and `handlers`. The rest is the service itself.

extern crate redis_1 as redis;
extern crate sqlx_0_9 as sqlx;

mod access;
mod alerting;
mod back_test;
mod cache;
mod checks;
mod clock;
mod demo;
mod domain;
mod error;
mod feed;
mod grace;
mod handlers;
mod house;
mod instruments;
mod library;
mod market;
mod notice;
mod outside;
mod risk;
mod settings;
mod stand_in;
mod store;
mod upstream;
mod valuation;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::AskOptions;
use aistm7_monitoring::resource::HostNumbers;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::access::Requirements;
use self::cache::Cache;
use self::error::StartError;
use self::feed::{QuoteFeed, TokenPriceFeed};
use self::grace::Grace;
use self::handlers::App;
use self::house::House;
use self::instruments::{Instruments, Memory, Queries, QuoteMetrics, TokenMetrics};
use self::library::Library;
use self::market::Market;
use self::outside::Outside;
use self::settings::{Backend, Invocation, Settings, Traffic};
use self::store::Store;
use self::upstream::{Ibkr, Solana};

/// No load balancer stands before an example. A service behind one leaves the crate's default.
const DRAIN_DELAY: Duration = Duration::from_secs(1);
/// Confirmed balances that may wait to be remembered. What they are for is done by then.
const BALANCES: usize = 256;
/// How long the connections to the database may take to say goodbye.
const CLOSE: Duration = Duration::from_secs(1);
/// How long writing out the last lines of the log may take.
const FLUSH: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Invocation::read(std::env::args_os().skip(1), |name| std::env::var_os(name)) {
        Ok(Invocation::Help) => {
            notice::tell(settings::USAGE.trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Serve(settings)) => run(*settings).await,
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            notice::tell(format_args!("trading_api: {}", error.in_one_line()));
            error.exit_code()
        }
    }
}

/// From the settings to the end of the process.
async fn run(settings: Settings) -> Result<(), StartError> {
    let store = Store::open(&settings.database);
    let cache = Cache::open(&settings.redis)?;
    let outside = Outside::reach(&settings.ibkr, &settings.solana).await?;

    let builder = Monitoring::builder("trading-api")
        .version(env!("CARGO_PKG_VERSION"))
        .drain_delay(DRAIN_DELAY)
        .exemplars()
        // Nobody else tells of the machine that an example runs on.
        .resources(|resources| resources.host(HostNumbers::Always));
    let builder = match settings.log_token.clone() {
        Some(token) => builder.log_control(token),
        None => builder,
    };
    let monitoring = checks::add(builder, &store, &cache, &outside, settings.check_interval)?.build()?;
    monitoring.install()?;
    settings.warn_of_embedded();

    let served = serve(&monitoring, &settings, store, cache, &outside).await;
    if let Err(error) = &served {
        tracing::error!(error = error as &dyn std::error::Error, "Cannot serve");
    }
    // Whatever happened, the log says it: the last lines are written out in any case.
    notice::tell(notice::Stopped(monitoring.shutdown(FLUSH).await));
    served
}

/// Serves until the process is told to stop and has drained.
async fn serve(
    monitoring: &Monitoring,
    settings: &Settings,
    store: Store,
    cache: Cache,
    outside: &Outside,
) -> Result<(), StartError> {
    let listen_error = |source| StartError::Listen { address: settings.listen, source };
    let listener = TcpListener::bind(settings.listen).await.map_err(listen_error)?;
    let api = listener.local_addr().map_err(listen_error)?;
    let admin = monitoring.serve_admin(settings.admin.to_string()).await?.local_addr();

    store.observe(&monitoring.database().pool(instruments::DATABASE));
    store.prepare().await?;
    let listed = store.instruments().await?;
    let market = Market::new(listed.iter().filter_map(|known| Some((known.symbol.clone(), known.last_close?))));
    let requirements = Arc::new(Requirements::at_opening());
    let solana = Solana::at(&outside.solana)?;

    // Dropping the set ends its tasks.
    let mut tasks = JoinSet::new();
    let ibkr = Ibkr::at(&outside.ibkr)?;
    tasks.spawn(feed::run(QuoteFeed::new(ibkr, listed, market.clone(), QuoteMetrics::new(monitoring))));
    let token = TokenMetrics::new(monitoring);
    tasks.spawn(feed::run(TokenPriceFeed::new(solana.clone(), Arc::clone(&requirements), token)));
    let grace = Arc::new(Grace::new(&monitoring.token(), Clock::system())?);
    tasks.spawn(grace::watch(Arc::clone(&grace)));
    tasks.spawn(House::new(monitoring)?.back_test(store.clone()));
    if settings.traffic == Traffic::Demo {
        tasks.spawn(demo::run(api));
    }

    let library = Library::new(store.clone(), cache, Queries::new(monitoring), Memory::new(monitoring));
    let (balances, confirmed) = monitoring.queue().named("balances").channel(BALANCES);
    tasks.spawn(library.clone().keep_balances(confirmed));
    if let Backend::Given(client) = &settings.redis {
        monitoring.cache().redis("cache", cache::connect(client)?, AskOptions::new())?;
    }

    let app = App { library, market, requirements, grace, solana, instruments: Instruments::new(monitoring), balances };
    let router = handlers::router(app)
        .merge(monitoring.routes())
        .merge(monitoring.grpc_health_routes())
        .layer(monitoring.http_layer());

    match &settings.operations {
        Some(directory) => return Ok(alerting::write(monitoring, &settings.alerts, directory)?),
        None => alerting::start(monitoring, &settings.alerts)?,
    }

    notice::tell(notice::Serving { api, admin, stand_ins: &outside.stand_ins });
    let served = monitoring.serve(listener, router).await?;
    tracing::info!(accepted = served.accepted, drained = served.drained, aborted = served.aborted, "Stopped serving");
    // OK to give up: a connection whose query hangs is cut with the process, and the last lines of the log come first.
    let _ = tokio::time::timeout(CLOSE, store.close()).await;
    Ok(())
}
