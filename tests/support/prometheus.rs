//! A private Prometheus.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use super::home::Home;
use super::http;
use super::port::loopback;
use super::server::{Launch, Server};
use super::tool;

const LAUNCH: Launch = Launch { tool: tool::PROMETHEUS, ready: "Server is ready to receive web requests" };

/// One series of an instant query's answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    /// All labels, `__name__` included if the expression keeps it.
    pub(crate) labels: BTreeMap<String, String>,
    /// The value now.
    pub(crate) value: f64,
}

/// One exemplar of a series.
#[derive(Debug, PartialEq)]
pub(crate) struct Exemplar {
    /// All labels of the series, `__name__` included.
    pub(crate) series: BTreeMap<String, String>,
    /// Its own, such as `trace_id`.
    pub(crate) labels: BTreeMap<String, String>,
    /// The sample.
    pub(crate) value: f64,
    /// When it was recorded.
    pub(crate) unix_seconds: f64,
}

/// From 1970 to the year 2200, in seconds: exemplars are asked for by the time of their samples.
const END_OF_TIME: &str = "&start=0&end=7258118400";

/// A Prometheus server that scrapes every second.
pub(crate) struct Prometheus {
    server: Server,
}

impl Prometheus {
    /// Starts a server that scrapes `/metrics` of these addresses. `options` are further lines of the scrape configuration,
    /// such as `("honor_labels", "true")`; a value may be any YAML in flow style.
    #[track_caller]
    pub(crate) fn scraping(targets: &[SocketAddr], options: &[(&str, &str)]) -> Self {
        Self::start(targets, options, &[])
    }

    /// As [`Prometheus::scraping`], taking native histograms, for which it asks in the protobuf format.
    #[track_caller]
    pub(crate) fn scraping_native_histograms(targets: &[SocketAddr]) -> Self {
        Self::start(targets, &[], &["--enable-feature=native-histograms"])
    }

    #[track_caller]
    fn start(targets: &[SocketAddr], options: &[(&str, &str)], flags: &[&str]) -> Self {
        let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
        let mut text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             scrape_configs:\n  \
             - job_name: test\n    \
             static_configs: [{{targets: [{}]}}]\n",
            targets.join(", ")
        );
        for (name, value) in options {
            text.push_str(&format!("    {name}: {value}\n"));
        }
        Self::operated(&text, &[], "", flags)
    }

    /// Starts a server with this `prometheus.yml`, with rule files by name in the folder `rules` beside it, and with samples
    /// from before its start, in the OpenMetrics format, if there are any.
    #[track_caller]
    pub(crate) fn operated(configuration: &str, rules: &[(&str, &str)], history: &str, flags: &[&str]) -> Self {
        let server = Server::start(LAUNCH, Home::of_server("prometheus"), |home, port| {
            let path = |name: &str| home.path().join(name).display().to_string();
            home.write("prometheus.yml", configuration);
            fs::create_dir_all(home.path().join("rules")).expect("a folder can be made");
            for (name, text) in rules {
                home.write(&format!("rules/{name}"), text);
            }
            if !history.is_empty() {
                remember(home, history);
            }
            let own = [
                format!("--config.file={}", path("prometheus.yml")),
                format!("--storage.tsdb.path={}", path("data")),
                format!("--web.listen-address={}", loopback(port)),
                "--enable-feature=exemplar-storage".to_owned(),
            ];
            own.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned())).map(Into::into).collect()
        });
        Self { server }
    }

    /// Where its API answers.
    pub(crate) fn address(&self) -> SocketAddr {
        loopback(self.server.port())
    }

    /// What the server has printed since its start.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    /// The `data` of an instant query's answer.
    ///
    /// # Panics
    /// When Prometheus refuses the expression.
    #[track_caller]
    pub(crate) fn query(&self, expression: &str) -> Value {
        self.ask("query", expression, "")
    }

    /// The exemplars stored of an expression's series since the beginning.
    ///
    /// # Panics
    /// When Prometheus refuses the expression.
    #[track_caller]
    pub(crate) fn exemplars(&self, expression: &str) -> Vec<Exemplar> {
        let data = self.ask("query_exemplars", expression, END_OF_TIME);
        let series = data.as_array().expect("series are an array").iter();
        let of = |series: &Value| series["exemplars"].as_array().expect("exemplars are an array").clone();
        series.flat_map(|series| of(series).into_iter().map(move |one| exemplar(series, &one))).collect()
    }

    /// The `data` of an answer.
    #[track_caller]
    fn ask(&self, endpoint: &str, expression: &str, parameters: &str) -> Value {
        let path = format!("/api/v1/{endpoint}?query={}{parameters}", http::percent_encoded(expression));
        let response = http::get(self.address(), &path, &[]).expect("Prometheus answers");
        let mut answer = response.json();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"].take()
    }

    /// The series of an expression that gives an instant vector.
    ///
    /// # Panics
    /// When Prometheus refuses the expression, or it gives something else.
    #[track_caller]
    pub(crate) fn samples(&self, expression: &str) -> Vec<Sample> {
        let data = self.query(expression);
        assert_eq!(data["resultType"], "vector", "{expression}: {data}");
        let series = data["result"].as_array().expect("a vector is an array");
        series.iter().map(sample).collect()
    }

    /// The value of an expression that gives one series; `None` while it gives none.
    ///
    /// # Panics
    /// When it gives several, or no instant vector.
    #[track_caller]
    pub(crate) fn value(&self, expression: &str) -> Option<f64> {
        let samples = self.samples(expression);
        assert!(samples.len() < 2, "{expression} gives several series: {samples:?}");
        samples.first().map(|sample| sample.value)
    }
}

/// Makes what a server in this directory has stored already.
fn remember(home: &Home, history: &str) {
    let [samples, data] = [home.write("history.txt", history), home.path().join("data")];
    let arguments = ["tsdb", "create-blocks-from", "openmetrics"].map(OsStr::new);
    let output = home
        .command(&tool::PROMTOOL.require())
        .args(arguments.into_iter().chain([samples.as_os_str(), data.as_os_str()]))
        .output()
        .expect("promtool can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Reads one exemplar of `{"seriesLabels": {…}, "exemplars": [{"labels": {…}, "value": "number", "timestamp": seconds}, …]}`.
fn exemplar(series: &Value, exemplar: &Value) -> Exemplar {
    Exemplar {
        series: labels(&series["seriesLabels"]),
        labels: labels(&exemplar["labels"]),
        value: text(&exemplar["value"]).parse().expect("a value is a number"),
        unix_seconds: exemplar["timestamp"].as_f64().expect("a timestamp is a number"),
    }
}

fn labels(labels: &Value) -> BTreeMap<String, String> {
    let labels = labels.as_object().expect("labels are an object");
    labels.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("Prometheus writes strings here").to_owned()
}

/// Reads `{"metric": {"name": "value", …}, "value": [timestamp, "number"]}`.
fn sample(series: &Value) -> Sample {
    Sample { labels: labels(&series["metric"]), value: text(&series["value"][1]).parse().expect("a value is a number") }
}
