//! A collector: it takes what the published definitions of the protocol call a request, and answers as it is told.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::post;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;

use crate::service::serve;

/// How it answers a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Take,
    /// Takes all but so many.
    TakeWithout(i64),
    /// No, with this status, and to be asked again at once.
    Refuse(u16),
    /// Never.
    Hang,
}

#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<Received>>,
}

#[derive(Default)]
pub(crate) struct Received {
    answers: VecDeque<Answer>,
    pub(crate) requests: Vec<(Uri, HeaderMap)>,
    /// Attributes of who sent, the name of who made it, and the thing itself.
    pub(crate) spans: Vec<(serde_json::Value, String, Span)>,
    pub(crate) logs: Vec<(serde_json::Value, String, LogRecord)>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::answering([]).await
    }

    /// One that answers so, and the last way for ever.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let received = Received { answers: answers.into_iter().collect(), ..Received::default() };
        let state = Arc::new(Mutex::new(received));
        let take = post(take).with_state(Arc::clone(&state));
        let address = serve(Router::new().fallback_service(take)).await;
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn received(&self) -> MutexGuard<'_, Received> {
        self.state.lock().unwrap()
    }

    /// The span of this name.
    #[track_caller]
    pub(crate) fn span(&self, name: &str) -> Span {
        let received = self.received();
        let found: Vec<_> = received.spans.iter().filter(|(_, _, span)| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name:?} in {:#?}", received.spans);
        found[0].2.clone()
    }

    /// The log record with this message.
    #[track_caller]
    pub(crate) fn log(&self, message: &str) -> LogRecord {
        let received = self.received();
        let is_it = |log: &LogRecord| log.body.as_ref().is_some_and(|body| plain(body) == message);
        let found: Vec<_> = received.logs.iter().filter(|(_, _, log)| is_it(log)).collect();
        assert_eq!(found.len(), 1, "{message:?} in {:#?}", received.logs);
        found[0].2.clone()
    }
}

async fn take(State(state): State<Arc<Mutex<Received>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let answer = {
        let mut received = state.lock().unwrap();
        received.requests.push((uri.clone(), headers.clone()));
        if received.answers.len() > 1 { received.answers.pop_front() } else { received.answers.front().copied() }
    };
    let answer = answer.unwrap_or(Answer::Take);
    let rejected = match answer {
        Answer::Take => 0,
        Answer::TakeWithout(rejected) => rejected,
        Answer::Refuse(status) => {
            let refusal = Response::builder().status(StatusCode::from_u16(status).unwrap()).header("retry-after", "0");
            return refusal.body(Body::empty()).unwrap();
        }
        Answer::Hang => std::future::pending().await,
    };
    let body = match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding == "gzip" => {
            let mut plain = Vec::new();
            GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
            plain.into()
        }
        _ => body,
    };
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let mut received = state.lock().unwrap();
    if uri.path().contains("logs") {
        for of_one in ExportLogsServiceRequest::decode(body).unwrap().resource_logs {
            let sender = attributes(&of_one.resource.unwrap().attributes);
            for scope in of_one.scope_logs {
                let name = scope.scope.unwrap().name;
                received.logs.extend(scope.log_records.into_iter().map(|log| (sender.clone(), name.clone(), log)));
            }
        }
    } else {
        for of_one in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
            let sender = attributes(&of_one.resource.unwrap().attributes);
            for scope in of_one.scope_spans {
                let name = scope.scope.unwrap().name;
                received.spans.extend(scope.spans.into_iter().map(|span| (sender.clone(), name.clone(), span)));
            }
        }
    }
    let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message: "too many".to_owned() };
    let answer = ExportTraceServiceResponse { partial_success: (rejected > 0).then_some(partial) };
    Response::new(answer.encode_to_vec().into())
}

/// Attributes as JSON, to be compared; each has to be there once.
#[track_caller]
pub(crate) fn attributes(attributes: &[KeyValue]) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    for KeyValue { key, value, .. } in attributes {
        let value = value.as_ref().map_or(json!(null), plain);
        assert!(object.insert(key.clone(), value).is_none(), "{key} is there twice");
    }
    object.into()
}

fn plain(value: &AnyValue) -> serde_json::Value {
    match &value.value {
        None => json!(null),
        Some(Value::StringValue(text)) => json!(text),
        Some(Value::BoolValue(yes)) => json!(yes),
        Some(Value::IntValue(integer)) => json!(integer),
        Some(Value::DoubleValue(float)) => json!(float),
        Some(Value::ArrayValue(array)) => array.values.iter().map(plain).collect(),
        Some(Value::KvlistValue(list)) => attributes(&list.values),
        Some(other) => panic!("{other:?}"),
    }
}

/// The digits of an id.
pub(crate) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
