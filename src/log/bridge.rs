//! Records of the `log` crate: events of `tracing` for whatever subscriber there is, with their key-values for our layer.

use std::cell::Cell;
use std::fmt::{self, Write as _};

use log::kv::{self, Key, Value, VisitSource, VisitValue};
use log::{Metadata, Record};
use tracing_log::LogTracer;

use super::callsite::Site;
use super::caps::Caps;
use super::core::Core;
use super::encode::{Outcome, Recorded};
use super::fields::Fields;
use super::visitor::Own;
use crate::diagnostics::Problem;
use crate::fence::fenced;

/// The logger of the process.
///
/// An event of `tracing` has the fields of its callsite and no others, and all records share a callsite for each level.
/// So what a record has besides its message is laid down on its thread, for the time in which its event goes around, and
/// our layers take it up from there. Other layers see the event as `tracing-log` makes it.
pub(super) struct Bridge(LogTracer);

/// A pair of a record, its value taken down.
struct Pair {
    name: String,
    value: PairValue,
}

/// What a value was, without a borrow: the record is gone before a layer's rules for values could be asked.
pub(crate) enum PairValue {
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Text(String),
    /// Its formatter failed or panicked.
    Failed,
}

thread_local! {
    static PAIRS: Cell<Vec<Pair>> = const { Cell::new(Vec::new()) };
}

/// How many pairs are taken down. Chosen: more than a person writes; a line of the default length holds fewer.
const MOST_PAIRS: usize = 256;

/// The name under which a record tells how many more pairs it had.
const LEFT_OUT: &str = "log.pairs_left_out";

/// How much of a text is taken down: no line has room for more.
const MOST_BYTES: usize = Caps::MAX_LINE_BYTES;

impl Bridge {
    pub(super) fn new() -> Self {
        Self(LogTracer::new())
    }
}

impl log::Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        // Most records have none; of those that have, only the enabled ones are looked into.
        let has_pairs = fenced(|| record.key_values().count() > 0).unwrap_or(true);
        let is_looked_into = has_pairs && self.enabled(record.metadata());
        // Also where there are none: a record that is logged while another goes around must not find that one's.
        let _laid = Laid::down(if is_looked_into { pairs_of(record) } else { Vec::new() });
        self.0.log(record);
    }

    fn flush(&self) {}
}

/// While it lives, this thread's event is a record with these pairs.
struct Laid {
    /// Those of a record whose own formatting logs this one.
    before: Vec<Pair>,
}

impl Laid {
    fn down(pairs: Vec<Pair>) -> Self {
        // A thread that is being torn down logs on without them.
        Self { before: PAIRS.try_with(|laid| laid.replace(pairs)).unwrap_or_default() }
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        let before = std::mem::take(&mut self.before);
        let _ = PAIRS.try_with(|laid| laid.set(before));
    }
}

impl Core {
    /// Adds what an event of the bridge has besides its message, under the rules that hold for all fields.
    pub(super) fn take_up_pairs(&self, site: &Site, fields: &mut Fields) {
        if !site.is_of_log_crate() {
            return;
        }
        let mut own = Own { fields, rules: &self.rules };
        each_pair(|name, value| {
            if own.recorded(name, &value.as_recorded()) == Outcome::Failed {
                self.diagnostics.count(Problem::FormatFailed);
            }
        });
    }
}

/// Shows what the record has besides its message whose event goes around on this thread.
pub(crate) fn each_pair(mut show: impl FnMut(&str, &PairValue)) {
    let pairs = PAIRS.try_with(Cell::take).unwrap_or_default();
    for Pair { name, value } in &pairs {
        show(name, value);
    }
    // Another layer in the same subscriber wants them too.
    let _ = PAIRS.try_with(|laid| laid.set(pairs));
}

fn pairs_of(record: &Record<'_>) -> Vec<Pair> {
    let mut taking = Taking { pairs: Vec::new(), left_out: 0 };
    // What a source's own code gave before it failed stays.
    let _ = fenced(|| record.key_values().visit(&mut taking));
    let Taking { mut pairs, left_out } = taking;
    if left_out > 0 {
        pairs.push(Pair { name: LEFT_OUT.to_owned(), value: PairValue::U64(left_out) });
    }
    pairs
}

struct Taking {
    pairs: Vec<Pair>,
    left_out: u64,
}

impl<'kvs> VisitSource<'kvs> for Taking {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        if self.pairs.len() >= MOST_PAIRS {
            self.left_out += 1;
            return Ok(());
        }
        let mut taker = Taker(None);
        let visited = fenced(|| value.visit(&mut taker));
        let value = if matches!(visited, Some(Ok(()))) { taker.0 } else { Some(PairValue::Failed) };
        // A value that is none is left out, as `tracing` leaves out an option that is.
        self.pairs.extend(value.map(|value| Pair { name: key.as_str().to_owned(), value }));
        Ok(())
    }
}

struct Taker(Option<PairValue>);

impl Taker {
    fn take(&mut self, value: PairValue) -> Result<(), kv::Error> {
        self.0 = Some(value);
        Ok(())
    }
}

impl VisitValue<'_> for Taker {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        let mut text = Start(String::new());
        self.take(if write!(text, "{value}").is_ok() { PairValue::Text(text.0) } else { PairValue::Failed })
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.take(PairValue::Bool(value))
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.take(PairValue::I64(value))
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.take(PairValue::U64(value))
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), kv::Error> {
        self.take(PairValue::I128(value))
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), kv::Error> {
        self.take(PairValue::U128(value))
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.take(PairValue::F64(value))
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.take(PairValue::Text(value[..value.floor_char_boundary(MOST_BYTES)].to_owned()))
    }
}

/// The start of a text that somebody formats. Past its cap it takes and discards.
struct Start(String);

impl fmt::Write for Start {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MOST_BYTES.saturating_sub(self.0.len());
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Ok(())
    }
}

impl PairValue {
    fn as_recorded(&self) -> Recorded<'_> {
        match self {
            Self::Bool(value) => Recorded::Bool(*value),
            Self::I64(value) => Recorded::I64(*value),
            Self::U64(value) => Recorded::U64(*value),
            Self::I128(value) => Recorded::I128(*value),
            Self::U128(value) => Recorded::U128(*value),
            Self::F64(value) => Recorded::F64(*value),
            Self::Text(value) => Recorded::Text(value),
            Self::Failed => Recorded::Formatted(&Failing),
        }
    }
}

/// A formatter that fails, in place of one that did.
struct Failing;

impl fmt::Debug for Failing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}
