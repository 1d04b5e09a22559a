//! What levels cost that can be changed while the log runs: beside levels that cannot, and beside `reload`.
//!
//! Each filter stands before a layer that does nothing, in a process that has no other subscriber meanwhile, and lets INFO
//! through. Three works are timed, on one thread and on two at once: an event that is disabled, one that is enabled, a
//! span that is made, entered, left and closed. Rounds are interleaved; a ratio is the median over rounds of the ratios
//! within one round.
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

const OURS: &str = "Levels";
const CHANGED: &str = "Levels, after a change";
const STATIC_LEVEL: &str = "LevelFilter";
const STATIC_TARGETS: &str = "Targets";

/// What the issue that asked for these levels set as their bound, which is no difference, and how far rounds of equal
/// filters were seen apart.
const MOST: f64 = 1.2;

struct Nothing;

impl<S: tracing::Subscriber> Layer<S> for Nothing {}

struct Contender {
    name: &'static str,
    subscriber: Box<dyn Fn() -> Dispatch>,
    /// For each work.
    nanos: [Vec<f64>; Work::ALL.len()],
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
    let targets = || Targets::new().with_default(LevelFilter::INFO).with_target("sqlx", LevelFilter::WARN);
    vec![
        Contender::new(STATIC_LEVEL, || registry().with(Nothing.with_filter(LevelFilter::INFO))),
        Contender::new(STATIC_TARGETS, move || registry().with(Nothing.with_filter(targets()))),
        Contender::new(OURS, move || registry().with(Nothing.with_filter(ours.clone()))),
        Contender::new(CHANGED, move || registry().with(Nothing.with_filter(changed.clone()))),
        Contender::new("reload of a layer's LevelFilter", || {
            registry().with(Nothing.with_filter(reload::Layer::new(LevelFilter::INFO).0))
        }),
        Contender::new("reload of a LevelFilter for all", || {
            registry().with(reload::Layer::new(LevelFilter::INFO).0).with(Nothing)
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
    fn new<S: Into<Dispatch>>(name: &'static str, subscriber: impl Fn() -> S + 'static) -> Self {
        Self { name, subscriber: Box::new(move || subscriber().into()), nanos: Default::default() }
    }

    fn round(&mut self, threads: usize, times: u32) {
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
            contender.round(threads, times);
            // The first one warms up.
            if round == 0 {
                contender.nanos = Default::default();
            }
        }
    }
    println!("\nthreads: {threads}; median ns, ratio to LevelFilter and to Targets of the same round");
    let header = Work::ALL.map(|work| format!("{:>26}", work.name())).concat();
    println!("{:<34}{header}", "");
    let named = |name: &str| contenders.iter().find(|contender| contender.name == name).expect("a contender");
    for contender in &contenders {
        let cells = (0..Work::ALL.len()).map(|work| {
            let ratios = [STATIC_LEVEL, STATIC_TARGETS].map(|peer| ratio(contender, named(peer), work));
            format!("{:>12.1} {:>6.2} {:>6.2}", median(contender.nanos[work].clone()), ratios[0], ratios[1])
        });
        println!("{:<34}{}", contender.name, cells.collect::<String>());
    }
    let pairs = [OURS, CHANGED].into_iter().flat_map(|ours| [STATIC_LEVEL, STATIC_TARGETS].map(|peer| (ours, peer)));
    let compared = pairs.flat_map(|pair| Work::ALL.map(|work| (pair, work)));
    compared
        .map(|((ours, peer), work)| (ours, peer, work, ratio(named(ours), named(peer), work as usize)))
        .filter(|(.., found)| *found > MOST)
        .map(|(ours, peer, work, found)| format!("{ours} / {peer}, {}, {threads} threads: {found:.2}", work.name()))
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median over rounds of what one took in a round for what the other took in it.
fn ratio(one: &Contender, other: &Contender, work: usize) -> f64 {
    median(one.nanos[work].iter().zip(&other.nanos[work]).map(|(one, other)| one / other).collect())
}
