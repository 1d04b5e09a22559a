//! The least that a layer can do which measures requests: two looks at the processor's counter, a histogram, a counter, and
//! a body of its own. No route, method, status or outcome, and nothing is told from anything.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aistm7_monitoring::metrics::{Counter, Definition, Histogram, Meter, Registry, Unit};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

static TIME: Definition = Definition::histogram("least_seconds", "Time to the head.").unit(Unit::Seconds);
static ENDED: Definition = Definition::counter("least_total", "Responses that ended.");

#[derive(Clone)]
pub(crate) struct Least(Arc<Handles>);

struct Handles {
    clock: quanta::Clock,
    time: Histogram,
    ended: Counter,
}

#[derive(Clone)]
pub(crate) struct LeastService<S> {
    inner: S,
    handles: Arc<Handles>,
}

impl Least {
    pub(crate) fn new() -> Self {
        let meter = Meter::new(&Registry::new());
        let time = meter.histogram(&TIME).expect("a new family").series([]);
        let ended = meter.counter(&ENDED).expect("a new family").series([]);
        Self(Arc::new(Handles { clock: quanta::Clock::new(), time, ended }))
    }
}

impl<S> Layer<S> for Least {
    type Service = LeastService<S>;

    fn layer(&self, inner: S) -> LeastService<S> {
        LeastService { inner, handles: Arc::clone(&self.0) }
    }
}

impl<S, A, B> Service<Request<A>> for LeastService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<LeastBody<B>>;
    type Error = S::Error;
    type Future = LeastFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (began, handles) = (self.handles.clock.raw(), Arc::clone(&self.handles));
        LeastFuture { inner: self.inner.call(request), began, handles: Some(handles) }
    }
}

pin_project! {
    pub(crate) struct LeastFuture<F> {
        #[pin]
        inner: F,
        began: u64,
        handles: Option<Arc<Handles>>,
    }
}

impl<F: Future<Output = Result<Response<B>, E>>, B, E> Future for LeastFuture<F> {
    type Output = Result<Response<LeastBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let handles = this.handles.take().expect("nobody polls what was ready");
        handles.time.record_duration(handles.clock.delta(*this.began, handles.clock.raw()));
        Poll::Ready(Ok(response.map(|inner| LeastBody { inner, handles })))
    }
}

pin_project! {
    pub(crate) struct LeastBody<B> {
        #[pin]
        inner: B,
        handles: Arc<Handles>,
    }

    impl<B> PinnedDrop for LeastBody<B> {
        fn drop(this: Pin<&mut Self>) {
            this.handles.ended.increment();
        }
    }
}

impl<B: Body> Body for LeastBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
