//! What a layer keeps of each open span for the lines inside it.
//!
//! It has a table of its own, not the registry's extensions: those take a box, a hash map and several looks at the span for
//! each layer that uses them, while here the memory of a closed span serves the next one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::span::Id;

use super::fields::Fields;
use super::spread::{BuildSpread, spread};
use crate::trace::TraceId;

/// The open spans of one layer in one subscriber, which gives them their numbers.
#[derive(Debug)]
pub(super) struct Spans(Box<[Shard; SHARDS]>);

/// Chosen: threads that work for different spans seldom meet.
const SHARDS: usize = 32;

/// Alone in its cache lines, of which processors fetch two at once.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    spans: HashMap<Id, Kept, BuildSpread>,
    /// Memory of spans that were closed.
    spare: Vec<Fields>,
}

#[derive(Debug)]
struct Kept {
    /// The nearest span around it that the layer knows. It is open for as long as this one is.
    parent: Option<Id>,
    /// The trace that was present when the span was made.
    trace: Option<TraceId>,
    fields: Fields,
}

/// A span that the layer does not know: its filter disabled it, or it is older than the layer.
#[derive(Debug)]
pub(super) struct Unknown;

/// How many closed spans' memory a shard keeps, and how much of each. Chosen: the spans of a thread's request, of
/// ordinary size.
const SPARE: usize = 8;
const SPARE_BYTES: usize = 1_024;

impl Spans {
    pub(super) fn new() -> Self {
        Self(Box::default())
    }

    /// Takes a new span up, with a copy of its fields.
    pub(super) fn open(&self, span: &Id, parent: Option<Id>, trace: Option<TraceId>, fields: &Fields) {
        let mut open = self.shard(span);
        let mut kept = open.spare.pop().unwrap_or_default();
        kept.copy_from(fields);
        open.spans.insert(span.clone(), Kept { parent, trace, fields: kept });
    }

    /// Replaces and adds what a span recorded later.
    pub(super) fn update(&self, span: &Id, later: &Fields) {
        if let Some(kept) = self.shard(span).spans.get_mut(span) {
            kept.fields.update(later);
        }
    }

    pub(super) fn close(&self, span: &Id) {
        let mut open = self.shard(span);
        let Some(Kept { fields, .. }) = open.spans.remove(span) else { return };
        if open.spare.len() < SPARE && fields.capacity() <= SPARE_BYTES {
            open.spare.push(fields);
        }
    }

    pub(super) fn knows(&self, span: &Id) -> bool {
        self.shard(span).spans.contains_key(span)
    }

    /// Adds the fields of a span and of those around it, from the inner to the outer, where there is none of that key yet.
    /// Returns the trace of the innermost span that has one.
    pub(super) fn gather(&self, span: &Id, fields: &mut Fields) -> Result<Option<TraceId>, Unknown> {
        self.walk(span, |kept| fields.merge(&kept.fields))
    }

    /// The trace of a span or of the nearest one around it that has one.
    pub(super) fn trace(&self, span: &Id) -> Option<TraceId> {
        self.walk(span, |_| {}).ok().flatten()
    }

    /// Looks at a span and those around it, from the inner to the outer, one at a time. Returns the first trace.
    fn walk(&self, span: &Id, mut look: impl FnMut(&Kept)) -> Result<Option<TraceId>, Unknown> {
        let mut trace = None;
        let mut next = self.visit(span, &mut trace, &mut look).ok_or(Unknown)?;
        while let Some(outer) = next {
            next = self.visit(&outer, &mut trace, &mut look).flatten();
        }
        Ok(trace)
    }

    /// Looks at one span, if it is known; returns its parent.
    fn visit(&self, span: &Id, trace: &mut Option<TraceId>, look: &mut impl FnMut(&Kept)) -> Option<Option<Id>> {
        let open = self.shard(span);
        let kept = open.spans.get(span)?;
        look(kept);
        *trace = trace.or(kept.trace);
        Some(kept.parent.clone())
    }

    /// Nothing of a host's runs under this lock.
    fn shard(&self, span: &Id) -> MutexGuard<'_, Open> {
        /// The registry tells spans that have one place after the other apart by these high bits. Without them, a thread
        /// whose spans come and go stays with few shards.
        const GENERATION_BITS: u32 = 13;
        let number = span.into_u64() << GENERATION_BITS;
        // The cast keeps what the remainder is made of.
        let shard = &self.0[(spread(number) >> 32) as usize % SHARDS];
        shard.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
