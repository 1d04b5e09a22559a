//! Who this process is: said once, by code or environment, and shown in `service_info`.

use super::variables::Variables;
use crate::error::{InvalidValue, check_name};
use crate::metrics::{Definition, DefinitionError, Family, Gauge, LabelValue, Meter};
use crate::percent;

static SERVICE_INFO: Definition =
    Definition::gauge("service_info", "Always 1: which service, environment and version this process is.").labels(&[
        "service",
        "environment",
        "version",
        "revision",
        "crate_version",
        "catalog",
        "workload",
        "rustc",
    ]);

/// The identity of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The service's name, in every log line.
    pub service: String,
    /// `prod`, `staging`, `dev` or another name.
    pub environment: String,
    /// The service's version, or `unknown`.
    pub version: String,
    /// The revision that the service was built from, or `unknown`.
    pub revision: String,
    /// What kind of work the process does.
    pub workload: Workload,
    /// How many replicas the service is declared to have.
    pub replicas: u32,
    /// What this process is called among the replicas, in alerts of its own: `service.instance.id` of
    /// `OTEL_RESOURCE_ATTRIBUTES`, else the name of the host, which in a container is that of the pod or task.
    pub instance: Option<String>,
}

/// What kind of work a process does. Rules treat them differently: a batch may use all of its CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Workload {
    /// Answers requests.
    #[default]
    Service,
    /// Works through jobs.
    Batch,
}

impl Workload {
    /// The value of the `workload` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// What code says of the identity; the environment overrides it.
#[derive(Clone, Debug, Default)]
pub(super) struct Declared {
    pub(super) service: String,
    pub(super) environment: Option<String>,
    pub(super) version: Option<String>,
    pub(super) revision: Option<String>,
    pub(super) workload: Workload,
    pub(super) replicas: Option<u32>,
}

/// Whether somebody said which environment this is, or it was assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EnvironmentWas {
    Said,
    Assumed,
}

/// The environment of a process that nobody told.
const ASSUMED_ENVIRONMENT: &str = "dev";

/// What nobody said.
pub(super) const UNKNOWN: &str = "unknown";

impl Identity {
    /// Settles each part: `AISTM7_*` over OpenTelemetry's variables over code.
    pub(super) fn resolve(declared: Declared, variables: &Variables) -> Result<(Self, EnvironmentWas), InvalidValue> {
        let attributes = ResourceAttributes::read(variables)?;
        let service = variables
            .get("AISTM7_SERVICE")
            .or_else(|| variables.get("OTEL_SERVICE_NAME"))
            .or_else(|| attributes.get(&["service.name"]))
            .unwrap_or(declared.service);
        check_name("service name", &service)?;

        let environment = variables
            .get("AISTM7_ENVIRONMENT")
            .or_else(|| attributes.get(&["deployment.environment.name", "deployment.environment"]))
            .or(declared.environment);
        let was = if environment.is_some() { EnvironmentWas::Said } else { EnvironmentWas::Assumed };
        let environment = normalised(environment.unwrap_or_else(|| ASSUMED_ENVIRONMENT.to_owned()));
        check_name("environment", &environment)?;

        let version = variables
            .get("AISTM7_VERSION")
            .or_else(|| attributes.get(&["service.version"]))
            .or(declared.version)
            .unwrap_or_else(|| UNKNOWN.to_owned());
        check_version("version", &version)?;

        let revision = variables.get("AISTM7_REVISION").or(declared.revision).unwrap_or_else(|| UNKNOWN.to_owned());
        check_version("revision", &revision)?;

        let replicas = match variables.get("AISTM7_REPLICAS") {
            Some(text) => check_replicas(text.parse().ok(), &text).map_err(|refused| refused.of("AISTM7_REPLICAS"))?,
            None => check_replicas(Some(declared.replicas.unwrap_or(1)), "0")?,
        };
        let instance = attributes.get(&["service.instance.id"]).or_else(|| host_name(variables));
        let workload = declared.workload;
        Ok((Self { service, environment, version, revision, workload, replicas, instance }, was))
    }

    /// Shows the identity in `service_info`.
    pub(super) fn register(&self, meter: &Meter) -> Result<(), DefinitionError> {
        let family: Family<Gauge, 8> = meter.gauge(&SERVICE_INFO)?;
        let shown = |value: &str| LabelValue::capped(value);
        family
            .series([
                shown(&self.service),
                shown(&self.environment),
                shown(&self.version),
                shown(&self.revision),
                env!("CARGO_PKG_VERSION").into(),
                // The catalog of metrics changes with the crate only, so the crate's version names it.
                env!("CARGO_PKG_VERSION").into(),
                self.workload.as_str().into(),
                // Found by the build script.
                env!("AISTM7_RUSTC").into(),
            ])
            .set(1.0);
        Ok(())
    }
}

/// The long names that people write for an environment, in the form that rules select.
fn normalised(environment: String) -> String {
    match environment.to_ascii_lowercase().as_str() {
        "production" => "prod".to_owned(),
        "stage" => "staging".to_owned(),
        "development" => "dev".to_owned(),
        other => other.to_owned(),
    }
}

/// As container runtimes and shells have it in the environment, else as Linux has it.
fn host_name(variables: &Variables) -> Option<String> {
    let of_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = variables.get("HOSTNAME").or_else(of_kernel)?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn check_version(what: &'static str, value: &str) -> Result<(), InvalidValue> {
    let sane = (1..=128).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
    if sane { Ok(()) } else { Err(InvalidValue::new(what, value, "1 to 128 visible ASCII characters")) }
}

fn check_replicas(replicas: Option<u32>, shown: &str) -> Result<u32, InvalidValue> {
    replicas.filter(|count| *count > 0).ok_or_else(|| InvalidValue::new("replicas", shown, "a whole number from 1"))
}

/// `OTEL_RESOURCE_ATTRIBUTES`: `key=value` pairs with commas between, values percent-encoded.
pub(super) struct ResourceAttributes(Vec<(String, String)>);

impl ResourceAttributes {
    pub(super) fn read(variables: &Variables) -> Result<Self, InvalidValue> {
        let text = variables.get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).map(|pair| {
            let decoded =
                pair.split_once('=').and_then(|(key, value)| Some((key.trim(), percent::decoded(value.trim())?)));
            let rule = "key=value pairs with commas between, values percent-encoded";
            let invalid = || InvalidValue::new("OTEL_RESOURCE_ATTRIBUTES", pair, rule);
            decoded.map(|(key, value)| (key.to_owned(), value)).ok_or_else(invalid)
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn get(&self, keys: &[&str]) -> Option<String> {
        let of_key = |key: &&str| self.0.iter().find(|(name, _)| name == key);
        keys.iter().find_map(of_key).map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    }

    #[cfg(feature = "otlp")]
    pub(super) fn into_pairs(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Declared {
        Declared {
            service: "risk-analysis".to_owned(),
            environment: Some("production".to_owned()),
            ..Declared::default()
        }
    }

    #[test]
    fn environment_overrides_code_and_our_names_override_others() {
        let otel = [
            ("OTEL_SERVICE_NAME", "otel"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.version=1%2E2,deployment.environment.name=stage"),
        ];
        let (identity, was) = Identity::resolve(declared(), &Variables::from(otel)).unwrap();
        assert_eq!((&*identity.service, &*identity.environment, &*identity.version), ("otel", "staging", "1.2"));
        assert_eq!(was, EnvironmentWas::Said);

        let ours =
            Variables::from([("AISTM7_SERVICE", "ours"), ("OTEL_SERVICE_NAME", "otel"), ("AISTM7_REPLICAS", "3")]);
        let (identity, _) = Identity::resolve(declared(), &ours).unwrap();
        assert_eq!((&*identity.service, &*identity.environment, identity.replicas), ("ours", "prod", 3));
    }

    #[test]
    fn unsaid_environment_is_dev_and_known_to_be_assumed() {
        let declared = Declared { environment: None, ..declared() };
        let (identity, was) = Identity::resolve(declared, &Variables::from([])).unwrap();
        assert_eq!((&*identity.environment, was), ("dev", EnvironmentWas::Assumed));
    }

    #[test]
    fn instance_is_what_the_attributes_say_or_the_host() {
        for (pairs, instance) in [
            ([("HOSTNAME", "orders-7d4f"), ("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=a%2F1")], "a/1"),
            ([("HOSTNAME", "orders-7d4f"), ("OTEL_RESOURCE_ATTRIBUTES", "service.version=1")], "orders-7d4f"),
        ] {
            let (identity, _) = Identity::resolve(declared(), &Variables::from(pairs)).unwrap();
            assert_eq!(identity.instance.as_deref(), Some(instance));
        }
    }

    #[test]
    fn bad_values_are_named_with_their_rule() {
        for pair in [
            ("AISTM7_SERVICE", "Risk Analysis"),
            ("AISTM7_ENVIRONMENT", "pro\nd"),
            ("AISTM7_VERSION", "a b"),
            ("AISTM7_REVISION", "\u{7f}"),
            ("AISTM7_REPLICAS", "0"),
            ("AISTM7_REPLICAS", "many"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=%zz"),
        ] {
            let refused = Identity::resolve(declared(), &Variables::from([pair])).unwrap_err();
            assert!(!refused.rule().is_empty(), "{pair:?}");
        }
    }
}
