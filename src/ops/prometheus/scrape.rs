//! What Prometheus scrapes, and how it names it: `service`, `environment`, `instance`.

use std::time::Duration;

use super::promql::{JOB, PROBE_JOB, span};
use super::rules::HEADER;
use crate::alert::Pace;
use crate::ops::yaml::Yaml;

/// Where replicas are found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scrape {
    /// At addresses that are written down.
    Static(Vec<Target>),
    /// As pods.
    Kubernetes(KubernetesDiscovery),
    /// As tasks of ECS.
    Ecs(EcsDiscovery),
}

/// The replicas of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The service's name.
    pub service: String,
    /// Its environment, as `service_info` has it.
    pub environment: String,
    /// The admin addresses, such as `10.0.0.7:9464`.
    pub addresses: Vec<String>,
}

/// Pods with the annotation `aistm7.com/admin-port`. Their label `app.kubernetes.io/name` is the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesDiscovery {
    /// The environment of everything in this cluster.
    pub environment: String,
    /// The namespaces to look in; none for all.
    pub namespaces: Vec<String>,
}

/// Tasks as a discovery beside Prometheus writes them into files: Prometheus itself knows no ECS. Their label
/// `container_name` is the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsDiscovery {
    /// The environment of everything in these files.
    pub environment: String,
    /// The files, such as `/etc/prometheus/ecs/*.yml`.
    pub files: Vec<String>,
}

/// Public URLs that a blackbox_exporter asks, as `http_2xx`: the module of that name in its own configuration as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probes {
    /// Where it listens, such as `blackbox:9115`.
    pub exporter: String,
    /// What it asks.
    pub endpoints: Vec<PublicEndpoints>,
}

/// The public URLs of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicEndpoints {
    /// The service's name.
    pub service: String,
    /// Its environment, as `service_info` has it.
    pub environment: String,
    /// Such as `https://api.example.com/health/live`: the label `instance`, so without anything secret.
    pub urls: Vec<String>,
}

/// How long a scrape may take.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// `prometheus.yml`: what is scraped how often, where the rules are, and where alerts go, such as `["alertmanager:9093"]`.
pub fn scrape_config(scrape: &Scrape, probes: Option<&Probes>, alertmanagers: &[String], pace: Pace) -> String {
    let Pace { scrape: interval, evaluation, .. } = pace;
    let global = Yaml::map([
        ("scrape_interval", Yaml::bare(span(interval))),
        // Prometheus takes none that is longer than the interval.
        ("scrape_timeout", Yaml::bare(span(interval.min(SCRAPE_TIMEOUT)))),
        ("evaluation_interval", Yaml::bare(span(evaluation))),
    ]);
    let targets = Yaml::map([("targets", Yaml::texts(alertmanagers))]);
    let managers = Yaml::map([("static_configs", Yaml::List(vec![targets]))]);
    Yaml::map([
        ("global", global),
        ("rule_files", Yaml::texts(["rules/*.yml"])),
        ("alerting", Yaml::map([("alertmanagers", Yaml::List(vec![managers]))])),
        ("scrape_configs", Yaml::List([job(scrape)].into_iter().chain(probes.map(probe_job)).collect())),
    ])
    .document(HEADER)
}

fn job(scrape: &Scrape) -> Yaml {
    let job = Yaml::map([("job_name", Yaml::text(JOB))]);
    // What a process says of itself is said by its target already.
    let once =
        Yaml::map([("action", Yaml::text("labeldrop")), ("regex", Yaml::text("exported_(service|environment)"))]);
    let job = match scrape {
        Scrape::Static(targets) => job.with("static_configs", Yaml::List(targets.iter().map(static_config).collect())),
        Scrape::Kubernetes(KubernetesDiscovery { environment, namespaces }) => {
            let mut discovery = Yaml::map([("role", Yaml::text("pod"))]);
            if !namespaces.is_empty() {
                discovery = discovery.with("namespaces", Yaml::map([("names", Yaml::texts(namespaces))]));
            }
            let port = "__meta_kubernetes_pod_annotation_aistm7_com_admin_port";
            let relabelled = vec![
                relabel(&[port], "\\d+", None),
                relabel(&["__meta_kubernetes_pod_phase"], "Pending|Running", None),
                relabel(&["__meta_kubernetes_pod_ip", port], "(.+);(.+)", Some(("__address__", "$1:$2"))),
                relabel(&["__meta_kubernetes_pod_label_app_kubernetes_io_name"], "(.+)", Some(("service", "$1"))),
                relabel(&["__meta_kubernetes_pod_name"], "(.+)", Some(("instance", "$1"))),
                fixed("environment", environment),
                // A pod with several containers is found once for each.
                relabel(&["__meta_kubernetes_pod_container_init"], "false", None),
            ];
            job.with("kubernetes_sd_configs", Yaml::List(vec![discovery]))
                .with("relabel_configs", Yaml::List(relabelled))
        }
        Scrape::Ecs(EcsDiscovery { environment, files }) => {
            let discovery = Yaml::map([("files", Yaml::texts(files))]);
            let relabelled =
                vec![relabel(&["container_name"], "(.+)", Some(("service", "$1"))), fixed("environment", environment)];
            job.with("file_sd_configs", Yaml::List(vec![discovery])).with("relabel_configs", Yaml::List(relabelled))
        }
    };
    job.with("metric_relabel_configs", Yaml::List(vec![once]))
}

/// The exporter is asked, with the URL as a parameter.
fn probe_job(probes: &Probes) -> Yaml {
    let asked = probes.endpoints.iter().map(|of| targets(&of.service, &of.environment, &of.urls)).collect();
    let module = Yaml::map([("module", Yaml::texts(["http_2xx"]))]);
    let relabelled = vec![
        relabel(&["__address__"], "(.+)", Some(("__param_target", "$1"))),
        relabel(&["__address__"], "(.+)", Some(("instance", "$1"))),
        fixed("__address__", &probes.exporter),
    ];
    Yaml::map([
        ("job_name", Yaml::text(PROBE_JOB)),
        ("metrics_path", Yaml::text("/probe")),
        ("params", module),
        ("static_configs", Yaml::List(asked)),
        ("relabel_configs", Yaml::List(relabelled)),
    ])
}

fn static_config(target: &Target) -> Yaml {
    targets(&target.service, &target.environment, &target.addresses)
}

fn targets(service: &str, environment: &str, addresses: &[String]) -> Yaml {
    let labels = Yaml::map([("service", Yaml::text(service)), ("environment", Yaml::text(environment))]);
    Yaml::map([("targets", Yaml::texts(addresses)), ("labels", labels)])
}

/// Keeps targets whose labels match, or makes a label of them.
fn relabel(sources: &[&str], regex: &str, made: Option<(&str, &str)>) -> Yaml {
    let rule = Yaml::map([("source_labels", Yaml::texts(sources.iter().copied())), ("regex", Yaml::text(regex))]);
    match made {
        None => rule.with("action", Yaml::text("keep")),
        Some((label, value)) => rule.with("target_label", Yaml::text(label)).with("replacement", Yaml::text(value)),
    }
}

fn fixed(label: &str, value: &str) -> Yaml {
    Yaml::map([("target_label", Yaml::text(label)), ("replacement", Yaml::text(value))])
}
