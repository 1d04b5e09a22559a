//! What is remembered from one run to the next, so that little has to be asked.

use std::time::{Duration, Instant};

use super::IbkrAccount;
use super::answer::{Login, LoginState, Session, Trouble};
use crate::health::{CheckFailure, CheckReport};

#[derive(Debug, Default)]
pub(super) struct Known {
    session: SessionSeen,
    last_tickle: Option<Instant>,
    last_login_question: Option<Instant>,
    login_state: LoginState,
    login_ends: Option<Instant>,
    account: Option<IbkrAccount>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SessionSeen {
    #[default]
    InTrouble,
    Good,
}

/// What the gateway's documentation asks of who keeps a session alive.
const TICKLE_EVERY: Duration = Duration::from_secs(60);

/// The strictest pace that has been written down for it.
const LOGIN_EVERY: Duration = Duration::from_secs(60);

/// A session that is kept alive shows some minutes, so only less than a pause between two tickles and one that failed
/// says that it ends.
const EXPIRES_SOON: Duration = Duration::from_secs(60);

impl Known {
    pub(super) fn tickle_is_due(&self, now: Instant) -> bool {
        is_due(self.last_tickle, TICKLE_EVERY, now)
    }

    pub(super) fn tickled(&mut self, now: Instant) {
        self.last_tickle = Some(now);
    }

    pub(super) fn session_is(&mut self, session: &Result<Session, Trouble>, now: Instant) {
        match session {
            Ok(session) => {
                if self.session == SessionSeen::InTrouble {
                    // Somebody may have logged in, to another account.
                    self.forget_login();
                    self.last_login_question = None;
                }
                self.session = SessionSeen::Good;
                self.login_lasts(session.login_left, now);
            }
            Err(_) => self.session = SessionSeen::InTrouble,
        }
    }

    pub(super) fn login_is_due(&self, now: Instant) -> bool {
        is_due(self.last_login_question, LOGIN_EVERY, now)
    }

    pub(super) fn asked_for_login(&mut self, now: Instant) {
        self.last_login_question = Some(now);
    }

    pub(super) fn login_is(&mut self, login: &Login, now: Instant) {
        self.login_state = login.state;
        self.account = login.account.or(self.account);
        self.login_lasts(login.left, now);
    }

    pub(super) fn login_state(&self) -> LoginState {
        self.login_state
    }

    /// Judges a session that can trade.
    pub(super) fn verdict(&self, expected: Option<IbkrAccount>, now: Instant) -> Result<CheckReport, CheckFailure> {
        if let (Some(expected), Some(account)) = (expected, self.account)
            && expected != account
        {
            let message = format_args!("logged in to a {} account", name_of(account));
            return Err(CheckFailure::new("wrong_account_mode", message));
        }
        let left = self.login_ends.map(|ends| ends.saturating_duration_since(now));
        let report = if left.is_some_and(|left| left < EXPIRES_SOON) {
            CheckReport::degraded("session_expiring", "the login ends within a minute")
        } else if expected.is_some() && self.account.is_none() {
            CheckReport::degraded("account_mode_unknown", "the gateway does not say what kind of account it is")
        } else {
            CheckReport::healthy()
        };
        let report = match left {
            Some(left) => report.with_data("login_left_seconds", left),
            None => report,
        };
        Ok(match self.account {
            Some(account) => report.with_data("account_mode", name_of(account)),
            None => report,
        })
    }

    fn forget_login(&mut self) {
        (self.login_state, self.login_ends, self.account) = Default::default();
    }

    fn login_lasts(&mut self, left: Option<Duration>, now: Instant) {
        if let Some(left) = left {
            // A time beyond all clocks does not end soon.
            self.login_ends = now.checked_add(left);
        }
    }
}

fn is_due(last: Option<Instant>, every: Duration, now: Instant) -> bool {
    last.is_none_or(|last| now.saturating_duration_since(last) >= every)
}

fn name_of(account: IbkrAccount) -> &'static str {
    match account {
        IbkrAccount::Live => "live",
        IbkrAccount::Paper => "paper",
    }
}
