//! The two kinds of data, and their requests as the protocol has them.

use std::borrow::Cow;
use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::settings::Variables;

/// Something of this kind, and the name of whoever made it.
#[derive(Debug)]
pub(super) struct Item<T> {
    pub(super) scope: Cow<'static, str>,
    pub(super) data: T,
}

/// A kind of data.
pub(super) trait Signal: Send + Sync + 'static {
    type Data: Message + 'static;

    /// The value of the label.
    const NAME: &'static str;
    /// Of the thread.
    const THREAD: &'static str;
    /// Below the collector's URL.
    const PATH: &'static str;
    /// The variables of its own.
    const VARIABLES: Variables;

    /// The body of a request.
    fn request(resource: &Resource, items: Vec<Item<Self::Data>>) -> Vec<u8>;

    /// How many items a successful answer says no to, and why.
    fn rejected(answer: &[u8]) -> Option<(u64, String)>;
}

pub(super) struct Spans;
pub(super) struct Logs;

impl Signal for Spans {
    type Data = Span;

    const NAME: &'static str = "spans";
    const THREAD: &'static str = "otlp-spans";
    const PATH: &'static str = "/v1/traces";
    const VARIABLES: Variables = Variables::TRACES;

    fn request(resource: &Resource, items: Vec<Item<Span>>) -> Vec<u8> {
        let scope_spans = by_scope(items)
            .map(|(scope, spans)| ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() })
            .collect();
        let spans = ResourceSpans { resource: Some(resource.clone()), scope_spans, ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![spans] }.encode_to_vec()
    }

    fn rejected(answer: &[u8]) -> Option<(u64, String)> {
        let partial = ExportTraceServiceResponse::decode(answer).ok()?.partial_success?;
        some(partial.rejected_spans, partial.error_message)
    }
}

impl Signal for Logs {
    type Data = LogRecord;

    const NAME: &'static str = "logs";
    const THREAD: &'static str = "otlp-logs";
    const PATH: &'static str = "/v1/logs";
    const VARIABLES: Variables = Variables::LOGS;

    fn request(resource: &Resource, items: Vec<Item<LogRecord>>) -> Vec<u8> {
        let scope_logs = by_scope(items)
            .map(|(scope, log_records)| ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() })
            .collect();
        let logs = ResourceLogs { resource: Some(resource.clone()), scope_logs, ..ResourceLogs::default() };
        ExportLogsServiceRequest { resource_logs: vec![logs] }.encode_to_vec()
    }

    fn rejected(answer: &[u8]) -> Option<(u64, String)> {
        let partial = ExportLogsServiceResponse::decode(answer).ok()?.partial_success?;
        some(partial.rejected_log_records, partial.error_message)
    }
}

/// A message without a number is a warning, and all was taken.
fn some(rejected: i64, why: String) -> Option<(u64, String)> {
    u64::try_from(rejected).ok().filter(|rejected| *rejected > 0).map(|rejected| (rejected, why))
}

fn by_scope<T>(items: Vec<Item<T>>) -> impl Iterator<Item = (InstrumentationScope, Vec<T>)> {
    let mut scopes: HashMap<Cow<'static, str>, Vec<T>> = HashMap::new();
    for Item { scope, data } in items {
        scopes.entry(scope).or_default().push(data);
    }
    let named = |name: Cow<'static, str>| InstrumentationScope { name: name.into_owned(), ..Default::default() };
    scopes.into_iter().map(move |(scope, data)| (named(scope), data))
}
