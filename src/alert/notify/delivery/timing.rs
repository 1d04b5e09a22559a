//! How long delivery waits for what.

use std::time::Duration;

use super::super::error::NotifyError;

/// The times of a delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// How long news wait for others to be told with.
    pub(super) window: Duration,
    /// The same, if something is critical.
    pub(super) critical_window: Duration,
    /// How often what still fires is told again.
    pub(super) repeat: Duration,
    /// How long a destination may fail until its fallback is told.
    pub(super) fallback_after: Duration,
    /// How long what a destination was told before a restart may go unconfirmed.
    pub(super) confirm_within: Duration,
    /// How long one call may take.
    pub(super) send_limit: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            // As Alertmanager's `group_wait`, by default and in the generated routes.
            window: Duration::from_secs(30),
            critical_window: Duration::from_secs(10),
            // As Alertmanager's `repeat_interval`.
            repeat: Duration::from_secs(4 * 3600),
            // Chosen: a page that is a minute late still helps.
            fallback_after: Duration::from_secs(60),
            // Chosen: every rule of the catalog has been evaluated and held by then.
            confirm_within: Duration::from_secs(600),
            send_limit: Duration::from_secs(10),
        }
    }
}

/// How long what cannot be told is tried. Chosen: whoever comes to work the next day knows.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Chosen: what breaks for a moment is told soon, and what is down is asked once a minute.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Chosen: who asks to be left alone for longer is asked once an hour whether that still holds.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// How long to wait after an error, the last of so many in a row: as long as the destination asks for, or of our own choice.
pub(super) fn pause_after(error: &NotifyError, failures: u32) -> Duration {
    error.again_after().map_or_else(|| pause(failures), |asked| asked.min(LONGEST_ASKED))
}

/// How long to wait after so many failures in a row: half to one and a half of a pause that doubles, so that those who
/// failed together do not come back together.
fn pause(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_are_spread() {
        for (failures, middle) in [(1, 1), (2, 2), (5, 16), (7, 60), (40, 60), (u32::MAX, 60)] {
            let middle = Duration::from_secs(middle);
            for _ in 0..100 {
                let pause = pause(failures);
                assert!((middle / 2..=middle * 3 / 2).contains(&pause), "{failures}: {pause:?}");
            }
        }
    }
}
