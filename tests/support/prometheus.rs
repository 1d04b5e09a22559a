//! A private Prometheus.

use std::collections::BTreeMap;
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
        let server = Server::start(LAUNCH, Home::of_server("prometheus"), |home, port| {
            let path = |name: &str| home.path().join(name).display().to_string();
            home.write("prometheus.yml", &text);
            let own = [
                format!("--config.file={}", path("prometheus.yml")),
                format!("--storage.tsdb.path={}", path("data")),
                format!("--web.listen-address={}", loopback(port)),
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
        let path = format!("/api/v1/query?query={}", http::percent_encoded(expression));
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

/// Reads `{"metric": {"name": "value", …}, "value": [timestamp, "number"]}`.
fn sample(series: &Value) -> Sample {
    let labels = series["metric"].as_object().expect("labels are an object");
    let text = |value: &Value| value.as_str().expect("Prometheus writes strings here").to_owned();
    Sample {
        labels: labels.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        value: text(&series["value"][1]).parse().expect("a value is a number"),
    }
}
