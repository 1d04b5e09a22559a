//! What is known of a callsite once and for all: which of its fields are secrets.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use tracing::Metadata;
use tracing::field::Field;
use tracing_log::NormalizeEvent as _;

use crate::redact::is_sensitive_name;

/// Decisions about the fields of one callsite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callsite {
    /// One bit for each of the first 64 fields.
    sensitive: u64,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Tracing,
    /// One of the five callsites of the `log` bridge, whose `log.*` fields repeat what a line has no place for.
    LogBridge,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Show,
    Redact,
    Drop,
}

impl Callsite {
    /// Decides about a callsite's fields. Cost: some microseconds, so see [`Callsites::of`].
    fn decide(metadata: &'static Metadata<'static>, origin: Origin) -> Self {
        let mut sensitive = 0;
        for field in metadata.fields().iter().take(u64::BITS as usize) {
            sensitive |= u64::from(is_sensitive_name(field.name())) << field.index();
        }
        Self { sensitive, origin }
    }

    pub(super) fn verdict(self, field: &Field) -> Verdict {
        let sensitive = match field.index() {
            index if index < u64::BITS as usize => self.sensitive >> index & 1 == 1,
            _ => is_sensitive_name(field.name()),
        };
        if self.origin == Origin::LogBridge && field.name().starts_with("log.") {
            Verdict::Drop
        } else if sensitive {
            Verdict::Redact
        } else {
            Verdict::Show
        }
    }
}

/// The callsites that this thread has met: as many as the program's code has, at 24 bytes each.
#[derive(Debug, Default)]
pub(super) struct Callsites(HashMap<usize, Callsite, BuildHasherDefault<AddressHasher>>);

impl Callsites {
    pub(super) fn of_span(&mut self, metadata: &'static Metadata<'static>) -> Callsite {
        self.of(metadata, || Origin::Tracing)
    }

    pub(super) fn of_event(&mut self, event: &tracing::Event<'_>) -> Callsite {
        self.of(event.metadata(), || if event.is_log() { Origin::LogBridge } else { Origin::Tracing })
    }

    fn of(&mut self, metadata: &'static Metadata<'static>, origin: impl FnOnce() -> Origin) -> Callsite {
        // Static metadata never moves and is never freed, so its address is its identity.
        let address = std::ptr::from_ref(metadata).addr();
        *self.0.entry(address).or_insert_with(|| Callsite::decide(metadata, origin()))
    }
}

/// Spreads addresses over a table; nobody outside chooses them, so nothing more is needed.
#[derive(Debug, Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(usize::from(byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        /// 2^64 divided by the golden ratio, as in Fibonacci hashing.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0 ^ address as u64).wrapping_mul(SPREAD);
        self.0 ^= self.0 >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
