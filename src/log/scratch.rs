//! The memory in which a thread makes its lines, reused from line to line.

use std::cell::Cell;

use super::callsite::Callsites;
use super::escape::Fit;
use super::fields::Fields;
use crate::clock::Timestamps;

/// Everything one line is made of, before and after it is put together.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) message: Message,
    pub(super) fields: Fields,
    pub(super) line: Vec<u8>,
    pub(super) callsites: Callsites,
    pub(super) timestamps: Timestamps,
}

/// The message, as the inside of a JSON string.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    pub(super) fit: Fit,
}

/// What a thread keeps between lines at most. Chosen: an ordinary line's need several times over.
const KEPT_BYTES: usize = 32 * 1024;

thread_local! {
    static SPARE: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Lends this thread's scratch, empty.
///
/// It is taken out meanwhile, so an event inside a field's `Display`, or in a thread that is being torn down, gets a
/// new one; and it is thrown away if `work` unwinds, so no half-made line outlives that.
pub(super) fn with<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
    scratch.clear();
    let result = work(&mut scratch);
    scratch.line.shrink_to(KEPT_BYTES);
    scratch.fields.shrink_to(KEPT_BYTES);
    // A thread that is being torn down keeps nothing.
    let _ = SPARE.try_with(|spare| spare.set(Some(scratch)));
    result
}

impl Scratch {
    fn clear(&mut self) {
        self.message.clear();
        self.fields.clear();
        self.line.clear();
    }
}

impl Message {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.fit = Fit::Whole;
    }
}
