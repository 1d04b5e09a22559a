//! One run of one collector, on a thread that nobody joins.

use std::io;
use std::sync::{Arc, PoisonError};

use super::collection::Collection;
use super::gather::Shared;
use super::tracked::Tracked;
use super::{CollectFailure, Collector};

/// How a run ended.
pub(super) enum End {
    Measured(Collection),
    Failed(CollectFailure),
    Panicked,
}

/// Starts a run; its end is delivered to `tracked`, whatever happens.
///
/// # Errors
/// When the system gives no thread. Nothing is delivered then.
pub(super) fn start(tracked: &Arc<Tracked>, shared: &Arc<Shared>) -> io::Result<()> {
    let (tracked, shared) = (Arc::clone(tracked), Arc::clone(shared));
    std::thread::Builder::new().name(format!("collect-{}", tracked.name)).spawn(move || {
        // Made here, so that a thread that could not be started delivers nothing.
        let delivery = Delivery { tracked: &tracked, shared: &shared, end: End::Panicked };
        let end = {
            // Whatever state a panic left behind is the collector's own.
            let mut collector = tracked.collector.lock().unwrap_or_else(PoisonError::into_inner);
            measure(&mut **collector, &shared)
        };
        delivery.complete(end);
    })?;
    Ok(())
}

fn measure(collector: &mut dyn Collector, shared: &Shared) -> End {
    let mut collection = Collection::new(&shared.budget);
    match (collector.collect(&mut collection), &collection.stray) {
        (Err(failure), _) => End::Failed(failure),
        (Ok(()), Some(metric)) => End::Failed(format!("gives {metric:?}, a metric of another registry").into()),
        (Ok(()), None) => End::Measured(collection),
    }
}

/// Delivers exactly once: also when the thread unwinds, which is how a panic of the collector becomes `Panicked`.
struct Delivery<'a> {
    tracked: &'a Tracked,
    shared: &'a Shared,
    end: End,
}

impl Delivery<'_> {
    fn complete(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        self.tracked.ended(std::mem::replace(&mut self.end, End::Panicked), self.shared);
        self.shared.alarm.ring();
    }
}
