//! The one connection of a collector: opened when it is needed, and kept.

use std::time::Duration;

use super::server::message;
use crate::redact::Secret;
use crate::store::postgres::{APPLICATION_NAME, PostgresError, PostgresSession};

pub(super) struct Connection<S> {
    url: Secret<String>,
    statement_timeout: Duration,
    session: Option<S>,
}

impl<S: PostgresSession> Connection<S> {
    pub(super) fn new(url: Secret<String>, statement_timeout: Duration) -> Self {
        Self { url, statement_timeout, session: None }
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

    pub(super) fn close(&mut self) {
        self.session = None;
    }
}
