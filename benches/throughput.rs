//! Requests a second of a real server, with and without the layers, as `wrk` (Debian package `wrk`) counts them.
//!
//! Each contender serves the same route on a port of its own of the loopback interface; `wrk` asks them in turn, over
//! connections that are kept alive, in every other round in the opposite order. The figures are medians over rounds: of the
//! rate, and of its ratio to that of the same route without this crate in the same round, with the quartiles. The route
//! without this crate takes part twice, so that its second ratio shows what chance does. A layer that does nothing, one that
//! does the least which measures anything, and two constant headers show what is not this crate's. Server and `wrk` share
//! the machine.
//!
//! Beside the rate stands what the server's threads are on a processor for a request, the kernel's work included.
//!
//! `--test` asks each contender once, without `wrk`. `--only TEXT` leaves out what is not called so, for a profiler.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "support/least.rs"]
mod least;
#[path = "support/monitoring.rs"]
mod monitoring;
#[path = "../tests/support/noop.rs"]
mod noop;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use aistm7_monitoring::Monitoring;
use axum::Router;
use axum::routing::get;
use least::Least;
use monitoring::monitoring;
use noop::Noop;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const PATH: &str = "/api/v1/portfolios/7";

/// Connections and seconds of each measurement.
const LOAD: [&str; 3] = ["--threads=1", "--connections=64", "--duration=1s"];

/// Even, so that each order has as many.
const ROUNDS: usize = 24;

const BASE: &str = "axum::serve, no layer";

struct Contender {
    name: &'static str,
    address: SocketAddr,
    rates: Vec<f64>,
    /// Of the server for each request, in nanoseconds.
    busy: Vec<f64>,
}

impl Contender {
    fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    fn round(&mut self) {
        let before = busy_nanos();
        let wrk = Command::new("wrk").args(LOAD).arg(self.url()).output();
        let output = wrk.unwrap_or_else(|error| panic!("wrk cannot be run: {error}; on Debian it is the package wrk"));
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!report.contains("Non-2xx") && !report.contains("Socket errors"), "{report}");
        let busy = busy_nanos() - before;
        let requests = report.lines().find_map(|line| line.split_once(" requests in ")?.0.trim().parse::<f64>().ok());
        self.busy.push(busy / requests.unwrap_or_else(|| panic!("no number of requests in {report:?}")));
        let rate = report.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
        self.rates.push(rate.unwrap_or_else(|| panic!("no rate in {report:?}")));
    }

    fn ask_once(&self) {
        let mut connection = TcpStream::connect(self.address).expect("the server listens");
        let request = format!("GET {PATH} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("the server answers");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("a portfolio"), "{answer}");
    }

    /// The ratios to another one, round by round.
    fn ratios_to(&self, other: &Self) -> Vec<f64> {
        self.rates.iter().zip(&other.rates).map(|(own, other)| own / other).collect()
    }
}

/// How long this process was on a processor, `wrk` excluded.
fn busy_nanos() -> f64 {
    let threads = fs::read_dir("/proc/self/task").expect("Linux tells").flatten();
    let busy = threads.filter_map(|thread| {
        let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<f64>().ok()
    });
    busy.sum()
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[sorted.len() * quarter / 4])
}

fn routes() -> Router {
    Router::new().route("/api/v1/portfolios/{id}", get(async || "a portfolio"))
}

/// As many bytes as both layers add, without a layer: what the headers cost whoever sends them.
fn routes_with_headers() -> Router {
    const ID: &str = "0194f5a0-7b7e-7c1d-9a3e-5f0c8d2b4e6a";
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
    let answer = async || ([("x-request-id", ID), ("traceresponse", TRACE)], "a portfolio");
    Router::new().route("/api/v1/portfolios/{id}", get(answer))
}

fn contenders(runtime: &Runtime) -> Vec<Contender> {
    let serve = |name, app: Router, by: Option<Monitoring>| {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        runtime.spawn(async move {
            match by {
                Some(monitoring) => drop(monitoring.serve(listener, app).await),
                None => drop(axum::serve(listener, app).await),
            }
        });
        Contender { name, address, rates: Vec::new(), busy: Vec::new() }
    };
    let monitoring = monitoring();
    vec![
        serve(BASE, routes(), None),
        serve("the same once more", routes(), None),
        serve("axum::serve, two headers", routes_with_headers(), None),
        serve("axum::serve, no-op layer", routes().layer(Noop), None),
        serve("axum::serve, least layer", routes().layer(Least::new()), None),
        serve("axum::serve, HttpMetricsLayer", routes().layer(monitoring.http_metrics_layer()), None),
        serve("axum::serve, http_layer", routes().layer(monitoring.http_layer()), None),
        serve("Monitoring::serve, no layer", routes(), Some(monitoring.clone())),
        serve("Monitoring::serve, http_layer", routes().layer(monitoring.http_layer()), Some(monitoring)),
    ]
}

fn main() {
    let runtime = Runtime::new().expect("threads can be started");
    let mut contenders = contenders(&runtime);
    let arguments: Vec<_> = std::env::args().collect();
    if arguments.iter().any(|arg| arg == "--test") {
        contenders.iter().for_each(Contender::ask_once);
        println!("each contender answered once");
        return;
    }
    if let Some(only) = arguments.iter().position(|arg| arg == "--only").and_then(|at| arguments.get(at + 1)) {
        contenders.retain(|contender| contender.name.contains(only));
    }
    for contender in &mut contenders {
        contender.round();
        contender.rates.clear();
        contender.busy.clear();
    }
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            contenders.iter_mut().for_each(Contender::round);
        } else {
            contenders.iter_mut().rev().for_each(Contender::round);
        }
    }
    report(&contenders);
}

fn report(contenders: &[Contender]) {
    let Some(base) = contenders.first() else { return };
    println!("wrk {}, {ROUNDS} rounds; ratios to {}", LOAD.join(" "), base.name);
    println!("{:<32} {:>10} {:>8}  {:<18} {:>16}", "", "requests/s", "ratio", "quartiles", "ns on processor");
    for contender in contenders {
        let [_, rate, _] = quartiles(&contender.rates);
        let [lower, ratio, upper] = quartiles(&contender.ratios_to(base));
        let [_, busy, _] = quartiles(&contender.busy);
        println!("{:<32} {rate:>10.0} {ratio:>8.3}  ({lower:.3} to {upper:.3})   {busy:>16.0}", contender.name);
    }
}
