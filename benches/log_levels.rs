//! What levels cost that can be changed while the log runs: beside levels that cannot, and beside `reload`.
//!
//! Each filter stands before a layer that does nothing, in a process that has no other subscriber meanwhile, and lets INFO
//! through: before that layer only, or before all of the subscriber, as `Monitoring::install` has it. Three works are timed, on
//! one thread and on two at once: an event that is disabled, one that is enabled, a span that is made, entered, left and
//! closed. Rounds are interleaved; a ratio is that of the quickest rounds, since spans on two threads cost half as much again
//! where what the registry keeps for each shares a cache line.
//!
//! `--test` runs a short round only, to prove that the bench works. `--assert` fails when ours costs more than levels
//! that cannot be changed, by more than rounds differ from each other.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

use std::hint::black_box;
use std::sync::Barrier;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::log::{Directives, Levels, Log, LogOptions, Sink};
use aistm7_monitoring::metrics::{Meter, Registry};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, debug, info, info_span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, registry, reload};

/// What of one layer's filters is compared with, which never change.
const STATIC: [&str; 2] = ["LevelFilter", "Targets"];

/// The same of a whole subscriber's.
const STATIC_FOR_ALL: [&str; 2] = ["LevelFilter for all", "Targets for all"];

/// What the issue that asked for these levels set as their bound, which is no difference, and how far rounds of equal
/// filters were seen apart.
const MOST: f64 = 1.2;

struct Nothing;

impl<S: tracing::Subscriber> Layer<S> for Nothing {}

struct Contender {
    name: &'static str,
    /// What it is compared with.
    peers: [&'static str; 2],
    /// Whether it may cost no more than they do.
    bound: Bound,
    subscriber: Box<dyn Fn() -> Dispatch>,
    /// For each work.
    nanos: [Vec<f64>; Work::ALL.len()],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// It is ours.
    NoDifference,
    Shown,
}

/// What is timed.
#[derive(Clone, Copy)]
enum Work {
    Disabled,
    Enabled,
    Span,
}

impl Work {
    const ALL: [Self; 3] = [Self::Disabled, Self::Enabled, Self::Span];

    fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled event",
            Self::Enabled => "enabled event",
            Self::Span => "span",
        }
    }

    fn run(self, times: u32) {
        for attempt in 0..times {
            match self {
                Self::Disabled => debug!(attempt = black_box(attempt), "of no use"),
                Self::Enabled => info!(attempt = black_box(attempt), "of use"),
                Self::Span => drop(info_span!("work", attempt = black_box(attempt)).entered()),
            }
        }
    }
}

fn main() {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    let (rounds, times) = if has("--test") { (3, 100) } else { (61, 20_000) };
    let missed: Vec<_> = [1, 2].into_iter().flat_map(|threads| run(threads, rounds, times)).collect();
    if has("--assert") {
        assert!(missed.is_empty(), "{missed:?}");
    }
}

fn contenders() -> Vec<Contender> {
    // `warn`, then `info`: levels that were changed are no worse than those that were not.
    let (ours, changed) = (levels("info,sqlx=warn"), levels("warn"));
    changed.set(Directives::parse("info,sqlx=warn").expect("valid directives"));
    let for_all = ours.clone();
    let targets = || Targets::new().with_default(LevelFilter::INFO).with_target("sqlx", LevelFilter::WARN);
    let [level, target] = STATIC;
    let [level_for_all, target_for_all] = STATIC_FOR_ALL;
    vec![
        Contender::new(level, STATIC, || registry().with(Nothing.with_filter(LevelFilter::INFO))),
        Contender::new(target, STATIC, move || registry().with(Nothing.with_filter(targets()))),
        Contender::new("Levels", STATIC, move || registry().with(Nothing.with_filter(ours.clone()))).bound(),
        Contender::new("Levels, after a change", STATIC, move || registry().with(Nothing.with_filter(changed.clone())))
            .bound(),
        Contender::new("reload of a layer's LevelFilter", STATIC, || {
            registry().with(Nothing.with_filter(reload::Layer::new(LevelFilter::INFO).0))
        }),
        Contender::new(level_for_all, STATIC_FOR_ALL, || registry().with(Nothing.and_then(LevelFilter::INFO))),
        Contender::new(target_for_all, STATIC_FOR_ALL, move || registry().with(Nothing.and_then(targets()))),
        Contender::new("Levels for all", STATIC_FOR_ALL, move || registry().with(Nothing.and_then(for_all.clone())))
            .bound(),
        Contender::new("reload of a LevelFilter for all", STATIC_FOR_ALL, || {
            registry().with(Nothing.and_then(reload::Layer::new(LevelFilter::INFO).0))
        }),
    ]
}

fn levels(directives: &str) -> Levels {
    let options = LogOptions::new("bench")
        .sink(Sink::Writer(Box::new(std::io::sink())))
        .directives(Directives::parse(directives).expect("valid directives"));
    let log = Log::start(options, &Meter::new(&Registry::new())).expect("valid settings");
    log.levels().clone()
}

impl Contender {
    fn new<S: Into<Dispatch>>(
        name: &'static str,
        peers: [&'static str; 2],
        subscriber: impl Fn() -> S + 'static,
    ) -> Self {
        let subscriber = Box::new(move || subscriber().into());
        Self { name, peers, bound: Bound::Shown, subscriber, nanos: Default::default() }
    }

    fn bound(self) -> Self {
        Self { bound: Bound::NoDifference, ..self }
    }

    fn round(&mut self, threads: usize, times: u32, round: usize) {
        // What shares a cache line is a matter of addresses, so these change from round to round.
        let _between: Vec<_> = (0..round % 8).map(|_| Box::new([0_u8; 80])).collect();
        // No other is there meanwhile, so callsites remember what this one said.
        let subscriber = (self.subscriber)();
        for (work, nanos) in Work::ALL.into_iter().zip(&mut self.nanos) {
            nanos.push(timed(&subscriber, work, threads, times));
        }
    }
}

/// Nanoseconds for each time, of the thread that took longest.
fn timed(subscriber: &Dispatch, work: Work, threads: usize, times: u32) -> f64 {
    let start = Barrier::new(threads);
    let one = || {
        let _default = tracing::dispatcher::set_default(subscriber);
        work.run(times / 10);
        start.wait();
        let clock = Clock::system();
        let began = clock.now();
        work.run(times);
        (clock.now() - began).as_secs_f64() * 1e9 / f64::from(times)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).fold(0.0, f64::max)
    })
}

/// Prints a table, and says where ours costs more than what it is compared with.
fn run(threads: usize, rounds: usize, times: u32) -> Vec<String> {
    let mut contenders = contenders();
    for round in 0..rounds + 1 {
        for contender in &mut contenders {
            contender.round(threads, times, round);
            // The first one warms up.
            if round == 0 {
                contender.nanos = Default::default();
            }
        }
    }
    println!(
        "\nthreads: {threads}; median ns, ratios of the quickest rounds to those of LevelFilter and Targets in the same place"
    );
    let header = Work::ALL.map(|work| format!("{:>26}", work.name())).concat();
    println!("{:<34}{header}", "");
    let named = |name: &str| contenders.iter().find(|contender| contender.name == name).expect("a contender");
    let mut missed = Vec::new();
    for contender in &contenders {
        let mut row = format!("{:<34}", contender.name);
        for work in Work::ALL {
            let nanos = median(contender.nanos[work as usize].clone());
            let ratios = contender.peers.map(|peer| ratio(contender, named(peer), work as usize));
            row += &format!("{nanos:>12.1} {:>6.2} {:>6.2}", ratios[0], ratios[1]);
            if contender.bound == Bound::NoDifference && ratios.iter().any(|ratio| *ratio > MOST) {
                missed.push(format!("{}, {}, {threads} threads: {ratios:.2?}", contender.name, work.name()));
            }
        }
        println!("{row}");
    }
    missed
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What one took in its quickest round for what the other took in its own.
fn ratio(one: &Contender, other: &Contender, work: usize) -> f64 {
    let quickest = |contender: &Contender| contender.nanos[work].iter().copied().fold(f64::INFINITY, f64::min);
    quickest(one) / quickest(other)
}
