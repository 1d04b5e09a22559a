//! What trace context costs beside OpenTelemetry's propagator: reading it from a request's headers and writing it to
//! those of a call, with and without a `tracestate` of two entries.
//!
//! Ours is measured twice when it reads: the two headers alone, which is what the peer does, and the whole context of a
//! request, which also has a span id and, from the clock, a request id. When it writes it adds `x-request-id`, which the peer
//! does not.
//! Rounds are interleaved; a ratio is the median over rounds of the ratios within one round.
//!
//! `--test` runs a short round only, to prove that the bench works. `--assert` fails when a ratio or an allocation is
//! above its bound.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/counting.rs"]
mod counting;

use std::hint::black_box;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::trace::{TRACEPARENT, TRACESTATE, TraceContext, TraceState, Traceparent, X_REQUEST_ID};
use counting::ALLOCATIONS;
use http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// What the issue that asked for this set: at most so much of the peer's time, and so many allocations.
const BOUND: Bound = Bound { time: 0.5, allocations: 1.0 };

#[derive(Clone, Copy)]
struct Bound {
    time: f64,
    allocations: f64,
}

const PEER: &str = "opentelemetry_sdk 0.33";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let bench = if has("--test") { Bench { rounds: 3, times: 100 } } else { Bench { rounds: 101, times: 5_000 } };
    let mut missed = Vec::new();
    for state in [None, Some(STATE)] {
        for mut table in [reading(state), writing(state)] {
            bench.run(&mut table);
            table.report();
            missed.extend(table.missed());
        }
    }
    if has("--assert") {
        assert!(missed.is_empty(), "{missed:?}");
    }
}

struct Table {
    title: String,
    /// The last one is the peer.
    contenders: Vec<Contender>,
}

struct Contender {
    name: &'static str,
    /// Not if it does more than the peer.
    bound: Option<Bound>,
    work: Box<dyn Fn()>,
    nanos: Vec<f64>,
    allocations: f64,
}

impl Contender {
    fn new(name: &'static str, bound: Option<Bound>, work: impl Fn() + 'static) -> Self {
        Self { name, bound, work: Box::new(work), nanos: Vec::new(), allocations: 0.0 }
    }
}

/// The headers of a request, as a browser behind a proxy sends it.
fn request(state: Option<&'static str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in [http::header::HOST, http::header::USER_AGENT, http::header::ACCEPT, http::header::FORWARDED] {
        headers.insert(name, HeaderValue::from_static("something"));
    }
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    headers.insert(TRACEPARENT, HeaderValue::from_static(parent));
    if let Some(state) = state {
        headers.insert(TRACESTATE, HeaderValue::from_static(state));
    }
    headers
}

fn reading(state: Option<&'static str>) -> Table {
    let [alone, whole, peers] = [(); 3].map(|()| request(state));
    let propagator = TraceContextPropagator::new();
    let contenders = vec![
        Contender::new("traceparent and tracestate", Some(BOUND), move || {
            let headers = black_box(&alone);
            let parent = headers.get(TRACEPARENT).and_then(|value| Traceparent::parse(value.as_bytes()));
            let state = TraceState::parse(headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes));
            black_box((parent, state));
        }),
        Contender::new("TraceContext::from_headers", None, move || {
            black_box(TraceContext::from_headers(black_box(&whole)));
        }),
        Contender::new(PEER, None, move || {
            black_box(propagator.extract_with_context(&Context::new(), &HeaderExtractor(black_box(&peers))));
        }),
    ];
    Table { title: format!("read from a request, {}", shown(state)), contenders }
}

fn writing(state: Option<&'static str>) -> Table {
    let incoming = request(state);
    let [context, called] = [(); 2].map(|()| TraceContext::from_headers(&incoming));
    let propagator = TraceContextPropagator::new();
    let peers = propagator.extract_with_context(&Context::new(), &HeaderExtractor(&incoming));
    // Room is made in advance, for all alike.
    let room = || HeaderMap::with_capacity(8);
    let contenders = vec![
        writer("TraceContext::inject", Some(BOUND), room(), move |headers| context.inject(headers)),
        writer("TraceContext::add_to_call", Some(BOUND), room(), move |headers| called.add_to_call(headers)),
        writer(PEER, None, room(), move |headers| propagator.inject_context(&peers, &mut HeaderInjector(headers))),
    ];
    Table { title: format!("written to a call, {}", shown(state)), contenders }
}

fn writer(
    name: &'static str,
    bound: Option<Bound>,
    headers: HeaderMap,
    write: impl Fn(&mut HeaderMap) + 'static,
) -> Contender {
    let headers = std::cell::RefCell::new(headers);
    Contender::new(name, bound, move || {
        let mut headers = headers.borrow_mut();
        write(black_box(&mut headers));
        assert!(headers.contains_key(TRACEPARENT) && headers.len() <= [TRACEPARENT, TRACESTATE, X_REQUEST_ID].len());
        headers.clear();
    })
}

fn shown(state: Option<&str>) -> &'static str {
    if state.is_some() { "with a tracestate of two entries" } else { "without a tracestate" }
}

/// How much is measured.
struct Bench {
    rounds: usize,
    times: u32,
}

impl Bench {
    fn run(&self, table: &mut Table) {
        let clock = Clock::system();
        // The first round is for warming up.
        for round in 0..=self.rounds {
            for contender in &mut table.contenders {
                let allocations = ALLOCATIONS.get();
                let began = clock.now();
                (0..self.times).for_each(|_| (contender.work)());
                let took = clock.now() - began;
                contender.allocations = (ALLOCATIONS.get() - allocations) as f64 / f64::from(self.times);
                if round > 0 {
                    contender.nanos.push(took.as_secs_f64() * 1e9 / f64::from(self.times));
                }
            }
        }
    }
}

impl Table {
    fn ratio(&self, contender: &Contender) -> f64 {
        let peer = self.contenders.last().expect("the peer");
        median(contender.nanos.iter().zip(&peer.nanos).map(|(own, peers)| own / peers).collect())
    }

    fn report(&self) {
        println!("\n{}; median ns, allocations, ratio to {PEER} of the same round", self.title);
        for contender in &self.contenders {
            let nanos = median(contender.nanos.clone());
            let (allocations, ratio) = (contender.allocations, self.ratio(contender));
            println!("{:<30} {nanos:>7.0} {allocations:>5.1} {ratio:>7.3}", contender.name);
        }
    }

    fn missed(&self) -> Vec<String> {
        let is_missed = |own: &&Contender| {
            own.bound.is_some_and(|bound| self.ratio(own) > bound.time || own.allocations > bound.allocations)
        };
        let missed = self.contenders.iter().filter(is_missed);
        missed.map(|own| format!("{}: {} at {:.3}", self.title, own.name, self.ratio(own))).collect()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
