//! The one connection of a collector: opened when it is needed, kept, and not asked for again and again while it fails.

use std::time::{Duration, Instant};

use super::server::message;
use crate::redact::Secret;
use crate::store::postgres::{APPLICATION_NAME, PostgresError, PostgresSession};

/// Chosen: a server that comes back is seen within minutes, and one that is in trouble is left alone meanwhile.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(600);

pub(super) struct Connection<S> {
    url: Secret<String>,
    statement_timeout: Duration,
    /// How long it is left alone after a first failure.
    back_off: Duration,
    session: Option<S>,
    failures: u32,
    not_before: Option<Instant>,
}

impl<S: PostgresSession> Connection<S> {
    pub(super) fn new(url: Secret<String>, statement_timeout: Duration, back_off: Duration) -> Self {
        Self { url, statement_timeout, back_off, session: None, failures: 0, not_before: None }
    }

    /// Whether it failed so shortly before that it is not tried now.
    pub(super) fn is_left_alone(&self, now: Instant) -> bool {
        self.not_before.is_some_and(|not_before| now < not_before)
    }

    /// The value of an expression, as text. A connection that was kept and turns out to be broken is replaced, once.
    pub(super) async fn ask_first(&mut self, expression: &str) -> Result<Option<String>, PostgresError> {
        if self.session.is_some()
            && let Ok(answer) = self.ask(expression).await
        {
            return Ok(answer);
        }
        self.session = None;
        self.ask(expression).await
    }

    /// The value of an expression, as text.
    ///
    /// # Cancellation
    /// The connection is closed.
    pub(super) async fn ask(&mut self, expression: &str) -> Result<Option<String>, PostgresError> {
        // Taken out, so that one which is dropped here with a query on it is not used again.
        let mut session = match self.session.take() {
            Some(session) => session,
            None => S::open(self.url.expose(), APPLICATION_NAME).await?,
        };
        let answer = session.simple_query(&message(expression, self.statement_timeout)).await;
        // Other errors are of the connection.
        if matches!(answer, Ok(_) | Err(PostgresError::Server { .. })) {
            self.session = Some(session);
        }
        answer
    }

    pub(super) fn worked(&mut self) {
        (self.failures, self.not_before) = (0, None);
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.session = None;
        // Doubles, and stops where it no longer matters. Less half of it at first, so that the round which is due then
        // does not come a moment too early.
        let doubled = self.back_off.saturating_mul(1 << self.failures.min(16)).min(LONGEST_BACK_OFF);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.checked_add(doubled.saturating_sub(self.back_off / 2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::error::InvalidValue;

    struct Never;

    impl PostgresSession for Never {
        fn check_url(_: &str) -> Result<(), InvalidValue> {
            Ok(())
        }

        async fn open(_: &str, _: &'static str) -> Result<Self, PostgresError> {
            Err(PostgresError::PoolClosed)
        }

        async fn simple_query(&mut self, _: &str) -> Result<Option<String>, PostgresError> {
            Err(PostgresError::PoolClosed)
        }
    }

    #[test]
    fn server_in_trouble_is_asked_ever_more_seldom() {
        let held = ManualClock::new();
        let minute = Duration::from_secs(60);
        let mut connection = Connection::<Never>::new(Secret::new(String::new()), minute, minute);
        for expected in [1, 2, 4, 8, 10, 10] {
            connection.failed(held.clock().now());
            held.advance(minute * (expected - 1));
            assert!(connection.is_left_alone(held.clock().now()), "{expected}");
            held.advance(minute);
            assert!(!connection.is_left_alone(held.clock().now()), "{expected}");
        }
        connection.worked();
        connection.failed(held.clock().now());
        held.advance(minute);
        assert!(!connection.is_left_alone(held.clock().now()));
    }
}
