//! Leases in real stores: each driver's store keeps the contract of [`LeaseStore`].

use std::fmt::Write as _;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::log::{LogOptions, Sink};
use aistm7_monitoring::metrics::{Collected, Collection, CollectorOptions, Definition, Scope};
use aistm7_monitoring::store::lease::{
    Bid, Lease, LeaseError, LeaseStore, POSTGRES_LEASE_TABLE, Publication, Standing, Wish,
};
use deadpool_postgres_0_14::tokio_postgres::NoTls;
use deadpool_postgres_0_14::{Config, Runtime};
use redis_1::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::support::pgbouncer::PgBouncer;
use crate::support::poll::eventually_async;
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;

/// For what a working server does in milliseconds.
const SOON: Duration = Duration::from_secs(30);
/// Longer than any test.
const LONG: Duration = Duration::from_secs(3000);
/// Soon over.
const SHORT: Duration = Duration::from_millis(300);

/// Text that is awkward for SQL, for scripts and for protocols.
const AWKWARD: &str = "{\"a\":\"it's \\\\ $1 ; -- \u{1F600} ]] \\u0001\"}\r\n";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn postgres_keeps_leases_through_each_driver() {
    let postgres = Postgres::start();
    let url = postgres.url();
    let missing = sqlx_0_9::PgPool::connect_lazy(&url).unwrap().bid(Bid::new("l", "a", LONG)).await.unwrap_err();
    assert!(matches!(missing, LeaseError::MissingTable), "{missing:?}");
    // A migration that is run twice does no harm.
    postgres.psql(POSTGRES_LEASE_TABLE);
    postgres.psql(POSTGRES_LEASE_TABLE);

    keeps_the_contract("0.8", &sqlx_0_8::PgPool::connect_lazy(&url).unwrap()).await;
    keeps_the_contract("0.9", &sqlx_0_9::PgPool::connect_lazy(&url).unwrap()).await;
    let config = Config { url: Some(url.clone()), ..Config::default() };
    keeps_the_contract("deadpool", &config.create_pool(Some(Runtime::Tokio1), NoTls).unwrap()).await;
    // Whatever a server takes a backslash for.
    postgres.psql("ALTER DATABASE postgres SET standard_conforming_strings = off");
    keeps_the_contract("odd", &sqlx_0_9::PgPool::connect_lazy(&url).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and PgBouncer; run by tests/run"]
async fn postgres_keeps_leases_behind_a_transaction_pooler() {
    let postgres = Postgres::start();
    postgres.psql(POSTGRES_LEASE_TABLE);
    let pooler = PgBouncer::in_front_of(&postgres);
    keeps_the_contract("0.8", &sqlx_0_8::PgPool::connect_lazy(&pooler.url()).unwrap()).await;
    keeps_the_contract("0.9", &sqlx_0_9::PgPool::connect_lazy(&pooler.url()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn redis_keeps_leases_over_each_kind_of_connection() {
    let redis = Redis::start();
    let client = redis_1::Client::open(redis.url()).unwrap();
    keeps_the_contract("multiplexed", &client.get_multiplexed_async_connection().await.unwrap()).await;
    let config = ConnectionManagerConfig::new();
    keeps_the_contract("manager", &ConnectionManager::new_lazy_with_config(client, config).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn one_replica_measures_what_all_show() {
    static FACTS: Definition = Definition::gauge("facts", "Facts, by who measured them.").labels(&["by"]);

    let postgres = Postgres::start();
    postgres.psql(POSTGRES_LEASE_TABLE);
    let replica = |by: &'static str| {
        let lease = Lease::new(sqlx_0_9::PgPool::connect_lazy(&postgres.url()).unwrap());
        let log = |log: LogOptions| log.sink(Sink::Writer(Box::new(std::io::sink())));
        let monitoring = Monitoring::builder("orders").lease(lease).replicas(2).log(log).build().unwrap();
        let facts: Collected<f64, 1> = monitoring.meter().collected(&FACTS).unwrap();
        let measure = move |collection: &mut Collection| {
            collection.set(&facts, [by.into()], 1.0);
            Ok(())
        };
        let options = CollectorOptions::new().scope(Scope::Shared);
        monitoring.meter().collector_with("facts", measure, options).unwrap();
        monitoring
    };
    // What a scrape shows of the facts, once there is something.
    let page = async |monitoring: &Monitoring| {
        let registry = monitoring.registry().clone();
        eventually_async(SOON, async move || {
            let registry = registry.clone();
            let page = tokio::task::spawn_blocking(move || {
                registry.collect();
                registry.render()
            });
            let page = page.await.expect("a scrape does not panic");
            page.lines().find(|line| line.starts_with("facts{")).map(str::to_owned).ok_or("nothing is known yet")
        })
        .await
    };
    let (first, second) = (replica("first"), replica("second"));
    assert_eq!(page(&first).await, "facts{by=\"first\"} 1");
    assert_eq!(page(&second).await, "facts{by=\"first\"} 1", "it shows what the other measured");
    let lease = [("lease", "collector/facts")];
    let held = |monitoring: &Monitoring| monitoring.registry().snapshot().value("lease_held", &lease);
    assert_eq!((held(&first), held(&second)), (Some(1.0), Some(0.0)));
}

/// What every store has to do, on leases under a name of their own.
async fn keeps_the_contract(name: &str, store: &impl LeaseStore) {
    let lease = format!("orders/prod/{name}");
    let ask = async |holder: &str, ttl: Duration, wish: Wish, publication: Option<(u64, &str)>| -> Standing {
        let publication = publication.map(|(epoch, result)| Publication { epoch, result: result.to_owned() });
        let mut bid = Bid::new(lease.as_str(), holder, ttl);
        (bid.wish, bid.publication) = (wish, publication);
        store.bid(bid).await.unwrap_or_else(|error| panic!("{name}: {}", with_sources(&error)))
    };
    let result = |standing: &Standing| standing.published.as_ref().map(|published| published.result.clone());

    // Nobody has it, and who only looks does not get it.
    assert_eq!(ask("a", LONG, Wish::Yield, None).await, Standing::default());
    assert_eq!(ask("a", LONG, Wish::Hold, None).await, Standing { epoch: Some(1), published: None });
    assert_eq!(ask("b", LONG, Wish::Hold, None).await, Standing::default());

    // The holder publishes, everybody reads, and nobody else is listened to.
    let held = ask("a", LONG, Wish::Hold, Some((1, AWKWARD))).await;
    assert_eq!((held.epoch, result(&held)), (Some(1), Some(AWKWARD.to_owned())));
    let followed = ask("b", LONG, Wish::Hold, Some((1, "forged"))).await;
    assert_eq!((followed.epoch, result(&followed)), (None, Some(AWKWARD.to_owned())));
    let before = followed.published.expect("asserted").age;
    eventually_async(SOON, async || {
        let age = ask("b", LONG, Wish::Yield, None).await.published.expect("it was published").age;
        if age > before { Ok(()) } else { Err("a result gets older") }
    })
    .await;
    let kept = ask("a", LONG, Wish::Hold, Some((7, "of no epoch"))).await;
    assert_eq!((kept.epoch, result(&kept)), (Some(1), Some(AWKWARD.to_owned())));

    // Given up, it is there for another at once, in a new epoch; the old holder's last word comes too late.
    let yielded = ask("a", LONG, Wish::Yield, None).await;
    assert_eq!((yielded.epoch, result(&yielded)), (None, Some(AWKWARD.to_owned())));
    let taken = ask("b", SHORT, Wish::Hold, None).await;
    assert_eq!((taken.epoch, result(&taken)), (Some(2), Some(AWKWARD.to_owned())));
    assert_eq!(ask("b", SHORT, Wish::Hold, Some((2, "newer"))).await.epoch, Some(2));

    // It expires by itself. Who comes back then, also who held it, begins a new epoch and overwrites nothing.
    let taken_back = eventually_async(SOON, async || match ask("a", SHORT, Wish::Hold, Some((1, "old"))).await {
        Standing { epoch: Some(epoch), published } => Ok((epoch, published.expect("by b").result)),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(taken_back.await, (3, "newer".to_owned()));
    let late = eventually_async(SOON, async || match ask("b", LONG, Wish::Hold, Some((2, "late"))).await {
        Standing { epoch: Some(epoch), published } => Ok((epoch, published.expect("by b").result)),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(late.await, (4, "newer".to_owned()));

    // Of many who come at once one gets it.
    let rush = format!("{lease}/rush");
    let bids = (0..20).map(|number| store.bid(Bid::new(rush.as_str(), format!("r{number}"), LONG)));
    let standings = futures_util::future::join_all(bids).await;
    let holders = standings.into_iter().filter(|standing| standing.as_ref().expect("it answers").epoch.is_some());
    assert_eq!(holders.count(), 1);
}

fn with_sources(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        write!(text, ": {error}").expect("a string takes everything");
        source = error.source();
    }
    text
}
