//! Requests a second of a real server, with and without the layers, as `wrk` (Debian package `wrk`) counts them.
//!
//! Each contender serves the same route on a port of its own of the loopback interface; `wrk` asks them in turn, over
//! connections that are kept alive. The figures are medians over rounds, and the ratio to the same route without this
//! crate. Server and `wrk` share the machine. `--test` asks each contender once, without `wrk`.

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
const LOAD: [&str; 3] = ["--threads=1", "--connections=64", "--duration=2s"];

const ROUNDS: usize = 15;

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

    fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }
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
        serve("axum::serve, no layer", routes(), None),
        serve("axum::serve, HttpMetricsLayer", routes().layer(monitoring.http_metrics_layer()), None),
        serve("axum::serve, http_layer", routes().layer(monitoring.http_layer()), None),
        serve("Monitoring::serve, http_layer", routes().layer(monitoring.http_layer()), Some(monitoring)),
    ]
}

fn main() {
    let runtime = Runtime::new().expect("threads can be started");
    let mut contenders = contenders(&runtime);
    if std::env::args().any(|arg| arg == "--test") {
        contenders.iter().for_each(Contender::ask_once);
        println!("each contender answered once");
        return;
    }
    for contender in &mut contenders {
        contender.round();
        contender.rates.clear();
    }
    for _ in 0..ROUNDS {
        contenders.iter_mut().for_each(Contender::round);
    }
    println!("wrk {}: median requests a second, ratio to {}", LOAD.join(" "), contenders[0].name);
    for contender in &contenders {
        let ratio = contender.median() / contenders[0].median();
        println!("{:<32} {:>10.0} {:>8.3}", contender.name, contender.median(), ratio);
    }
}
