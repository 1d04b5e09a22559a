//! What measured queries, caches and queues cost beside the bare ones, in one run, and what a round of PostgreSQL's facts
//! costs the server.
//!
//! One thread. Rounds are interleaved; the figures are medians over rounds, and the ratio to the bare one, which is the
//! first of its group, is what counts. The server is a private one with 100 tables and 1,000 indexes, if it is installed;
//! its time is that of the backend's processor, parsing and planning included, and what pg_stat_statements says of it.
//!
//! `--test` runs short rounds only, to prove that the bench works. `--assert` fails when a query costs more than 200 ns or
//! an allocation, or a round more than 20 ms.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/counting.rs"]
mod counting;
#[allow(unused_imports, reason = "of the helpers' own tests, which no bench runs")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::convert::Infallible;
use std::fs;
use std::future::ready;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aistm7_monitoring::cache::Caches;
use aistm7_monitoring::cache::moka_0_12::{FutureCache, SyncCache};
use aistm7_monitoring::clock::{Clock, ManualClock};
use aistm7_monitoring::database::postgres::PostgresFacts;
use aistm7_monitoring::database::{Database, DatabaseOptions};
use aistm7_monitoring::metrics::{Meter, Registry, RegistryOptions};
use aistm7_monitoring::queue::Queues;
use aistm7_monitoring::trace::TraceContext;
use counting::ALLOCATIONS;
use moka_0_12 as moka;
use sqlx_0_9::PgConnection;
use support::poll::eventually;
use support::postgres::Postgres;
use support::tool;
use tokio::sync::mpsc;

/// The most that measuring a query may add, in nanoseconds.
const MOST_A_QUERY: f64 = 200.0;
/// The most of the server's time that a round of facts may take, in milliseconds.
const MOST_A_ROUND: f64 = 20.0;

const CAPACITY: u64 = 10_000;
const KEYS: u64 = 1_000;

struct Contender {
    name: &'static str,
    /// Does the thing as often as told.
    run: Box<dyn FnMut(u32)>,
    nanos: Vec<f64>,
    allocations: f64,
}

impl Contender {
    fn new(name: &'static str, run: impl FnMut(u32) + 'static) -> Self {
        Self { name, run: Box::new(run), nanos: Vec::new(), allocations: 0.0 }
    }

    fn round(&mut self, times: u32) {
        let (clock, allocations) = (Clock::system(), ALLOCATIONS.get());
        let began = clock.now();
        (self.run)(times);
        self.nanos.push((clock.now() - began).as_secs_f64() * 1e9 / f64::from(times));
        self.allocations = (ALLOCATIONS.get() - allocations) as f64 / f64::from(times);
    }

    fn median(&self) -> f64 {
        let mut nanos = self.nanos.clone();
        nanos.sort_by(f64::total_cmp);
        nanos[nanos.len() / 2]
    }
}

/// What one costs beyond the bare one, in nanoseconds and allocations.
struct Added {
    name: &'static str,
    nanos: f64,
    allocations: f64,
}

fn compare(title: &str, rounds: usize, times: u32, mut contenders: Vec<Contender>) -> Vec<Added> {
    // The first round warms up.
    for round in 0..=rounds {
        for contender in &mut contenders {
            contender.round(times);
            if round == 0 {
                contender.nanos.clear();
            }
        }
    }
    let (bare, bare_allocations) = (contenders[0].median(), contenders[0].allocations);
    println!("\n{title:<58} {:>10} {:>10} {:>12} {:>8}", "ns", "added ns", "allocations", "/ bare");
    let report = |contender: &Contender| {
        let (nanos, allocations) = (contender.median(), contender.allocations);
        let (added, ratio) = (nanos - bare, nanos / bare);
        println!("{:<58} {nanos:>10.1} {added:>10.1} {allocations:>12.2} {ratio:>8.2}", contender.name);
        Added { name: contender.name, nanos: added, allocations: allocations - bare_allocations }
    };
    contenders.iter().map(report).collect()
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn keys(times: u32) -> impl Iterator<Item = u64> {
    (0..u64::from(times)).map(|number| number % KEYS)
}

fn caches() -> Caches {
    Caches::new(&Meter::new(&Registry::new()), Clock::system()).expect("fresh names")
}

fn sync_hits() -> Vec<Contender> {
    let bare = moka::sync::Cache::new(CAPACITY);
    let measured = SyncCache::build(moka::sync::Cache::builder().max_capacity(CAPACITY), &caches().named("prices"));
    for key in 0..KEYS {
        bare.insert(key, key);
        measured.insert(key, key);
    }
    let alone = caches().named("prices");
    vec![
        Contender::new("moka::sync::Cache::get, a hit", move |times| {
            for key in keys(times) {
                black_box(bare.get(&key));
            }
        }),
        Contender::new("SyncCache::get, a hit", move |times| {
            for key in keys(times) {
                black_box(measured.get(&key));
            }
        }),
        Contender::new("CacheMetrics::hit alone", move |times| {
            (0..times).for_each(|_| black_box(&alone).hit());
        }),
    ]
}

fn future_hits() -> Vec<Contender> {
    let bare = moka::future::Cache::new(CAPACITY);
    let measured = FutureCache::build(moka::future::Cache::builder().max_capacity(CAPACITY), &caches().named("prices"));
    for key in 0..KEYS {
        now(bare.insert(key, key));
        now(measured.insert(key, key));
    }
    vec![
        Contender::new("moka::future::Cache::get_with, a hit", move |times| {
            for key in keys(times) {
                black_box(now(bare.get_with(key, async { 0 })));
            }
        }),
        Contender::new("FutureCache::get_with, a hit", move |times| {
            for key in keys(times) {
                black_box(now(measured.get_with(key, async { 0 })));
            }
        }),
    ]
}

fn loads() -> Vec<Contender> {
    let bare = moka::sync::Cache::builder().max_capacity(CAPACITY).eviction_listener(|_, _, _| ()).build();
    let measured = SyncCache::build(moka::sync::Cache::builder().max_capacity(CAPACITY), &caches().named("prices"));
    let (mut next, mut measured_next) = (0_u64, 0_u64);
    vec![
        Contender::new("moka::sync::Cache::get_with, a load, with a listener", move |times| {
            for _ in 0..times {
                next += 1;
                black_box(bare.get_with(next, || next));
            }
        }),
        Contender::new("SyncCache::get_with, a load", move |times| {
            for _ in 0..times {
                measured_next += 1;
                black_box(measured.get_with(measured_next, || measured_next));
            }
        }),
    ]
}

fn queues() -> Queues {
    Queues::new(&Meter::new(&Registry::new()), Clock::system()).expect("fresh names")
}

fn bounded() -> Vec<Contender> {
    let (bare, mut bare_receiver) = mpsc::channel(64);
    let (measured, mut receiver) = queues().named("orders").channel(64);
    vec![
        Contender::new("tokio::sync::mpsc::channel, send and recv", move |times| {
            for number in 0..times {
                now(bare.send(number)).expect("somebody receives");
                black_box(now(bare_receiver.recv()));
            }
        }),
        Contender::new("QueueMetrics::channel, send, recv and ok", move |times| {
            for number in 0..times {
                now(measured.send(number)).expect("somebody receives");
                now(receiver.recv()).expect("it was sent").ok();
            }
        }),
    ]
}

fn unbounded() -> Vec<Contender> {
    let (bare, mut bare_receiver) = mpsc::unbounded_channel();
    let (measured, mut receiver) = queues().named("orders").unbounded_channel();
    let own = queues().named("orders");
    vec![
        Contender::new("tokio::sync::mpsc::unbounded_channel, send and recv", move |times| {
            for number in 0..times {
                bare.send(number).expect("somebody receives");
                black_box(now(bare_receiver.recv()));
            }
        }),
        Contender::new("QueueMetrics::unbounded_channel, send, recv and ok", move |times| {
            for number in 0..times {
                measured.send(number).expect("somebody receives");
                now(receiver.recv()).expect("it was sent").ok();
            }
        }),
        Contender::new("a ticket alone, and ok", move |times| {
            (0..times).for_each(|_| black_box(&own).enqueued().dequeued().ok());
        }),
    ]
}

/// A future that is ready at once, bare and measured.
fn queries() -> Vec<Contender> {
    fn poll(query: impl Future<Output = Result<u32, Infallible>>) {
        assert!(now(query).is_ok());
    }
    let database = Database::register(&Meter::new(&Registry::new()), Clock::system(), DatabaseOptions::new());
    let load = database.expect("fresh names").query("load_portfolio");
    let (traced, trace) = (load.clone(), TraceContext::new_root());
    vec![
        Contender::new("a future that is ready", |times| (0..times).for_each(|_| poll(black_box(ready(Ok(7)))))),
        Contender::new("Query::run", move |times| (0..times).for_each(|_| poll(load.run(black_box(ready(Ok(7))))))),
        Contender::new("Query::run, in a trace", move |times| {
            let _entered = trace.enter();
            (0..times).for_each(|_| poll(traced.run(black_box(ready(Ok(7))))));
        }),
    ]
}

/// Milliseconds of the server's time that a round of facts takes, fast and slow sections alike, on 1,000 indexes; `None`
/// if no server is installed.
fn server_time_of_a_round(rounds: u32) -> Option<f64> {
    const INTERVAL: Duration = Duration::from_secs(30);
    const SOON: Duration = Duration::from_secs(30);
    const OWN_TIME: &str = "SELECT sum(total_exec_time + total_plan_time) FROM pg_stat_statements \
        WHERE query LIKE 'SET LOCAL %' OR query LIKE '%aistm7-monitoring%' AND query NOT LIKE '%pg_stat_%statements WHERE%'";
    tool::POSTGRES.path().ok()?;
    let settings = [("shared_preload_libraries", "pg_stat_statements"), ("pg_stat_statements.track_planning", "on")];
    let postgres = Postgres::start_with(&settings);
    postgres.psql("CREATE EXTENSION pg_stat_statements");
    postgres.psql(
        "DO $$ BEGIN FOR t IN 1..100 LOOP \
            EXECUTE format('CREATE TABLE t%s (a int, b int)', t); \
            FOR i IN 1..10 LOOP EXECUTE format('CREATE INDEX t%s_%s ON t%s (a, b)', t, i, t); END LOOP; \
         END LOOP; END $$",
    );
    let held = ManualClock::new();
    let registry = Registry::with(RegistryOptions::new().clock(held.clock()));
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let _inside = runtime.enter();
    let database = Database::register(&Meter::new(&registry), held.clock(), DatabaseOptions::new());
    let facts = PostgresFacts::<PgConnection>::from_url(postgres.url()).expect("a URL");
    let facts = facts.interval(INTERVAL).slow_interval(INTERVAL);
    database.expect("fresh names").collect("trading", facts).expect("there is a runtime");
    let runs = || {
        let labels = [("collector", "postgres-trading"), ("outcome", "ok")];
        registry.snapshot().value("monitoring_collector_runs_total", &labels).unwrap_or_default()
    };
    let round = || {
        let before = runs();
        held.advance(INTERVAL);
        registry.collect();
        eventually(SOON, || if runs() > before { Ok(()) } else { Err("the round has not ended") });
        registry.collect();
    };
    round();
    let backend = postgres.psql("SELECT pid FROM pg_stat_activity WHERE application_name = 'aistm7-monitoring'");
    let number = |sql: &str| -> f64 { postgres.psql(sql).parse().expect("a number") };
    let (first, told) = (processor_time(&backend), number(OWN_TIME));
    (0..rounds).for_each(|_| round());
    let (used, told) = (processor_time(&backend) - first, number(OWN_TIME) - told);
    for metric in ["db_indexes", "db_unused_indexes"] {
        assert_eq!(registry.snapshot().value(metric, &[("database", "trading")]), Some(1_000.0), "{metric}");
    }
    let (used, told) = (used / f64::from(rounds), told / f64::from(rounds));
    println!(
        "\nA round of facts on 1,000 indexes: {used:.1} ms of the backend's processor time, {told:.1} ms as it says"
    );
    Some(used.max(told))
}

/// Milliseconds that the kernel counts for a process.
fn processor_time(process: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/schedstat")).expect("Linux tells it");
    let nanos: u64 = text.split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
    Duration::from_nanos(nanos).as_secs_f64() * 1e3
}

fn main() {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    let (rounds, times) = if has("--test") { (3, 100) } else { (41, 20_000) };
    let queries = compare("A query that is ready at once", rounds, times, queries());
    compare("A look-up that hits, by threads", rounds, times, sync_hits());
    compare("A look-up that hits, by tasks", rounds, times, future_hits());
    compare("A look-up that loads", rounds, times, loads());
    compare("A value through a channel with a limit", rounds, times, bounded());
    compare("A value through a channel without one", rounds, times, unbounded());
    let round = server_time_of_a_round(if has("--test") { 5 } else { 20 });
    if has("--assert") {
        for Added { name, nanos, allocations } in &queries[1..] {
            assert!(*nanos < MOST_A_QUERY && *allocations == 0.0, "{name}: {nanos} ns, {allocations} allocations");
        }
        let round = round.expect("PostgreSQL is installed");
        assert!(round < MOST_A_ROUND, "{round} ms");
    }
}
