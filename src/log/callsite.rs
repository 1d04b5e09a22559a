//! What a log knows of a callsite once and for all: how each of its fields is shown.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Metadata;
use tracing::field::Field;
use tracing_log::NormalizeEvent as _;

use super::control::Bucket;
use super::fields::Key;
use super::redaction::Redaction;
use super::spread::BuildSpread;

/// What one log has decided about one callsite. Whatever a log decides or counts for each callsite belongs here.
#[derive(Debug)]
pub(super) struct Site {
    /// In the order of the callsite's own fields.
    fields: Box<[SiteField]>,
    origin: Origin,
    /// How much it has logged lately, if the log limits that.
    pub(super) bucket: Bucket,
}

/// A field of a callsite.
#[derive(Debug)]
pub(super) struct SiteField {
    pub(super) key: Key,
    pub(super) verdict: Verdict,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Show,
    Redact,
    /// It is the event's message.
    Message,
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Tracing,
    /// One of the five callsites of the `log` bridge, whose `log.*` fields repeat what a line has no place for.
    LogBridge,
}

impl Site {
    /// Cost: some microseconds, so see [`Callsites`].
    fn decide(metadata: &'static Metadata<'static>, origin: Origin, redaction: &Redaction) -> Self {
        let decide = |field: Field| {
            // `r#type` is how Rust spells `type`.
            let name = field.name().strip_prefix("r#").unwrap_or(field.name());
            let verdict = if origin == Origin::LogBridge && name.starts_with("log.") {
                Verdict::Drop
            } else if redaction.hides(name) {
                Verdict::Redact
            } else if metadata.is_event() && name == "message" {
                Verdict::Message
            } else {
                Verdict::Show
            };
            SiteField { key: Key::new(name), verdict }
        };
        Self { fields: metadata.fields().iter().map(decide).collect(), origin, bucket: Bucket::default() }
    }

    /// Whether its events are records of the `log` crate.
    pub(super) fn is_of_log_crate(&self) -> bool {
        self.origin == Origin::LogBridge
    }

    /// The field, if it is one of this callsite, as every field is that `tracing` hands out.
    pub(super) fn field(&self, field: &Field) -> Option<&SiteField> {
        self.fields.get(field.index())
    }
}

/// Tells logs apart. A process never has so many that one number comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LogId(u64);

impl LogId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Ordering: only that no number comes twice.
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The callsites that a log has met, on any thread.
#[derive(Debug)]
pub(super) struct Sites {
    log: LogId,
    met: Mutex<HashMap<usize, Arc<Site>>>,
}

impl Sites {
    pub(super) fn new() -> Self {
        Self { log: LogId::next(), met: Mutex::default() }
    }

    fn get_or_decide(&self, address: usize, decide: impl FnOnce() -> Site) -> Arc<Site> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(met.entry(address).or_insert_with(|| Arc::new(decide())))
    }
}

/// The callsites that a thread has met, so that no lock is taken for one that it knows.
#[derive(Debug, Default)]
pub(super) struct Callsites(HashMap<(u64, usize), Arc<Site>, BuildSpread>);

/// How many callsites a thread remembers before it forgets all and begins anew. Chosen: more than a program has, unless it
/// starts logs again and again.
const REMEMBERED: usize = 16 * 1024;

impl Callsites {
    pub(super) fn of_span(
        &mut self,
        metadata: &'static Metadata<'static>,
        sites: &Sites,
        redaction: &Redaction,
    ) -> &Site {
        self.of(metadata, sites, || Site::decide(metadata, Origin::Tracing, redaction))
    }

    pub(super) fn of_event(&mut self, event: &tracing::Event<'_>, sites: &Sites, redaction: &Redaction) -> &Site {
        let metadata = event.metadata();
        let origin = || if event.is_log() { Origin::LogBridge } else { Origin::Tracing };
        self.of(metadata, sites, || Site::decide(metadata, origin(), redaction))
    }

    fn of(&mut self, metadata: &'static Metadata<'static>, sites: &Sites, decide: impl FnOnce() -> Site) -> &Site {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        // Static metadata never moves and is never freed, so its address is its identity.
        let address = std::ptr::from_ref(metadata).addr();
        self.0.entry((sites.log.0, address)).or_insert_with(|| sites.get_or_decide(address, decide))
    }
}

#[cfg(test)]
mod tests {
    use tracing::info_span;

    use super::*;

    #[test]
    fn callsite_is_decided_once_for_all_threads_and_anew_for_each_log() {
        let (sites, others) = (Sites::new(), Sites::new());
        let span = tracing::subscriber::with_default(tracing_subscriber::registry(), || info_span!("s", iban = 1));
        let metadata = span.metadata().expect("an enabled span");
        let verdict = |callsites: &mut Callsites, sites: &Sites, redaction: &Redaction| {
            let site = callsites.of_span(metadata, sites, redaction);
            site.fields[0].verdict
        };
        let hiding = Redaction::new().hide("iban");
        let mut here = Callsites::default();
        assert_eq!(verdict(&mut here, &sites, &hiding), Verdict::Redact);
        // Another rule is not asked any more, on this thread or another.
        assert_eq!(verdict(&mut here, &sites, &Redaction::new()), Verdict::Redact);
        assert_eq!(verdict(&mut Callsites::default(), &sites, &Redaction::new()), Verdict::Redact);
        assert_eq!(verdict(&mut here, &others, &Redaction::new()), Verdict::Show);
    }
}
