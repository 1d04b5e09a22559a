//! How results become a status: thresholds, and nothing that waits, counts time itself or talks.

mod published;

use std::time::{Duration, Instant, SystemTime};

pub(super) use self::published::{Followed, Probe};
use super::outcome::{CheckFailure, CheckReport, Datum, Weight};
use super::report::LastFailure;
use super::settings::Settings;
use super::status::Status;
use crate::clock::Clock;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) instant: Instant,
    pub(super) wall: SystemTime,
}

impl Moment {
    pub(super) fn of(clock: &Clock) -> Self {
        Self { instant: clock.now(), wall: clock.wall() }
    }

    /// The moment some time before; `None` if there was none, as before the machine was started.
    pub(super) fn before(self, ago: Duration) -> Option<Self> {
        Some(Self { instant: self.instant.checked_sub(ago)?, wall: self.wall.checked_sub(ago)? })
    }
}

/// What is known of one check.
#[derive(Clone, Debug)]
pub(super) struct State {
    failure_threshold: u32,
    recovery_threshold: u32,
    excuse: Excuse,
    outage: Outage,
    pub(super) status: Status,
    /// Why the status is not healthy.
    pub(super) reason: Option<&'static str>,
    pub(super) message: String,
    pub(super) data: Vec<(&'static str, Datum)>,
    /// When the status became what it is.
    pub(super) since: Moment,
    /// When the check became degraded or unhealthy; `None` while it is neither.
    bad_since: Option<Instant>,
    pub(super) last_success: Option<SystemTime>,
    pub(super) last_failure: Option<LastFailure>,
    pub(super) consecutive_failures: u32,
    consecutive_reports: u32,
}

/// Whether a failure may be overlooked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excuse {
    None,
    /// The dependency is allowed to be down.
    Maintenance,
}

/// Whether failures have made a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    None,
    /// It began inside a maintenance window, and that is not over: the status is degraded.
    Excused,
    /// The status is unhealthy.
    Counted,
}

/// The reason of a check that failed inside a maintenance window.
const MAINTENANCE: &str = "maintenance";

/// A status that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: Status,
    pub(super) to: Status,
    /// When `from` had begun.
    pub(super) began: Instant,
    /// Since when the check had been degraded or unhealthy before, without a break; `None` if it was neither.
    pub(super) bad_since: Option<Instant>,
}

impl State {
    pub(super) fn new(settings: &Settings, now: Moment) -> Self {
        Self {
            failure_threshold: settings.failure_threshold,
            recovery_threshold: settings.recovery_threshold,
            excuse: Excuse::None,
            outage: Outage::None,
            status: Status::Unknown,
            reason: None,
            message: String::new(),
            data: Vec::new(),
            since: now,
            bad_since: None,
            last_success: None,
            last_failure: None,
            consecutive_failures: 0,
            consecutive_reports: 0,
        }
    }

    /// What failures are worth from now on. An outage that outlives its excuse counts.
    pub(super) fn excuse(&mut self, excuse: Excuse, now: Moment) -> Option<Change> {
        self.excuse = excuse;
        if (self.outage, excuse) != (Outage::Excused, Excuse::None) {
            return None;
        }
        self.outage = Outage::Counted;
        if let Some(failure) = &self.last_failure {
            self.reason = Some(failure.reason);
            failure.message.clone_into(&mut self.message);
        }
        self.become_status(Status::Unhealthy, now)
    }

    /// Takes in a run that could say how things are.
    pub(super) fn report(&mut self, report: CheckReport, now: Moment) -> Option<Change> {
        let first_ever = self.last_success.is_none();
        self.consecutive_failures = 0;
        self.consecutive_reports = self.consecutive_reports.saturating_add(1);
        self.last_success = Some(now.wall);
        self.data = report.data().to_vec();
        let believed = self.outage == Outage::None || first_ever || self.consecutive_reports >= self.recovery_threshold;
        if !believed {
            return None;
        }
        self.outage = Outage::None;
        self.reason = report.reason();
        report.message().clone_into(&mut self.message);
        self.become_status(report.status(), now)
    }

    /// Takes in a run that failed.
    pub(super) fn failure(&mut self, failure: &CheckFailure, now: Moment) -> Option<Change> {
        self.consecutive_reports = 0;
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        let message = failure.full_message();
        self.last_failure = Some(LastFailure { reason: failure.reason(), message: message.clone(), at: now.wall });
        let is_outage = self.outage != Outage::None
            || self.consecutive_failures >= self.failure_threshold
            || failure.weight() == Weight::Conclusive;
        // An unknown status says why nothing is known; any other keeps its own reason until the threshold.
        if is_outage || self.status == Status::Unknown {
            self.reason = Some(failure.reason());
            self.message = message;
            self.data = failure.data().to_vec();
        }
        if !is_outage {
            return None;
        }
        if self.excuse == Excuse::Maintenance && self.outage != Outage::Counted {
            self.outage = Outage::Excused;
            self.reason = Some(MAINTENANCE);
            return self.become_status(Status::Degraded, now);
        }
        self.outage = Outage::Counted;
        self.become_status(Status::Unhealthy, now)
    }

    /// Failed runs in a row since they became an outage, the one that made it so included; 0 without one.
    pub(super) fn failures_of_outage(&self) -> u32 {
        match self.outage {
            Outage::None => 0,
            Outage::Excused | Outage::Counted => (self.consecutive_failures + 1).saturating_sub(self.failure_threshold),
        }
    }

    /// Whether failures have begun that do not yet make a status: the next run should not wait a whole interval.
    pub(super) fn is_settling(&self) -> bool {
        self.consecutive_failures > 0 && self.outage == Outage::None
    }

    fn become_status(&mut self, status: Status, now: Moment) -> Option<Change> {
        if self.status == status {
            return None;
        }
        let change = Change { from: self.status, to: status, began: self.since.instant, bad_since: self.bad_since };
        self.status = status;
        self.since = now;
        self.bad_since = match status {
            Status::Degraded | Status::Unhealthy => self.bad_since.or(Some(now.instant)),
            Status::Healthy | Status::Unknown => None,
        };
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;
    use crate::health::CheckOptions;
    use crate::health::report::STALE;

    fn letter(status: Status) -> char {
        match status {
            Status::Healthy => 'H',
            Status::Degraded => 'D',
            Status::Unhealthy => 'U',
            Status::Unknown => '?',
        }
    }

    /// Feeds `p`asses, `d`egraded reports, `f`ailures, results that got `s`tale, `c`onclusive failures, and moments at which maintenance begins
    /// (`<`) and ends (`>`); shows the status after each.
    fn statuses(failure_threshold: u32, recovery_threshold: u32, runs: &str) -> String {
        let options = CheckOptions::new().failure_threshold(failure_threshold).recovery_threshold(recovery_threshold);
        let now = Moment::of(&ManualClock::new().clock());
        let mut state = State::new(&options.resolve("x").unwrap(), now);
        let mut after_each = String::new();
        for run in runs.chars() {
            let before = state.status;
            let change = match run {
                'p' => state.report(CheckReport::healthy(), now),
                'd' => state.report(CheckReport::degraded("odd", "odd"), now),
                'f' => state.failure(&CheckFailure::new("down", "down"), now),
                's' => state.failure(&CheckFailure::new(STALE, "too old"), now),
                '<' => state.excuse(Excuse::Maintenance, now),
                '>' => state.excuse(Excuse::None, now),
                'c' => state.failure(&CheckFailure::new("stalled", "stalled").conclusive(), now),
                other => panic!("no such run: {other}"),
            };
            assert_eq!(
                change.map(|change| (change.from, change.to)),
                (before != state.status).then_some((before, state.status))
            );
            assert_eq!(state.reason.is_none(), state.status == Status::Healthy, "{runs}: a reason unless healthy");
            after_each.push(letter(state.status));
        }
        after_each
    }

    #[test]
    fn thresholds_count_runs_in_a_row() {
        for (runs, expected) in [
            // The first success counts at once, however many failures came before it.
            ("p", "H"),
            ("fp", "?H"),
            ("fffp", "??UH"),
            // A failure before any success is as little evidence as one later.
            ("ff", "??"),
            ("fff", "??U"),
            // consul-esm#315: p,f,f,f is unhealthy at the third failure, not before and not after.
            ("pfff", "HHHU"),
            // Flapping never adds up.
            ("pffpffpff", "HHHHHHHHH"),
            ("pfffpfpfpp", "HHHUUUUUUH"),
            // A check's own word counts at once, but not out of unhealthy.
            ("pdp", "HDH"),
            ("d", "D"),
            ("pfffdd", "HHHUUD"),
            ("pfffpd", "HHHUUD"),
            ("dfff", "DDDU"),
            // What got too old is a failed run among others.
            ("psss", "HHHU"),
            ("pfsf", "HHHU"),
            ("psps", "HHHH"),
            ("psfspp", "HHHUUH"),
            // It watched long enough itself.
            ("pc", "HU"),
            ("c", "U"),
            ("pcpp", "HUUH"),
        ] {
            assert_eq!(statuses(3, 2, runs), expected, "{runs}");
        }
        assert_eq!(statuses(1, 1, "pfpf"), "HUHU");
        assert_eq!(statuses(2, 3, "pffppfppp"), "HHUUUUUUH");
    }

    #[test]
    fn failures_inside_maintenance_degrade_and_count_when_they_outlive_it() {
        for (runs, expected) in [
            // Excused, and over before the end.
            ("p<fffpp>p", "HHHHDDHHH"),
            // Out of the excused outage, too, it takes as many successes as the recovery threshold says.
            ("p<fffpfpp", "HHHHDDDDH"),
            // It outlives the window.
            ("p<fff>fpp", "HHHHDUUUH"),
            // Failures that only add up after the window count from the first on.
            ("p<ff>f", "HHHHHU"),
            // An outage from before the window is nobody's maintenance.
            ("pfff<f>f", "HHHUUUUU"),
            ("pfff<ppfff", "HHHUUUHHHD"),
            // What the check has seen itself is excused like the rest.
            ("p<c>", "HHDU"),
            ("f<ff>", "???DU"),
        ] {
            assert_eq!(statuses(3, 2, runs), expected, "{runs}");
        }
    }

    #[test]
    fn excused_check_says_maintenance_and_keeps_what_happened() {
        let now = Moment::of(&ManualClock::new().clock());
        let settings = CheckOptions::new().failure_threshold(1).resolve("x").unwrap();
        let mut state = State::new(&settings, now);
        state.excuse(Excuse::Maintenance, now);
        state.failure(&CheckFailure::new("unreachable", "refused"), now);
        assert_eq!((state.reason, state.message.as_str()), (Some("maintenance"), "refused"));
        assert!(!state.is_settling(), "an excused outage is probed at its usual interval");
        state.excuse(Excuse::None, now);
        assert_eq!((state.reason, state.message.as_str()), (Some("unreachable"), "refused"));
    }

    fn at(held: &ManualClock) -> Moment {
        Moment::of(&held.clock())
    }

    #[test]
    fn change_knows_how_long_it_was_bad_without_a_break() {
        let held = ManualClock::new();
        let mut state = State::new(&CheckOptions::new().failure_threshold(1).resolve("x").unwrap(), at(&held));
        let start = held.clock().now();
        let degraded = || CheckReport::degraded("odd", "odd");
        let mut bad_seconds = Vec::new();
        let mut later = |report: Option<CheckReport>| {
            held.advance(Duration::from_secs(10));
            let change = match report {
                Some(report) => state.report(report, at(&held)),
                None => state.failure(&CheckFailure::new("down", "down"), at(&held)),
            };
            bad_seconds.extend(change.map(|change| change.bad_since.map(|since| (since - start).as_secs())));
        };
        for report in [
            Some(CheckReport::healthy()),
            Some(degraded()),
            None,
            None,
            Some(CheckReport::healthy()),
            Some(degraded()),
            Some(CheckReport::healthy()),
            None,
        ] {
            later(report);
        }
        // Healthy, degraded at 20, unhealthy at 30, degraded once it is believed at 60, healthy at 70, unhealthy at 80.
        assert_eq!(bad_seconds, [None, None, Some(20), Some(20), Some(20), None]);
    }

    #[test]
    fn reason_of_an_unhealthy_check_follows_its_latest_failure() {
        let now = Moment::of(&ManualClock::new().clock());
        let settings = CheckOptions::new().failure_threshold(1).resolve("x").unwrap();
        let mut state = State::new(&settings, now);
        state.report(CheckReport::healthy().with_data("slot", 5_u64), now);
        assert!(state.failure(&CheckFailure::new("unreachable", "a"), now).is_some());
        assert!(state.failure(&CheckFailure::new("auth", "b"), now).is_none());
        assert_eq!((state.reason, state.message.as_str()), (Some("auth"), "b"));
        assert!(state.data.is_empty(), "the facts were those of a success");
        state.failure(&CheckFailure::new("auth", "c").with_data("attempts", 42_u64), now);
        assert_eq!(state.data, [("attempts", Datum::from(42_u64))], "the facts of a failure are its own");
        state.report(CheckReport::healthy(), now);
        assert_eq!(state.reason, Some("auth"), "one success is not yet believed");
        assert_eq!(state.consecutive_failures, 0);
    }

    #[test]
    fn failures_settle_until_they_make_a_status() {
        let now = Moment::of(&ManualClock::new().clock());
        let mut state = State::new(&CheckOptions::new().resolve("x").unwrap(), now);
        assert!(!state.is_settling());
        for expected in [true, true, false, false] {
            state.failure(&CheckFailure::new("down", "down"), now);
            assert_eq!(state.is_settling(), expected);
        }
        state.report(CheckReport::healthy(), now);
        assert!(!state.is_settling());
    }
}
