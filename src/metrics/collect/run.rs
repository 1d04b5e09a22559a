//! One run of one collector, on a thread that nobody joins.

use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use super::collection::Collection;
use super::gather::Shared;
use super::tracked::Tracked;
use crate::clock::Alarm;
use crate::redact::scrub_text;

/// How a run ended.
pub(super) enum End {
    Measured(Collection),
    /// And why, for people.
    Failed(String),
    Panicked,
}

/// Starts a run; its end is delivered to `tracked`, whatever happens.
///
/// # Errors
/// When the system gives no thread. Nothing is delivered then.
pub(super) fn start(tracked: &Arc<Tracked>, shared: &Arc<Shared>) -> io::Result<()> {
    let (tracked, shared) = (Arc::clone(tracked), Arc::clone(shared));
    std::thread::Builder::new().name(format!("collect-{}", tracked.name)).spawn(move || {
        let _ring = RingsAtTheEnd(&shared.alarm);
        // Whatever state a panic leaves behind is the collector's own.
        match catch_unwind(AssertUnwindSafe(|| measure(&tracked, &shared))) {
            Ok(end) => tracked.ended(end, &shared),
            // What the panic carries is the collector's too, and dropping it comes last.
            Err(_carried) => tracked.ended(End::Panicked, &shared),
        }
    })?;
    Ok(())
}

/// Tells the gather that a run has ended, also if a hook that hears of its trouble panics.
struct RingsAtTheEnd<'a>(&'a Alarm);

impl Drop for RingsAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.ring();
    }
}

fn measure(tracked: &Tracked, shared: &Shared) -> End {
    let mut collection = Collection::new(&shared.budget);
    let measured = tracked.collector.lock().unwrap_or_else(PoisonError::into_inner).collect(&mut collection);
    match (measured, &collection.stray) {
        (Err(failure), _) => End::Failed(described(&*failure)),
        (Ok(()), Some(metric)) => End::Failed(format!("it gives {metric:?}, a metric of another registry")),
        (Ok(()), None) => End::Measured(collection),
    }
}

/// An error and its causes, without the credentials of URLs in them.
fn described(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    scrub_text(&texts.join(": "))
}
