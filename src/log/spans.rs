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

    /// Takes a new span up, with a copy of its fields. Nothing is done if `parent` is not known.
    pub(super) fn open(
        &self,
        span: &Id,
        parent: Option<&Id>,
        trace: Option<TraceId>,
        fields: &Fields,
    ) -> Result<(), Unknown> {
        let mut at = self.at(parent.unwrap_or(span));
        if let Some(parent) = parent {
            if !at.open.spans.contains_key(parent) {
                return Err(Unknown);
            }
            at = self.go_on(at, span);
        }
        let mut kept = at.open.spare.pop().unwrap_or_default();
        kept.copy_from(fields);
        at.open.spans.insert(span.clone(), Kept { parent: parent.cloned(), trace, fields: kept });
        Ok(())
    }

    /// Replaces and adds what a span recorded later.
    pub(super) fn update(&self, span: &Id, later: &Fields) {
        if let Some(kept) = self.at(span).open.spans.get_mut(span) {
            kept.fields.update(later);
        }
    }

    pub(super) fn close(&self, span: &Id) {
        let mut open = self.at(span).open;
        let Some(Kept { fields, .. }) = open.spans.remove(span) else { return };
        if open.spare.len() < SPARE && fields.capacity() <= SPARE_BYTES {
            open.spare.push(fields);
        }
    }

    pub(super) fn knows(&self, span: &Id) -> bool {
        self.at(span).open.spans.contains_key(span)
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

    /// Looks at a span and those around it, from the inner to the outer. Returns the first trace.
    fn walk(&self, span: &Id, mut look: impl FnMut(&Kept)) -> Result<Option<TraceId>, Unknown> {
        let mut at = self.at(span);
        let mut next = Some(at.open.spans.get(span).ok_or(Unknown)?);
        let mut trace = None;
        while let Some(kept) = next {
            look(kept);
            trace = trace.or(kept.trace);
            let Some(parent) = kept.parent.clone() else { break };
            at = self.go_on(at, &parent);
            next = at.open.spans.get(&parent);
        }
        Ok(trace)
    }

    /// Nothing of a host's runs under this lock, and nobody holds two of them.
    fn at(&self, span: &Id) -> At<'_> {
        let index = index(span);
        At { index, open: self.0[index].0.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Keeps the lock if both spans are in one shard.
    fn go_on<'a>(&'a self, at: At<'a>, span: &Id) -> At<'a> {
        if index(span) == at.index {
            return at;
        }
        drop(at);
        self.at(span)
    }
}

/// A locked shard.
struct At<'a> {
    index: usize,
    open: MutexGuard<'a, Open>,
}

/// Which shard a span is in: spans of neighbouring numbers are in one. The registry gives a thread neighbouring numbers, so
/// that one's spans are found under one lock, and more shards are used the more spans are open.
fn index(span: &Id) -> usize {
    /// The registry tells spans that have one place after the other apart by these high bits.
    const GENERATION_BITS: u32 = 13;
    /// Chosen: the first of the registry's pages has as many places.
    const NEIGHBOURS: u64 = 32;
    let number = (span.into_u64() << GENERATION_BITS >> GENERATION_BITS) / NEIGHBOURS;
    // The cast keeps what the remainder is made of.
    (spread(number) >> 32) as usize % SHARDS
}
