//! What a call of gRPC is on the wire: messages with their length before them, and a status behind them.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, LengthLimitError, Limited, StreamBody};
use prost::Message;

/// The statuses of gRPC that are said here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    NotFound = 5,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) code: Code,
    /// Of visible ASCII without `%`, which needs no encoding; empty for none.
    pub(super) message: &'static str,
}

/// Chosen: far longer than any name of a service.
const REQUEST_LIMIT: usize = 4 * 1024;

/// Whether each message is compressed (one byte), and its length.
const PREFIX: usize = 1 + size_of::<u32>();

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// # Errors
/// When it is another request, with the HTTP status that says so.
pub(super) fn is_grpc(request: &Request) -> Result<(), StatusCode> {
    // The status of a call comes in trailers, which most clients of HTTP/1.1 do not read.
    if request.version() != Version::HTTP_2 {
        return Err(StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    }
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    match content_type.strip_prefix(GRPC.as_bytes()) {
        Some([] | [b';', ..]) | Some(b"+proto") => Ok(()),
        _ => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// The one message of a request.
///
/// # Errors
/// When there is none, more than one, a compressed, long or broken one.
pub(super) async fn read<M: Message + Default>(body: Body) -> Result<M, Ending> {
    let broken = Ending { code: Code::Internal, message: "the request is no single message of its kind" };
    let read = Limited::new(body, REQUEST_LIMIT).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Ending { code: Code::ResourceExhausted, message: "the request is too long" }
        } else {
            broken
        }
    })?;
    let bytes = read.to_bytes();
    let (prefix, message) = bytes.split_at_checked(PREFIX).ok_or(broken)?;
    let [is_compressed, length @ ..] = prefix else {
        return Err(broken);
    };
    if *is_compressed != 0 {
        return Err(Ending { code: Code::Unimplemented, message: "compressed messages are not understood" });
    }
    // The cast is exact below the limit.
    if length != (message.len() as u32).to_be_bytes() {
        return Err(broken);
    }
    M::decode(message).map_err(|_| broken)
}

/// One message, and that all went well.
pub(super) fn respond(message: &impl Message) -> Response {
    let done = Ending { code: Code::Ok, message: "" };
    respond_with(stream::iter([framed(message), done.trailers()]))
}

/// What a stream gives, the trailers at its end included.
pub(super) fn respond_with(frames: impl Stream<Item = Frame<Bytes>> + Send + 'static) -> Response {
    let body = Body::new(StreamBody::new(frames.map(Ok::<_, Infallible>)));
    ([(CONTENT_TYPE, GRPC)], body).into_response()
}

/// A message as it is sent.
pub(super) fn framed(message: &impl Message) -> Frame<Bytes> {
    let mut bytes = BytesMut::with_capacity(PREFIX + message.encoded_len());
    bytes.put_u8(0);
    // The cast is exact: names and statuses of the checks of one process are far from 4 GiB.
    bytes.put_u32(message.encoded_len() as u32);
    bytes.put(message.encode_to_vec().as_slice());
    Frame::data(bytes.freeze())
}

impl Ending {
    /// Behind the messages of a response.
    pub(super) fn trailers(self) -> Frame<Bytes> {
        Frame::trailers(self.headers())
    }

    /// As a response without a message, whose head is its end.
    pub(super) fn into_response(self) -> Response {
        // gRPC calls this trailers only.
        let mut response = ([(CONTENT_TYPE, GRPC)], Body::empty()).into_response();
        response.headers_mut().extend(self.headers());
        response
    }

    fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from(self.code as u16))]);
        if !self.message.is_empty() {
            headers.insert(GRPC_MESSAGE, HeaderValue::from_static(self.message));
        }
        headers
    }
}

const GRPC_STATUS: http::HeaderName = http::HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: http::HeaderName = http::HeaderName::from_static("grpc-message");
