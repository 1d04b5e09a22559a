//! A status that changed: told to the log once, and to whoever subscribed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast::{self, error::RecvError};
use tracing::Level;

use super::status::Status;
use crate::clock::Timestamp;
use crate::severity::Severity;

/// A change of one check's status.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transition {
    /// The check's name.
    pub check: Arc<str>,
    /// The fleet-wide name of what it checks.
    pub dependency: Arc<str>,
    /// The status that ended.
    pub from: Status,
    /// The status that began.
    pub to: Status,
    /// The code of why `to` is not healthy.
    pub reason: Option<&'static str>,
    /// How urgent the check is.
    pub severity: Severity,
    /// When it changed.
    pub at: SystemTime,
    /// How long `from` had lasted.
    pub lasted: Duration,
    /// How long the check had been degraded or unhealthy without a break, whichever it was: what an outage lasted, when
    /// `to` is healthy. Zero if it begins now.
    pub bad_for: Duration,
}

impl Transition {
    /// How loudly the log says it: recoveries are news; only what a person must act on is an error.
    fn level(&self) -> Level {
        match (self.to, self.severity) {
            (Status::Healthy | Status::Unknown, _) | (_, Severity::Info) => Level::INFO,
            (Status::Unhealthy, Severity::Critical) => Level::ERROR,
            (Status::Degraded | Status::Unhealthy, _) => Level::WARN,
        }
    }

    /// One event. `message` is for people and already scrubbed.
    ///
    /// That a check works from the start is no news, and may be known before anybody listens, so it is not told.
    pub(super) fn log(&self, message: &str) {
        if (self.from, self.to) == (Status::Unknown, Status::Healthy) {
            return;
        }
        macro_rules! event_at {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    check = &*self.check,
                    dependency = &*self.dependency,
                    from = self.from.as_str(),
                    to = self.to.as_str(),
                    reason = self.reason,
                    problem = (!message.is_empty()).then_some(message),
                    lasted_seconds = self.lasted.as_secs_f64(),
                    bad_for_seconds = self.bad_for.as_secs_f64(),
                    at = Timestamp::from(self.at).as_str(),
                    "health check is {}",
                    self.to.as_str(),
                )
            };
        }
        match self.level() {
            Level::ERROR => event_at!(Level::ERROR),
            Level::WARN => event_at!(Level::WARN),
            _ => event_at!(Level::INFO),
        }
    }
}

/// Chosen: more than the changes of a bad minute, and a bound for a subscriber that sleeps.
const KEPT_FOR_A_SLOW_SUBSCRIBER: usize = 256;

pub(super) fn channel() -> broadcast::Sender<Transition> {
    broadcast::Sender::new(KEPT_FOR_A_SLOW_SUBSCRIBER)
}

/// The changes from the moment of subscribing on. Those out of unknown are not among them: the first word of a check
/// is no news.
#[derive(Debug)]
pub struct Transitions {
    receiver: broadcast::Receiver<Transition>,
    missed: u64,
}

impl Transitions {
    pub(super) fn new(receiver: broadcast::Receiver<Transition>) -> Self {
        Self { receiver, missed: 0 }
    }

    /// The next change; `None` once health has stopped and all is told.
    ///
    /// A subscriber that is more than 256 changes behind loses the oldest; [`Transitions::missed`] counts them.
    ///
    /// # Cancellation
    /// Safe: no change is lost.
    pub async fn next(&mut self) -> Option<Transition> {
        loop {
            match self.receiver.recv().await {
                Ok(transition) => return Some(transition),
                Err(RecvError::Lagged(lost)) => self.missed += lost,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// How many changes were lost because they were not taken in time.
    pub const fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transition(to: Status, severity: Severity) -> Transition {
        Transition {
            check: "database".into(),
            dependency: "postgres".into(),
            from: Status::Healthy,
            to,
            reason: None,
            severity,
            at: SystemTime::UNIX_EPOCH,
            lasted: Duration::ZERO,
            bad_for: Duration::ZERO,
        }
    }

    #[test]
    fn level_says_whether_a_person_must_act() {
        for (to, severity, level) in [
            (Status::Unhealthy, Severity::Critical, Level::ERROR),
            (Status::Unhealthy, Severity::Warning, Level::WARN),
            (Status::Unhealthy, Severity::Info, Level::INFO),
            (Status::Degraded, Severity::Critical, Level::WARN),
            (Status::Degraded, Severity::Info, Level::INFO),
            (Status::Healthy, Severity::Critical, Level::INFO),
        ] {
            assert_eq!(transition(to, severity).level(), level, "{to:?} {severity:?}");
        }
    }

    #[tokio::test]
    async fn slow_subscriber_loses_the_oldest_and_knows_how_many() {
        let sender = channel();
        let mut transitions = Transitions::new(sender.subscribe());
        for _ in 0..KEPT_FOR_A_SLOW_SUBSCRIBER + 3 {
            sender.send(transition(Status::Unhealthy, Severity::Info)).unwrap();
        }
        drop(sender);
        let mut received = 0;
        while transitions.next().await.is_some() {
            received += 1;
        }
        assert_eq!((received, transitions.missed()), (KEPT_FOR_A_SLOW_SUBSCRIBER, 3));
    }
}
