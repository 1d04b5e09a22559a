//! Work that leaves a request and takes its trace along.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;
use tracing::span::EnteredSpan;

use super::context::{self, Entered, TraceContext};

/// Takes the present trace along to wherever a value goes: a future to a task, a message through a channel.
///
/// What it takes along is the present [`TraceContext`] and `tracing`'s present span, which stays open for as long as
/// the value lives. Work that goes on long after its request is better in [`TraceContext::scope`], which leaves the
/// span behind. For closures there is [`traced`].
///
/// Cost: two atomic adds and no allocation; outside a trace and a span a look at the thread.
///
/// ```
/// use aistm7_monitoring::trace::{self, Traced, TraceContext};
///
/// # async fn settle(order: u64) { assert!(trace::current().is_some()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let _request = TraceContext::new_root().enter();
/// tokio::spawn(settle(7).traced()).await?;
///
/// let (orders, mut desk) = tokio::sync::mpsc::channel(16);
/// orders.send(8.traced()).await?;
/// // Perhaps in another task:
/// # tokio::spawn(async move {
/// while let Some(order) = desk.recv().await {
///     order.map(settle).await;
/// #   break;
/// }
/// # }).await?;
/// # Ok(())
/// # }
/// ```
pub trait Traced: Sized {
    /// The value with the trace that is present now.
    fn traced(self) -> InTrace<Self> {
        InTrace { trace: Some(Trace::present()), value: Some(self) }
    }
}

impl<T> Traced for T {}

/// Takes the present trace along with a closure, to a blocking task or another thread; see [`Traced`].
///
/// ```
/// use aistm7_monitoring::trace::{self, TraceContext, traced};
///
/// let context = TraceContext::new_root();
/// let _request = context.enter();
/// let thread = std::thread::spawn(traced(trace::current)); // or tokio::task::spawn_blocking
/// assert_eq!(thread.join().expect("no panic"), Some(context));
/// ```
pub fn traced<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let work = work.traced();
    move || work.map(|work| work()).into_inner()
}

pin_project! {
    /// A value with a trace: a future that runs in it, or a message whose receiver works in it. Made by
    /// [`Traced::traced`] and [`TraceContext::scope`].
    ///
    /// # Cancellation
    /// What is dropped with it is dropped in the trace too.
    #[must_use = "futures do nothing unless polled, and messages unless received"]
    pub struct InTrace<T> {
        // `None` once the value was taken out.
        trace: Option<Trace>,
        #[pin]
        value: Option<T>,
    }

    impl<T> PinnedDrop for InTrace<T> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(trace) = this.trace {
                let _entered = trace.enter();
                this.value.set(None);
            }
        }
    }
}

impl<T> InTrace<T> {
    pub(super) fn of(context: TraceContext, value: T) -> Self {
        Self { trace: Some(Trace { context: Some(context), span: Span::none() }), value: Some(value) }
    }

    /// Works on the value in its trace. What comes of it keeps the trace: a future may be awaited at once.
    pub fn map<U>(self, work: impl FnOnce(T) -> U) -> InTrace<U> {
        let (trace, value) = self.parts();
        let entered = trace.enter();
        let value = work(value);
        drop(entered);
        InTrace { trace: Some(trace), value: Some(value) }
    }

    /// Takes the value out and makes its trace the thread's present one until the guard is dropped.
    ///
    /// For synchronous work; a guard must not be held across an `.await` (the compiler refuses it in spawned tasks).
    pub fn enter(self) -> (T, TraceGuard) {
        let (Trace { context, span }, value) = self.parts();
        let context = context.as_ref().map(TraceContext::enter);
        (value, TraceGuard { _span: span.entered(), _context: context })
    }

    /// The value without its trace.
    pub fn into_inner(self) -> T {
        self.parts().1
    }

    fn parts(mut self) -> (Trace, T) {
        self.trace.take().zip(self.value.take()).expect("OK because who takes them out gives the rest away")
    }
}

impl<F: Future> Future for InTrace<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let inside = this.trace.as_ref().zip(this.value.as_pin_mut());
        let (trace, future) =
            inside.expect("OK because a pinned future is taken out when it is dropped and not before");
        let _entered = trace.enter();
        future.poll(cx)
    }
}

impl<T> fmt::Debug for InTrace<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTrace").field("trace", &self.trace).finish_non_exhaustive()
    }
}

/// Leaves the trace that [`InTrace::enter`] entered, when dropped.
#[must_use = "the trace is left again when this guard is dropped"]
#[derive(Debug)]
pub struct TraceGuard {
    // In the order in which they are left.
    _span: EnteredSpan,
    _context: Option<Entered>,
}

#[derive(Debug)]
struct Trace {
    context: Option<TraceContext>,
    span: Span,
}

impl Trace {
    fn present() -> Self {
        Self { context: context::current(), span: Span::current() }
    }

    /// Left in the order opposite to that of entering.
    fn enter(&self) -> (tracing::span::Entered<'_>, Option<Entered>) {
        let context = self.context.as_ref().map(TraceContext::enter);
        (self.span.enter(), context)
    }
}
