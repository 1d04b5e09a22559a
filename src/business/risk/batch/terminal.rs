//! The progress of a batch on a terminal.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::runs::Batches;
use crate::clock::{Alarm, Clock};

/// A line on the terminal that shows how far a batch is, until this is dropped.
///
/// It goes to standard error, and nowhere if that is no terminal, so a job says the same under cron as by hand. It reads
/// what the metrics read: recording costs no more with it. Cost: a thread.
///
/// ```
/// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
/// let nightly = risk.batch("nightly-var");
/// let _line = nightly.show_on_terminal()?;
/// nightly.expect_items(2);
/// nightly.execute(|| {
///     nightly.items().ok();
///     nightly.items().ok();
///     Ok::<_, String>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "what is dropped at once shows nothing"]
pub struct TerminalProgress {
    alarm: Arc<Alarm>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Chosen: what people take for motion, and nothing to a machine.
const REDRAW: Duration = Duration::from_millis(100);

/// What is there is ours, and checked by a test.
const TEMPLATE: &str = "{prefix} [{bar:40}] {pos}/{len}{msg}";

impl Batches {
    /// Shows the progress of this batch's runs on the terminal, if there is one.
    ///
    /// # Errors
    /// When the system starts no thread for it.
    pub fn show_on_terminal(&self) -> io::Result<TerminalProgress> {
        self.show_on(ProgressDrawTarget::stderr(), Clock::system())
    }

    fn show_on(&self, target: ProgressDrawTarget, clock: Clock) -> io::Result<TerminalProgress> {
        let bar = ProgressBar::with_draw_target(Some(0), target)
            .with_style(ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_prefix(self.name().to_owned());
        let (alarm, is_over) = (Alarm::new(&clock), Arc::new(AtomicBool::new(false)));
        let (batch, rings, over) = (self.clone(), Arc::clone(&alarm), Arc::clone(&is_over));
        let draw = move || {
            // `Acquire` pairs with the `Release` of the drop, so that the last look sees all that came before it.
            while !over.load(Ordering::Acquire) {
                show(&bar, &batch);
                rings.wait(clock.now().checked_add(REDRAW));
            }
            show(&bar, &batch);
            bar.abandon();
        };
        let thread = thread::Builder::new().name("batch-progress".to_owned()).spawn(draw)?;
        Ok(TerminalProgress { alarm, is_over, thread: Some(thread) })
    }
}

/// Shows the run that is under way, or else how far the one before it came.
fn show(bar: &ProgressBar, batch: &Batches) {
    let present = batch.progress();
    let progress = if present.elapsed.is_some() { present } else { batch.last_progress() };
    if progress.elapsed.is_none() {
        return;
    }
    let failed = if progress.failed == 0 { String::new() } else { format!(", {} failed", progress.failed) };
    let left = progress.time_left().map(|left| format!(", {} s left", left.as_secs())).unwrap_or_default();
    bar.set_length(progress.expected.unwrap_or(progress.ended()));
    bar.set_position(progress.ended());
    bar.set_message(format!("{failed}{left}"));
}

impl Drop for TerminalProgress {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        self.alarm.ring();
        if let Some(thread) = self.thread.take() {
            // OK to give up: a thread that panicked has shown what it could.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use indicatif::TermLike;

    use super::*;
    use crate::business::risk::Risk;
    use crate::clock::ManualClock;
    use crate::metrics::{Meter, Registry};

    /// Everything that was written to it.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn text(&self) -> String {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn line_shows_what_the_metrics_show_and_the_end_of_a_run() {
        let (held, screen) = (ManualClock::new(), Screen::default());
        let risk = Risk::new(&Meter::new(&Registry::new()), held.clock()).unwrap();
        let nightly = risk.batch("nightly-var");
        let target = || ProgressDrawTarget::term_like(Box::new(screen.clone()));
        nightly.expect_items(4);
        let run = nightly.start();
        held.advance(Duration::from_secs(30));
        nightly.items().ok();
        nightly.items().failed();
        drop(nightly.show_on(target(), held.clock()).unwrap());
        let text = screen.text();
        assert!(text.contains("nightly-var [") && text.contains("2/4, 1 failed, 30 s left"), "{text}");

        nightly.items().ok();
        nightly.items().ok();
        run.ok();
        drop(nightly.show_on(target(), held.clock()).unwrap());
        assert!(screen.text().trim_end().ends_with("4/4, 1 failed, 0 s left"), "{}", screen.text());
    }

    #[test]
    fn template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
