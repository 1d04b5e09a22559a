//! Prometheus' Pushgateway.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use hyper::body::Bytes;

use super::destination::sealed::Deliver;
use super::destination::{Delivering, Destination, Origin, Replace};
use super::error::PushError;
use super::page::Page;
use crate::error::InvalidValue;
use crate::metrics::exposition::Format;
use crate::percent;
use crate::redact::{scrub_text, scrub_url};
use crate::transport::{Endpoint, EndpointError, HttpAnswer};

/// A Pushgateway, which keeps what it was pushed last until Prometheus scrapes it, and longer: it never forgets.
///
/// Each job is a group of its own, `{job, service, environment}`, with further ones below it for what
/// [outlasts its runs](super). Prometheus needs `honor_labels: true` for the gateway, or
/// it takes them for the gateway's. When a group was last pushed is the gateway's `push_time_seconds`.
///
/// ```
/// use aistm7_monitoring::push::Pushgateway;
///
/// let gateway = Pushgateway::new("https://batch:hunter2@gateway.example.com/push")?;
/// assert!(!format!("{gateway:?}").contains("hunter2"));
/// # Ok::<(), aistm7_monitoring::push::EndpointError>(())
/// ```
#[derive(Debug)]
pub struct Pushgateway {
    endpoint: Endpoint,
    /// Marked as sensitive, so that nobody prints it.
    authorization: Option<HeaderValue>,
    instance: Option<String>,
}

impl Pushgateway {
    /// The gateway at `url`, such as `http://gateway:9091`; a path is that under which a proxy has it. A user and password
    /// in it, percent-encoded, are sent as basic authorization and never shown.
    ///
    /// An https gateway must be trusted by the system unless [`Pushgateway::pinned_certificate`] says otherwise.
    ///
    /// # Errors
    /// When `url` is no http or https URL or holds a query; when TLS cannot be set up.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let (url, authorization) = split_credentials(url)?;
        let endpoint = Endpoint::new(&url)?;
        if endpoint.uri().query().is_some() {
            return Err(InvalidValue::new("URL", scrub_url(&url), "holds no query").into());
        }
        Ok(Self { endpoint, authorization, instance: None })
    }

    /// Accepts the certificates in `pem`, and what they vouch for, and no other.
    ///
    /// # Errors
    /// When there is no certificate in `pem`.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.endpoint.pin(pem)?;
        Ok(self)
    }

    /// Gives each instance a group of its own, for a job that runs on several machines that are there to stay.
    ///
    /// Not for names that are new with each run, such as those of containers: each would leave a group behind for ever.
    #[must_use]
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// The labels of a job's group. `job` comes first in the path.
    fn group<'a>(&'a self, origin: &'a Origin) -> Vec<(&'static str, &'a str)> {
        let mut group = vec![("job", &*origin.job), ("service", &origin.service), ("environment", &origin.environment)];
        group.extend(self.instance.as_deref().map(|instance| ("instance", instance)));
        group
    }

    fn uri(&self, group: &[(&str, &str)]) -> Uri {
        let base = self.endpoint.uri();
        let group: String = group.iter().map(|(label, value)| segments(label, value)).collect();
        let mut parts = base.clone().into_parts();
        let path = format!("{}/metrics{group}", base.path().trim_end_matches('/'));
        parts.path_and_query = Some(path.parse().expect("OK because it is the path of a URL and letters of base64"));
        Uri::from_parts(parts).expect("OK because scheme and host are those of a URL")
    }

    fn request(&self, method: Method, group: &[(&str, &str)], page: &Page) -> Request<Bytes> {
        let mut request = Request::new(page.to_string().into());
        *request.uri_mut() = self.uri(group);
        *request.method_mut() = method;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Format::Text.content_type()));
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        request
    }

    fn verdict(&self, answer: &HttpAnswer) -> Result<(), PushError> {
        if answer.status.is_success() {
            return Ok(());
        }
        let said: String = String::from_utf8_lossy(&answer.body).trim().chars().take(SHOWN_CHARS).collect();
        Err(PushError::Refused { gateway: self.shown(), status: answer.status.as_u16(), answer: scrub_text(&said) })
    }
}

/// Chosen: the gateway's reason for a refusal in full, and no page of a proxy.
const SHOWN_CHARS: usize = 300;

impl Destination for Pushgateway {}

#[allow(private_interfaces, reason = "sealed: nobody outside calls it")]
impl Deliver for Pushgateway {
    fn shown(&self) -> String {
        scrub_url(&self.endpoint.uri().to_string())
    }

    fn deliver(&self, origin: &Origin, page: Page, replace: Replace) -> Delivering<'_> {
        let group = self.group(origin);
        let (page, lasting) = page.clear_of(&group).apart();
        let method = match replace {
            Replace::Families => Method::POST,
            Replace::Everything => Method::PUT,
        };
        let mut requests = vec![self.request(method, &group, &page)];
        // A page that has not all of these families leaves the others of the group alone.
        requests.extend(lasting.iter().map(|(labels, page)| {
            let labels = labels.iter().map(|(label, value)| (label.as_str(), value.as_str()));
            let group: Vec<_> = group.iter().copied().chain(labels).collect();
            self.request(Method::POST, &group, page)
        }));
        Box::pin(async {
            for request in requests {
                let answer = self.endpoint.send(request).await;
                let answer =
                    answer.map_err(|error| PushError::NoAnswer { gateway: self.shown(), source: error.into() })?;
                self.verdict(&answer)?;
            }
            Ok(())
        })
    }
}

/// `/label/value` of the group's path. What a path could mistake is base64.
fn segments(label: &str, value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    match value {
        // Encoded it would be empty again, which is no segment.
        "" => format!("/{label}@base64/="),
        "." | ".." => encoded(label, value),
        _ if value.bytes().all(is_plain) => format!("/{label}/{value}"),
        _ => encoded(label, value),
    }
}

fn encoded(label: &str, value: &str) -> String {
    format!("/{label}@base64/{}", URL_SAFE_NO_PAD.encode(value))
}

/// The URL without its user and password, and those as a header.
fn split_credentials(url: &str) -> Result<(String, Option<HeaderValue>), InvalidValue> {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (credentials, host_and_path) = rest.rsplit_once('@')?;
        Some((format!("{scheme}://{host_and_path}"), credentials))
    });
    let Some((bare, credentials)) = parts else {
        return Ok((url.to_owned(), None));
    };
    let invalid = || InvalidValue::new("URL", scrub_url(url), "its user and password are percent-encoded");
    // What is written raw would end the credentials before their end, and the rest would be taken for a host.
    if credentials.contains(['/', '?', '#', '@']) {
        return Err(invalid());
    }
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let (Some(user), Some(password)) = (percent::decoded(user), percent::decoded(password)) else {
        return Err(invalid());
    };
    let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut header = HeaderValue::try_from(header).expect("OK because base64 is visible ASCII");
    header.set_sensitive(true);
    Ok((bare, Some(header)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin { job: "nightly-var".into(), service: "risk".into(), environment: "prod".into() }
    }

    fn path(gateway: &Pushgateway) -> String {
        gateway.uri(&gateway.group(&origin())).to_string()
    }

    #[test]
    fn group_is_the_path_below_that_of_the_url() {
        let group = "metrics/job/nightly-var/service/risk/environment/prod";
        for base in ["http://gateway:9091", "http://gateway:9091/"] {
            assert_eq!(path(&Pushgateway::new(base).unwrap()), format!("http://gateway:9091/{group}"));
        }
        let below = Pushgateway::new("http://gateway/push/").unwrap().instance("a-1");
        assert_eq!(path(&below), format!("http://gateway/push/{group}/instance/a-1"));
    }

    #[test]
    fn values_that_a_path_would_mistake_are_base64() {
        for (value, expected) in [
            ("plain-1.2_3~", "/a/plain-1.2_3~"),
            ("", "/a@base64/="),
            ("..", "/a@base64/Li4"),
            ("/var/tmp", "/a@base64/L3Zhci90bXA"),
            ("ä?>", "/a@base64/w6Q_Pg"),
        ] {
            assert_eq!(segments("a", value), expected);
        }
    }

    #[test]
    fn credentials_become_a_header_and_are_shown_nowhere() {
        let gateway = Pushgateway::new("http://batch:hunter%402@gateway:9091/key").unwrap();
        // base64 of `batch:hunter@2`
        assert_eq!(gateway.authorization.as_ref().unwrap(), "Basic YmF0Y2g6aHVudGVyQDI=");
        let shown = format!("{gateway:?} {}", gateway.shown());
        for secret in ["hunter", "batch", "YmF0", "key"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(path(&gateway).starts_with("http://gateway:9091/key/metrics/job/"));
        assert!(Pushgateway::new("http://gateway:9091").unwrap().authorization.is_none());
    }

    #[test]
    fn urls_that_cannot_be_pushed_to_are_refused_without_their_secrets() {
        for url in [
            "",
            "gateway:9091",
            "ftp://gateway",
            "http://u:secret%zz@gateway",
            "http://u:sec/ret@gateway",
            "http://u:secret@",
            "http://u:secret@gateway?key=secret",
        ] {
            let refused = Pushgateway::new(url).unwrap_err();
            let shown = format!("{refused} {refused:?}");
            assert!(!shown.contains("sec"), "{url}: {shown}");
        }
    }
}
