//! What the holder of a lease tells the other replicas of a check, as text.
//!
//! Times are told as how long ago they were, so that nobody's wall clock has to agree with another's. Messages and facts
//! have been scrubbed when they came in, and are scrubbed again when they are read.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value, json};

use super::{Change, Moment, Outage, State};
use crate::health::outcome::{Datum, Facts, add};
use crate::health::report::LastFailure;
use crate::health::status::Status;
use crate::health::words::{interned, reason};
use crate::redact::scrub_text;
use crate::store::lease::LONGEST_RESULT;

/// The run that a state is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::health) struct Probe {
    /// When its result came in.
    pub(in crate::health) at: Instant,
    /// How long it took.
    pub(in crate::health) took: Option<Duration>,
    /// When the certificate ends that the peer showed last.
    pub(in crate::health) certificate_not_after: Option<SystemTime>,
}

/// The state of a check in another replica.
#[derive(Clone, Debug)]
pub(in crate::health) struct Followed {
    status: Status,
    outage: Outage,
    reason: Option<&'static str>,
    message: String,
    data: Facts,
    since: Moment,
    bad_since: Option<Instant>,
    last_success: Option<Moment>,
    last_failure: Option<LastFailure>,
    consecutive_failures: u32,
    consecutive_reports: u32,
    pub(in crate::health) probe: Probe,
}

/// Which form the text has. Another one is not read, so that replicas of two versions do not mislead each other.
const FORM: u64 = 1;

const OUTAGES: [(&str, Outage); 3] =
    [("none", Outage::None), ("excused", Outage::Excused), ("counted", Outage::Counted)];

impl State {
    /// Tells others of this state.
    pub(in crate::health) fn published(&self, probe: Probe, now: Moment) -> String {
        let full = self.published_with(&self.message, &self.data, probe, now);
        if full.len() <= LONGEST_RESULT { full } else { self.published_with("", &Facts::new(), probe, now) }
    }

    fn published_with(&self, message: &str, data: &Facts, probe: Probe, now: Moment) -> String {
        let wall_ago = |at| milliseconds(now.wall.duration_since(at).unwrap_or_default());
        let ago = |at| milliseconds(now.instant.saturating_duration_since(at));
        let (outage, _) = OUTAGES[self.outage as usize];
        let failure = self.last_failure.as_ref().map(|failure| {
            let shown = if message.is_empty() { "" } else { &failure.message };
            json!({"reason": failure.reason, "message": shown, "ago": wall_ago(failure.at)})
        });
        let facts = data.iter().map(|(key, datum)| json!([key, kind_of(datum), text_of(datum)]));
        let told = json!({
            "form": FORM,
            "status": self.status.as_str(),
            "outage": outage,
            "reason": self.reason,
            "message": message,
            "data": facts.collect::<Vec<_>>(),
            "since_ago": ago(self.since.instant),
            "bad_ago": self.bad_since.map(ago),
            "success_ago": self.last_success.map(wall_ago),
            "failure": failure,
            "failures": self.consecutive_failures,
            "reports": self.consecutive_reports,
            "probed_ago": ago(probe.at),
            "took": probe.took.map(milliseconds),
            // The one moment that is on no clock of ours, and the same for all.
            "certificate": probe.certificate_not_after.map(milliseconds_since_epoch),
        });
        told.to_string()
    }

    /// Becomes what another replica knows.
    pub(in crate::health) fn follow(&mut self, followed: Followed) -> Option<Change> {
        let change = self.become_status(followed.status, followed.since);
        // It may have been bad in another way before this replica knew of it.
        self.bad_since = followed.bad_since.or(self.bad_since);
        self.outage = followed.outage;
        self.reason = followed.reason;
        self.message = followed.message;
        self.data = followed.data;
        self.last_success = followed.last_success.map(|at| at.wall);
        self.last_failure = followed.last_failure;
        self.consecutive_failures = followed.consecutive_failures;
        self.consecutive_reports = followed.consecutive_reports;
        change
    }
}

impl Followed {
    /// Reads what was told at a moment; `None` if it is something else.
    pub(in crate::health) fn read(text: &str, told: Moment) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let told_of = value.as_object().filter(|told_of| told_of.get("form") == Some(&json!(FORM)))?;
        let ago = |key| told.before(duration(told_of.get(key)?)?);
        let word = |key| told_of.get(key).and_then(Value::as_str);
        let count = |key| told_of.get(key).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
        let status = word("status")?;
        let outage = word("outage")?;
        Some(Self {
            status: Status::ALL.into_iter().find(|known| known.as_str() == status)?,
            outage: OUTAGES.into_iter().find(|(name, _)| *name == outage)?.1,
            reason: word("reason").map(reason),
            message: scrub_text(word("message")?),
            data: facts(told_of)?,
            since: ago("since_ago")?,
            bad_since: ago("bad_ago").map(|at| at.instant),
            last_success: ago("success_ago"),
            last_failure: told_of.get("failure").and_then(|failure| last_failure(failure, told)),
            consecutive_failures: count("failures")?,
            consecutive_reports: count("reports")?,
            probe: Probe {
                at: ago("probed_ago")?.instant,
                took: told_of.get("took").and_then(duration),
                certificate_not_after: told_of.get("certificate").and_then(since_epoch),
            },
        })
    }
}

fn last_failure(failure: &Value, told: Moment) -> Option<LastFailure> {
    Some(LastFailure {
        reason: reason(failure.get("reason")?.as_str()?),
        message: scrub_text(failure.get("message")?.as_str()?),
        at: told.before(duration(failure.get("ago")?)?)?.wall,
    })
}

/// Facts whose key or value cannot be are left out.
fn facts(told_of: &Map<String, Value>) -> Option<Facts> {
    let mut facts = Facts::new();
    for fact in told_of.get("data")?.as_array()? {
        let text = |at: usize| fact.get(at).and_then(Value::as_str);
        let read = |kind, text: &str| match kind {
            "integer" => text.parse().ok().map(Datum::Integer),
            "number" => text.parse().ok().map(Datum::Number),
            "flag" => text.parse().ok().map(Datum::Flag),
            _ => Some(Datum::from(text)),
        };
        let datum = text(1).zip(text(2)).and_then(|(kind, text)| read(kind, text));
        if let Some((key, datum)) = text(0).and_then(interned).zip(datum) {
            add(&mut facts, key, datum);
        }
    }
    Some(facts)
}

const fn kind_of(datum: &Datum) -> &'static str {
    match datum {
        Datum::Integer(_) => "integer",
        Datum::Number(_) => "number",
        Datum::Flag(_) => "flag",
        Datum::Text(_) => "text",
    }
}

/// As text, since JSON's numbers are no integers past 53 bits and never infinite.
fn text_of(datum: &Datum) -> String {
    match datum {
        Datum::Integer(value) => value.to_string(),
        Datum::Number(value) => value.to_string(),
        Datum::Flag(value) => value.to_string(),
        Datum::Text(value) => value.clone(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn milliseconds_since_epoch(at: SystemTime) -> u64 {
    milliseconds(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn since_epoch(value: &Value) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(duration(value)?)
}

fn duration(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::health::{CheckFailure, CheckOptions, CheckReport};

    fn state(now: Moment) -> State {
        State::new(&CheckOptions::new().failure_threshold(1).resolve("x").unwrap(), now)
    }

    #[test]
    fn follower_knows_what_the_holder_knows_whatever_their_clocks_say() {
        let holders = ManualClock::new();
        let mut held = state(Moment::of(&holders.clock()));
        let report = CheckReport::degraded("behind", "see https://u:p@h/x")
            .with_data("slot", u64::MAX)
            .with_data("ratio", f64::INFINITY)
            .with_data("leader", true)
            .with_data("peer", "a \"b\" \u{1} c");
        held.report(report, Moment::of(&holders.clock()));
        holders.advance(Duration::from_secs(60));
        let failed = Moment::of(&holders.clock());
        let failure = CheckFailure::new("unreachable", "no answer").with_source(std::io::Error::other("refused"));
        held.failure(&failure, failed);
        holders.advance(Duration::from_secs(5));
        let certificate_not_after = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000));
        let probe = Probe { at: failed.instant, took: Some(Duration::from_millis(40)), certificate_not_after };
        let text = held.published(probe, Moment::of(&holders.clock()));

        // Ten years apart, and the text is two seconds old.
        let followers =
            ManualClock::starting_at(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        followers.advance(Duration::from_secs(1000));
        let told = Moment::of(&followers.clock()).before(Duration::from_secs(2)).unwrap();
        let mut following = state(told);
        let followed = Followed::read(&text, told).unwrap();
        assert_eq!(followed.probe, Probe { at: told.instant - Duration::from_secs(5), ..probe });
        let change = following.follow(followed.clone()).unwrap();
        assert_eq!((change.from, change.to), (Status::Unknown, Status::Unhealthy));
        assert_eq!(following.follow(followed), None);
        assert_eq!((following.reason, &*following.message), (Some("unreachable"), "no answer: refused"));
        assert_eq!(following.since.wall, told.wall - Duration::from_secs(5));
        assert_eq!(
            following.bad_since,
            Some(told.instant - Duration::from_secs(65)),
            "degraded before it was unhealthy"
        );
        assert_eq!(following.last_success, Some(told.wall - Duration::from_secs(65)));
        assert_eq!(following.last_failure.as_ref().unwrap().at, told.wall - Duration::from_secs(5));
        // It goes on where the holder was.
        assert_eq!(following.failures_of_outage(), held.failures_of_outage());
        assert_eq!(following.report(CheckReport::healthy(), told), None, "the second success is the one that counts");
        assert!(following.report(CheckReport::healthy(), told).is_some());
    }

    #[test]
    fn facts_arrive_as_they_are_and_nothing_secret_does() {
        let now = Moment::of(&ManualClock::new().clock());
        let mut held = state(now);
        let report = CheckReport::degraded("behind", "see https://u:p@h/x")
            .with_data("slot", u64::MAX)
            .with_data("ratio", f64::NEG_INFINITY)
            .with_data("leader", true)
            .with_data("access_token", "hunter2")
            .with_data("peer", "a \"b\" \u{1} c");
        held.report(report, now);
        let probe = Probe { at: now.instant, took: None, certificate_not_after: None };
        let text = held.published(probe, now);
        assert!(!text.contains("hunter2") && !text.contains("u:p"), "{text}");
        let mut following = state(now);
        following.follow(Followed::read(&text, now).unwrap());
        assert_eq!(following.data, held.data);

        // Whoever can write to the store cannot show secrets or links through us either.
        let tampered = text.replace("see https://h", "see https://u:p@h/x?k=v").replace("slot", "password");
        following.follow(Followed::read(&tampered, now).unwrap());
        assert_eq!(following.message, "see https://h");
        assert!(following.data.contains(&("password", Datum::Text("[redacted]".to_owned()))));
    }

    #[test]
    fn what_is_no_state_is_not_followed_and_what_is_too_long_is_cut() {
        let now = Moment::of(&ManualClock::new().clock());
        let mut held = state(now);
        let probe = Probe { at: now.instant, took: None, certificate_not_after: None };
        let text = held.published(probe, now);
        assert!(Followed::read(&text, now).is_some());
        for broken in ["", "{}", "[]", &text.replace("\"form\":1", "\"form\":2"), &text.replace("unknown", "fine")] {
            assert!(Followed::read(broken, now).is_none(), "{broken}");
        }
        held.failure(&CheckFailure::new("down", "x".repeat(LONGEST_RESULT)), now);
        let cut = held.published(probe, now);
        assert!(cut.len() < 1024, "{}", cut.len());
        assert_eq!(Followed::read(&cut, now).unwrap().reason, Some("down"));
    }
}
