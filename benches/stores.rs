//! What a measured cache and a measured queue cost beside the bare ones, in one run: look-ups in moka's caches, values
//! through Tokio's channels.
//!
//! One thread. Rounds are interleaved; the figures are medians over rounds, and the ratio to the bare one, which is the
//! first of its group, is what counts. `--test` runs short rounds only, to prove that the bench works.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/counting.rs"]
mod counting;

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aistm7_monitoring::cache::Caches;
use aistm7_monitoring::cache::moka_0_12::{FutureCache, SyncCache};
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::queue::Queues;
use counting::ALLOCATIONS;
use moka_0_12 as moka;
use tokio::sync::mpsc;

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

fn compare(title: &str, rounds: usize, times: u32, mut contenders: Vec<Contender>) {
    // The first round warms up.
    for round in 0..=rounds {
        for contender in &mut contenders {
            contender.round(times);
            if round == 0 {
                contender.nanos.clear();
            }
        }
    }
    let bare = contenders[0].median();
    println!("\n{title:<58} {:>10} {:>12} {:>8}", "ns", "allocations", "/ bare");
    for contender in &contenders {
        let (nanos, allocations) = (contender.median(), contender.allocations);
        println!("{:<58} {nanos:>10.1} {allocations:>12.2} {:>8.2}", contender.name, nanos / bare);
    }
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

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (rounds, times) = if is_test { (3, 100) } else { (41, 20_000) };
    compare("A look-up that hits, by threads", rounds, times, sync_hits());
    compare("A look-up that hits, by tasks", rounds, times, future_hits());
    compare("A look-up that loads", rounds, times, loads());
    compare("A value through a channel with a limit", rounds, times, bounded());
    compare("A value through a channel without one", rounds, times, unbounded());
}
