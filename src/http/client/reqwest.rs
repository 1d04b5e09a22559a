//! Sending reqwest's requests, written once for its majors.

use super::peer::Peer;

impl Peer {
    /// Sends a request of reqwest, measured and with the trace's headers: `client.get(url).send()` becomes
    /// `prices.send(client.get(url))`. Redirects that reqwest follows are part of the call, and its headers
    /// go along.
    ///
    /// # Errors
    /// Those of reqwest. A request that cannot be built, such as one with a malformed URL, is no call.
    ///
    /// # Cancellation
    /// Dropping the future drops reqwest's; once polled the call counts as `cancelled`.
    pub fn send<R: Sendable>(&self, request: R) -> impl Future<Output = Result<R::Response, R::Error>> + Send {
        request.send_to(self.clone())
    }
}

/// A request that [`Peer::send`] sends: the `RequestBuilder` of a major of reqwest.
pub trait Sendable: sealed::Sealed {
    /// What the peer answers.
    type Response;
    /// Why there is no answer.
    type Error;

    #[doc(hidden)]
    fn send_to(self, peer: Peer) -> impl Future<Output = Result<Self::Response, Self::Error>> + Send + use<Self>;
}

pub(super) mod sealed {
    #[allow(unnameable_types, reason = "sealed: nobody outside implements it")]
    pub trait Sealed {}
}

/// Implements [`Sendable`] for the requests of one major of reqwest.
macro_rules! sendable_by_reqwest {
    ($reqwest:ident) => {
        impl crate::http::client::reqwest::sealed::Sealed for $reqwest::RequestBuilder {}

        impl crate::http::client::reqwest::Sendable for $reqwest::RequestBuilder {
            type Response = $reqwest::Response;
            type Error = $reqwest::Error;

            async fn send_to(self, peer: crate::http::client::Peer) -> Result<Self::Response, Self::Error> {
                let (client, request) = self.build_split();
                let mut request = request?;
                let method = request.method().clone();
                let mut call = peer.call_with_headers(&method, crate::trace::current(), request.headers_mut());
                let mut execution = std::pin::pin!(client.execute(request));
                let result = std::future::poll_fn(|cx| call.run(|| execution.as_mut().poll(cx))).await;
                call.ended(result.as_ref().ok().map($reqwest::Response::status));
                result
            }
        }
    };
}
