//! What becomes of the fields of each callsite, decided once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tracing::Metadata;

use super::attributes::Texts;

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    Show,
    Hide,
    /// It is the event's message.
    Message,
    /// It repeats what a record has a place of its own for.
    Leave,
}

/// Who made an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Tracing,
    /// One of the five callsites of the `log` bridge.
    LogBridge,
}

/// The callsites that were met, with a treatment a field. Cost: a shared lock an event and span.
#[derive(Debug, Default)]
pub(super) struct Callsites(RwLock<HashMap<usize, Arc<[Treatment]>>>);

impl Callsites {
    pub(super) fn of(&self, metadata: &'static Metadata<'static>, origin: Origin, texts: &Texts) -> Arc<[Treatment]> {
        // Static metadata never moves and is never freed, so its address is its identity.
        let address = std::ptr::from_ref(metadata).addr();
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
            return Arc::clone(known);
        }
        let decided = metadata.fields().iter().map(|field| decide(field.name(), metadata, origin, texts)).collect();
        let mut met = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(met.entry(address).or_insert(decided))
    }
}

fn decide(name: &str, metadata: &Metadata<'_>, origin: Origin, texts: &Texts) -> Treatment {
    if origin == Origin::LogBridge && name.starts_with("log.") {
        Treatment::Leave
    } else if texts.hides(plain(name)) {
        Treatment::Hide
    } else if metadata.is_event() && name == "message" {
        Treatment::Message
    } else {
        Treatment::Show
    }
}

/// A field's name without what Rust needs to spell `type`.
pub(super) fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}
