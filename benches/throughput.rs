//! Requests a second of a real server, with and without the layers, as `wrk` (Debian package `wrk`) counts them.
//!
//! Each contender serves the same route on a port of its own of the loopback interface; `wrk` asks them in turn, over
//! connections that are kept alive, in every other round in the opposite order. The figures are medians over rounds: of the
//! rate, and of its ratio to that of the same route without this crate in the same round, with the quartiles. The route
//! without this crate takes part twice, so that its second ratio shows what chance does. Server and `wrk` share the machine.
//!
//! `--test` asks each contender once, without `wrk`. `--only TEXT` leaves out what is not called so, for a profiler.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::monitoring::Variables;
use axum::Router;
use axum::routing::get;
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
}

impl Contender {
    fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    fn round(&mut self) {
        let wrk = Command::new("wrk").args(LOAD).arg(self.url()).output();
        let output = wrk.unwrap_or_else(|error| panic!("wrk cannot be run: {error}; on Debian it is the package wrk"));
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!report.contains("Non-2xx") && !report.contains("Socket errors"), "{report}");
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

/// The lower quartile, the median and the upper quartile.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[sorted.len() * quarter / 4])
}

fn routes() -> Router {
    Router::new().route("/api/v1/portfolios/{id}", get(async || "a portfolio"))
}

fn monitoring() -> Monitoring {
    Monitoring::builder("bench")
        .environment("test")
        .variables(Variables::from([]))
        .log(|log| log.sink(Sink::Writer(Box::new(std::io::sink()))))
        .build()
        .expect("valid settings")
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
        Contender { name, address, rates: Vec::new() }
    };
    let monitoring = monitoring();
    vec![
        serve(BASE, routes(), None),
        serve("the same once more", routes(), None),
        serve("axum::serve, HttpMetricsLayer", routes().layer(monitoring.http_metrics_layer()), None),
        serve("axum::serve, http_layer", routes().layer(monitoring.http_layer()), None),
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
    println!("wrk {}, {ROUNDS} rounds: median requests a second, ratio to {}", LOAD.join(" "), base.name);
    for contender in contenders {
        let [_, rate, _] = quartiles(&contender.rates);
        let [lower, ratio, upper] = quartiles(&contender.ratios_to(base));
        println!("{:<32} {rate:>10.0} {ratio:>8.3}  ({lower:.3} to {upper:.3})", contender.name);
    }
}
