//! Panics as one line of the log instead of many lines on standard error.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::time::Duration;

use tracing::Level;

use super::handle::{Inner, Log};
use super::layer::trace_of;
use super::visitor::Own;
use super::writer::is_writer_thread;
use crate::global::Installed;
use crate::trace::{self, TraceId};

/// Makes every panic of the process an ERROR line `panicked` with the panic's message, location and thread, the
/// backtrace if `RUST_BACKTRACE` asks for one, and the trace id of the context or the span it happened in; then waits until the line is written, at most
/// 250 ms, and not again while the sink stands still.
///
/// The process has one such hook, of one log at a time: while that log lives, others are told [`Installed::Taken`], and
/// once it is gone the next one takes its place without a second hook. A hook that the host had set before is still
/// called, after the line is written. The standard library's own hook, which prints several lines to standard error,
/// is called only when the line could not be logged, so that no panic passes unseen.
///
/// Called on a panicking thread it does nothing and says [`Installed::Taken`], since a hook cannot be set there.
pub fn install_panic_hook(log: &Log) -> Installed {
    let mut present = present();
    if present.log.strong_count() > 0 {
        let same = std::ptr::eq(present.log.as_ptr(), Arc::as_ptr(&log.0));
        return if same { Installed::AlreadyOurs } else { Installed::Taken };
    }
    if !present.hooked {
        if std::thread::panicking() {
            return Installed::Taken;
        }
        set_hook();
        present.hooked = true;
    }
    present.log = Arc::downgrade(&log.0);
    Installed::Installed
}

/// Whose panics these are.
struct Present {
    log: Weak<Inner>,
    hooked: bool,
}

static PRESENT: Mutex<Present> = Mutex::new(Present { log: Weak::new(), hooked: false });

fn present() -> MutexGuard<'static, Present> {
    PRESENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a panic waits for its line. Chosen: far longer than a disk needs, short for a request that panics.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a panic waits for the trace of its span. Chosen: far longer than a look into memory takes.
const LOOKUP_PATIENCE: Duration = Duration::from_millis(50);

/// Whether a panic's line reached the log.
#[derive(PartialEq, Eq)]
enum Told {
    InTheLog,
    Nowhere,
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

fn set_hook() {
    let previous = std::panic::take_hook();
    let standard = std::panic::take_hook();
    let had_hook = !is_same_hook(&previous, &standard);
    std::panic::set_hook(Box::new(move |info| {
        // What a look at a span that was left broken runs into is no news.
        if LOOKS_UP.get() {
            return;
        }
        if tell(info) == Told::Nowhere || had_hook {
            previous(info);
        }
    }));
}

/// Whether two hooks are the same code without state. With no hook set, `take_hook` hands out the standard library's
/// own, so its second answer is what to compare the first with.
#[allow(
    ambiguous_wide_pointer_comparisons,
    reason = "both come from one place of the standard library; were they told apart, the hook would merely be called"
)]
fn is_same_hook(a: &Hook, b: &Hook) -> bool {
    size_of_val(&**a) == 0 && std::ptr::eq(&raw const **a, &raw const **b)
}

fn tell(info: &PanicHookInfo<'_>) -> Told {
    // A sink that panics must not be given the news of it.
    if is_writer_thread() {
        return Told::Nowhere;
    }
    let Some(log) = present().log.upgrade() else {
        return Told::Nowhere;
    };
    let trace = trace::current().map(|context| context.trace_id()).or_else(trace_of_span);
    let told = log.core.emit_with(Level::ERROR, "panicked", trace, |own| describe(info, own));
    if told.is_err() {
        return Told::Nowhere;
    }
    log.core.flush_unless_stalled(PATIENCE);
    Told::InTheLog
}

thread_local! {
    /// Whether this thread only looks up a trace for another one.
    static LOOKS_UP: Cell<bool> = const { Cell::new(false) };
}

/// The trace of the span that this thread is in, as a task that only carries a span has it.
///
/// Another thread looks it up: whoever panics may hold a lock of that span, as a layer does that formats a value into it,
/// and lets go of it only when it unwinds.
fn trace_of_span() -> Option<TraceId> {
    tracing::dispatcher::get_default(|dispatch| {
        let span = dispatch.current_span().id()?.clone();
        let dispatch = dispatch.clone();
        let (tell, told) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("log-panic".to_owned());
        // An answer that comes too late is heard by nobody.
        let look_up = move || {
            LOOKS_UP.set(true);
            tell.send(trace_of(&dispatch, &span)).ok()
        };
        thread.spawn(look_up).ok()?;
        told.recv_timeout(LOOKUP_PATIENCE).ok()?
    })
}

fn describe(info: &PanicHookInfo<'_>, own: &mut Own<'_>) {
    own.text("panic", info.payload_as_str().unwrap_or("(the payload is no text)"));
    if let Some(location) = info.location() {
        own.shown("location", location);
    }
    own.text("thread", std::thread::current().name().unwrap_or("(unnamed)"));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        own.backtrace("backtrace", &backtrace);
    }
}
