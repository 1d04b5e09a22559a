//! What a layer keeps of each open span for the lines inside it.
//!
//! It is not in the registry's extensions: those take a box, a hash map and several looks at the span for each layer that
//! uses them. Here a span has the place that its number says, without a search, and the memory of a closed span serves the
//! next one in its place.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::span::Id;

use super::fields::Fields;
use super::spread::{BuildSpread, spread};
use crate::trace::TraceId;

/// The open spans of one layer in one subscriber, which gives them their numbers.
#[derive(Debug)]
pub(super) struct Spans(Box<[OnceLock<Box<Page>>; PAGES]>);

/// Chosen: pages of threads that work for different spans are seldom the same one.
const PAGES: usize = 256;

/// Chosen: the registry gives a thread its numbers by pages too, of which the first has as many.
const PLACES: usize = 32;

/// Spans of neighbouring numbers. A thread finds those that it made on one page, whose lock no other thread takes meanwhile.
#[derive(Debug, Default)]
struct Page {
    /// The number of the span in each place, or [`FREE`]. It is set under the lock, and taken back without it by the one who
    /// closes the span.
    takers: [AtomicU64; PLACES],
    open: Mutex<Open>,
}

/// No span's number.
const FREE: u64 = 0;

#[derive(Debug, Default)]
struct Open {
    places: [Kept; PLACES],
    /// Spans whose place is another's, and those of unusual size.
    others: HashMap<Id, Kept, BuildSpread>,
}

#[derive(Debug, Default)]
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

/// How many bytes of fields a span in a place has at most, since a place keeps its memory. Chosen: fields of ordinary size.
const ORDINARY_BYTES: usize = 1_024;

impl Spans {
    pub(super) fn new() -> Self {
        Self(Box::new([const { OnceLock::new() }; PAGES]))
    }

    /// Takes a new span up, with a copy of its fields.
    pub(super) fn open(&self, span: &Id, parent: Option<Id>, trace: Option<TraceId>, fields: &Fields) {
        let index = page(span);
        let mut at = At::lock(index, self.0[index].get_or_init(Box::default));
        let kept = if fields.len() <= ORDINARY_BYTES && at.page.is_taken_by(FREE, span) {
            at.page.give(span, span.into_u64());
            &mut at.open.places[place(span)]
        } else {
            at.open.others.entry(span.clone()).or_default()
        };
        (kept.parent, kept.trace) = (parent, trace);
        kept.fields.copy_from(fields);
    }

    /// Replaces and adds what a span recorded later.
    pub(super) fn update(&self, span: &Id, later: &Fields) {
        let Some(mut at) = self.at(span) else { return };
        if !at.page.is_taken_by(span.into_u64(), span) {
            if let Some(kept) = at.open.others.get_mut(span) {
                kept.fields.update(later);
            }
            return;
        }
        let kept = &mut at.open.places[place(span)];
        kept.fields.update(later);
        if kept.fields.len() > ORDINARY_BYTES {
            let kept = std::mem::take(kept);
            at.open.others.insert(span.clone(), kept);
            at.page.give(span, FREE);
        }
    }

    pub(super) fn close(&self, span: &Id) {
        let Some(page) = self.0[page(span)].get() else { return };
        if page.is_taken_by(span.into_u64(), span) {
            // Without the lock: nobody asks for a span any more that is closed. What it kept is forgotten when the next one
            // takes the place.
            page.give(span, FREE);
        } else {
            page.open().others.remove(span);
        }
    }

    pub(super) fn knows(&self, span: &Id) -> bool {
        self.at(span).is_some_and(|at| at.find(span).is_some())
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
        let mut at = self.at(span).ok_or(Unknown)?;
        let mut next = Some(at.find(span).ok_or(Unknown)?);
        let mut trace = None;
        while let Some(kept) = next {
            look(kept);
            trace = trace.or(kept.trace);
            let Some(parent) = kept.parent.clone() else { break };
            let Some(there) = self.go_on(at, &parent) else { break };
            at = there;
            next = at.find(&parent);
        }
        Ok(trace)
    }

    /// Nothing of a host's runs under this lock, and nobody holds two of them.
    fn at(&self, span: &Id) -> Option<At<'_>> {
        let index = page(span);
        Some(At::lock(index, self.0[index].get()?))
    }

    /// Keeps the lock if both spans are on one page.
    fn go_on<'a>(&'a self, at: At<'a>, span: &Id) -> Option<At<'a>> {
        if page(span) == at.index {
            return Some(at);
        }
        drop(at);
        self.at(span)
    }
}

/// A locked page.
struct At<'a> {
    index: usize,
    page: &'a Page,
    open: MutexGuard<'a, Open>,
}

impl<'a> At<'a> {
    fn lock(index: usize, page: &'a Page) -> Self {
        Self { index, page, open: page.open() }
    }

    fn find(&self, span: &Id) -> Option<&Kept> {
        if self.page.is_taken_by(span.into_u64(), span) {
            return Some(&self.open.places[place(span)]);
        }
        self.open.others.get(span)
    }
}

impl Page {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_taken_by(&self, number: u64, span: &Id) -> bool {
        // Ordering: whoever reads or writes what a place keeps holds the lock, under which numbers are set. One who does
        // not see yet that a number was taken back takes the place for taken, which does no harm.
        self.takers[place(span)].load(Ordering::Relaxed) == number
    }

    fn give(&self, span: &Id, number: u64) {
        // Ordering: as in `is_taken_by`.
        self.takers[place(span)].store(number, Ordering::Relaxed);
    }
}

/// Which page a span is on.
fn page(span: &Id) -> usize {
    /// The registry tells spans that have one place after the other apart by these high bits.
    const GENERATION_BITS: u32 = 13;
    let number = (span.into_u64() << GENERATION_BITS >> GENERATION_BITS) / PLACES as u64;
    // The cast keeps what the remainder is made of.
    (spread(number) >> 32) as usize % PAGES
}

/// Which place on its page.
fn place(span: &Id) -> usize {
    // As above.
    span.into_u64() as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::encode::Outcome;
    use crate::log::fields::Key;

    fn fields(name: &str, value: &str) -> Fields {
        let mut fields = Fields::default();
        fields.insert(&Key::new(name), |out| {
            out.extend_from_slice(value.as_bytes());
            Outcome::Whole
        });
        fields
    }

    fn gathered(spans: &Spans, span: &Id) -> Option<String> {
        let mut all = Fields::default();
        spans.gather(span, &mut all).ok()?;
        Some(all.pieces().map(|piece| String::from_utf8_lossy(piece.json).into_owned()).collect())
    }

    #[test]
    fn spans_of_one_place_and_of_any_size_are_kept_apart_until_each_is_closed() {
        let spans = Spans::new();
        // Nothing but the numbers' highest bits differs between the first two.
        let [first, second, large] = [7, 7 | 1 << 60, 8].map(Id::from_u64);
        let long = "1".repeat(2 * ORDINARY_BYTES);
        spans.open(&first, None, None, &fields("a", "1"));
        spans.open(&second, Some(first.clone()), None, &fields("b", "2"));
        spans.open(&large, Some(second.clone()), None, &fields("c", &long));
        let of_large = format!(",\"c\":{long},\"b\":2,\"a\":1");
        assert_eq!(gathered(&spans, &large), Some(of_large));
        // A place is left by what becomes too large for it.
        spans.update(&first, &fields("a", &long));
        spans.update(&second, &fields("b", "3"));
        assert_eq!(gathered(&spans, &second), Some(format!(",\"b\":3,\"a\":{long}")));
        for span in [&large, &second, &first] {
            assert!(spans.knows(span));
            spans.close(span);
            assert_eq!(gathered(&spans, span), None);
        }
        spans.open(&second, None, None, &fields("d", "4"));
        assert_eq!(gathered(&spans, &second), Some(",\"d\":4".to_owned()));
        let at = spans.at(&second).expect("a page");
        assert!(at.open.others.is_empty());
    }
}
