//! Structured values, past `tracing`'s own kinds of values.

use std::cell::Cell;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use tracing::field::{DebugValue, debug};

/// A field's value as JSON of its own: `info!(book = json(&book), "priced")` gives
/// `"details":{"book":{"symbol":"AAPL","bids":[…]}}`.
///
/// Members whose names say that they hold secrets are redacted at every depth, and [`Caps`](super::Caps) bound the whole
/// value like a string: members that no longer fit are left out, and the line is marked as truncated. Keys are in the
/// order that `serde_json` gives them, each once. A value that cannot be serialised, such as a map whose keys are no
/// strings or an integer beyond 64 bits, is `null` and counted.
///
/// Other subscribers than this crate's see a text, the compact JSON. So does a message.
///
/// Import the function to call it in an event: where some crate turns on `tracing`'s feature `log`, the event's macro makes
/// `log` mean the crate of that name.
///
/// Cost: some allocations, as `serde_json::to_value` makes them.
///
/// ```
/// use aistm7_monitoring::log::json;
/// # use aistm7_monitoring::log::{Log, LogOptions, Sink};
/// # use aistm7_monitoring::metrics::{Meter, Registry};
/// # #[derive(Clone, Default)]
/// # struct Memory(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
/// # impl std::io::Write for Memory {
/// #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
/// #         self.0.lock().unwrap().extend_from_slice(bytes);
/// #         Ok(bytes.len())
/// #     }
/// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
/// # }
/// # use tracing_subscriber::layer::SubscriberExt;
///
/// # let memory = Memory::default();
/// # let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(memory.clone())));
/// # let log = Log::start(options, &Meter::new(&Registry::new()))?;
/// # tracing::subscriber::with_default(tracing_subscriber::registry().with(log.layer()), || {
/// let weights = std::collections::BTreeMap::from([("AAPL", 0.6), ("MSFT", 0.4)]);
/// tracing::info!(weights = json(&weights), "rebalanced");
/// # });
/// # let _ = log.flush(std::time::Duration::from_secs(5));
/// # let line = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
/// assert!(line.contains(r#""details":{"weights":{"AAPL":0.6,"MSFT":0.4}}"#));
/// # Ok::<(), aistm7_monitoring::log::LogError>(())
/// ```
pub fn json<T: Serialize + ?Sized>(value: &T) -> DebugValue<Json<'_, T>> {
    debug(Json(value))
}

/// What [`json`] makes of a value.
#[derive(Clone, Copy)]
pub struct Json<'a, T: ?Sized>(&'a T);

/// What formatting a value told besides its text.
pub(crate) enum Heard {
    /// It was a text.
    Nothing,
    /// A [`Json`] was formatted, and gave its value instead of a text.
    Value(Value),
    /// A [`Json`] was formatted, and its value cannot be serialised.
    Failure,
}

thread_local! {
    /// Whether somebody on this thread wants the value, not the text, of the next [`Json`] that is formatted. `const`
    /// and without a destructor, so it is there to the thread's end.
    static LISTENS: Cell<bool> = const { Cell::new(false) };
    static TOLD: Cell<Option<Value>> = const { Cell::new(None) };
}

/// Formats something, which must not unwind, and hears whether it was a [`Json`].
///
/// `tracing` shows a layer values of its own kinds only, and of others their `Debug`. So a `Debug` that is asked in here
/// hands its value over on the side.
pub(crate) fn listen<R>(format: impl FnOnce() -> R) -> (R, Heard) {
    // An event inside a formatter asks anew; who asked before is asked for again afterwards.
    let before = LISTENS.replace(true);
    let formatted = format();
    let heard = if LISTENS.replace(before) {
        Heard::Nothing
    } else {
        TOLD.try_with(Cell::take).ok().flatten().map_or(Heard::Failure, Heard::Value)
    };
    (formatted, heard)
}

impl<T: Serialize + ?Sized> fmt::Debug for Json<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Taken away at once, so that the value's own code is not heard in its place.
        if LISTENS.take() {
            let value = serde_json::to_value(self.0).map_err(|_| fmt::Error)?;
            return TOLD.try_with(|told| told.set(Some(value))).map_err(|_| fmt::Error);
        }
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}
