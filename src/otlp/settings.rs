//! What code and environment say together, for each signal: its own variables, then those of all signals, then the options.

use std::fs;
use std::str::FromStr;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::delivery::{Delivery, Request};
use super::error::OtlpError;
use super::options::{Compression, OtlpOptions};
use super::signal::Signal;
use crate::error::InvalidValue;
use crate::percent;
use crate::redact::REDACTED;
use crate::transport::Endpoint;

/// The names of OpenTelemetry's variables of the exporter: of one signal, or of all.
#[derive(Clone, Copy)]
pub(super) struct Variables {
    endpoint: &'static str,
    headers: &'static str,
    timeout: &'static str,
    compression: &'static str,
    certificate: &'static str,
    protocol: &'static str,
}

macro_rules! variables {
    ($signal:literal) => {
        Variables {
            endpoint: concat!("OTEL_EXPORTER_OTLP_", $signal, "ENDPOINT"),
            headers: concat!("OTEL_EXPORTER_OTLP_", $signal, "HEADERS"),
            timeout: concat!("OTEL_EXPORTER_OTLP_", $signal, "TIMEOUT"),
            compression: concat!("OTEL_EXPORTER_OTLP_", $signal, "COMPRESSION"),
            certificate: concat!("OTEL_EXPORTER_OTLP_", $signal, "CERTIFICATE"),
            protocol: concat!("OTEL_EXPORTER_OTLP_", $signal, "PROTOCOL"),
        }
    };
}

impl Variables {
    const ALL: Self = variables!("");
    pub(super) const TRACES: Self = variables!("TRACES_");
    pub(super) const LOGS: Self = variables!("LOGS_");
}

/// How a signal gets to its collector.
pub(super) fn delivery<S: Signal>(
    options: &OtlpOptions,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Delivery, OtlpError> {
    let settings = Settings { own: S::VARIABLES, variable };
    settings.check_protocol()?;
    let endpoint = settings.endpoint(&options.endpoint)?;
    let uri = if variable(S::VARIABLES.endpoint).is_some() { endpoint.uri().clone() } else { endpoint.below(S::PATH) };
    let request = Request { uri, headers: settings.headers(options)?, compression: settings.compression(options)? };
    Ok(Delivery::new(endpoint, request, settings.timeout(options)?))
}

/// The environment, as one signal reads it.
struct Settings<'a> {
    own: Variables,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Settings<'_> {
    /// The name of the variable that counts, and what it says.
    fn get(&self, name: impl Fn(&Variables) -> &'static str) -> Option<(&'static str, String)> {
        [name(&self.own), name(&Variables::ALL)].into_iter().find_map(|name| Some((name, (self.variable)(name)?)))
    }

    fn check_protocol(&self) -> Result<(), InvalidValue> {
        match self.get(|names| names.protocol) {
            Some((name, other)) if other != "http/protobuf" => {
                Err(InvalidValue::new(name, other, "http/protobuf, the one protocol that is spoken here"))
            }
            _ => Ok(()),
        }
    }

    fn endpoint(&self, otherwise: &str) -> Result<Endpoint, OtlpError> {
        let said = self.get(|names| names.endpoint);
        let (setting, url) = said.as_ref().map_or(("OtlpOptions::endpoint", otherwise), |(name, url)| (*name, url));
        let mut endpoint = Endpoint::new(url).map_err(|source| OtlpError::Endpoint { setting, source })?;
        if let Some((setting, path)) = self.get(|names| names.certificate) {
            let pem = fs::read_to_string(path).map_err(|source| OtlpError::Certificate { setting, source })?;
            endpoint.pin(&pem).map_err(|source| OtlpError::Endpoint { setting, source })?;
        }
        Ok(endpoint)
    }

    /// Those of the options, with those of the environment in place of the ones of their names.
    fn headers(&self, options: &OtlpOptions) -> Result<HeaderMap, InvalidValue> {
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            insert(&mut headers, "OTLP header", name, value.expose())?;
        }
        if let Some((variable, text)) = self.get(|names| names.headers) {
            for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
                // Without a name all of it may be a secret.
                let refused = || InvalidValue::new(variable, REDACTED, HEADERS_RULE);
                let (name, value) = pair.split_once('=').ok_or_else(refused)?;
                insert(&mut headers, variable, name.trim(), &percent::decoded(value.trim()).ok_or_else(refused)?)?;
            }
        }
        Ok(headers)
    }

    fn timeout(&self, options: &OtlpOptions) -> Result<Duration, InvalidValue> {
        const RULE: &str = "a number of milliseconds from 1";
        match self.get(|names| names.timeout) {
            Some((name, text)) => match text.parse() {
                Ok(milliseconds @ 1..) => Ok(Duration::from_millis(milliseconds)),
                _ => Err(InvalidValue::new(name, text, RULE)),
            },
            None if options.timeout.is_zero() => Err(InvalidValue::new("OTLP timeout", 0, RULE)),
            None => Ok(options.timeout),
        }
    }

    fn compression(&self, options: &OtlpOptions) -> Result<Compression, InvalidValue> {
        self.get(|names| names.compression).map_or(Ok(options.compression), |(name, text)| {
            Compression::parse(&text).ok_or_else(|| InvalidValue::new(name, text, "gzip or none"))
        })
    }
}

const HEADERS_RULE: &str = "name=value pairs with commas between, values percent-encoded, of visible ASCII";

fn insert(headers: &mut HeaderMap, setting: &'static str, name: &str, value: &str) -> Result<(), InvalidValue> {
    let refused = || InvalidValue::new(setting, name, HEADERS_RULE);
    let name = HeaderName::from_str(name).map_err(|_| refused())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
