//! The Client Portal gateway and its brokerage session.

mod answer;
mod follow;
mod gateway;
mod known;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use crate::clock::Clock;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck};
use crate::transport::EndpointError;
use answer::{LoginState, Trouble};
use gateway::Gateway;
use known::Known;

pub use follow::IbkrFollower;

/// Asks a Client Portal gateway whether its brokerage session can trade: authenticated, connected and not competing.
///
/// A single-sign-on login alone is not enough to trade, so it is not enough here. Nothing of an answer but the time left
/// is ever shown: session, account and machine identifiers stay inside. No call is made that opens a session or takes
/// it from somebody else.
///
/// A run is one `POST {base}/iserver/auth/status`, and at most once a minute one `GET {base}/sso/validate`, for how long
/// the login lasts and what kind of account it is of. With [`IbkrCheck::keep_alive`] one run a minute is a
/// `POST {base}/tickle` instead. Interactive Brokers counts the requests of an address, whichever process makes them, so
/// let one replica of a service ask, by [`Scope::Shared`](crate::health::Scope::Shared) with a lease, and let other
/// services [`follow`](IbkrCheck::follow) that one.
///
/// Defaults: every 30 s, 5 s timeout, unhealthy after 2 failures, healthy after 2 reports, critical, dependency `ibkr`.
///
/// | reason | meaning |
/// |---|---|
/// | `gateway_unreachable` | nobody answers at the address, or the connection broke |
/// | `tls` | the certificate is not trusted, or the port speaks no TLS |
/// | `no_session` | nobody is logged in to the gateway |
/// | `login_required` | the login has ended, as it does each week; a person has to log in |
/// | `not_authenticated` | logged in, but there is no brokerage session |
/// | `backend_disconnected` | the gateway has lost Interactive Brokers |
/// | `competing_session` | another login has taken the session |
/// | `wrong_account_mode` | logged in to a live account instead of a paper one, or the other way round |
/// | `ibkr_restarting` | a 5xx answer, as during the servers' restart |
/// | `forbidden` | refused at the edge |
/// | `invalid_response` | an answer that makes no sense, such as a redirect or a wrong path's |
/// | `rate_limited` | degraded: too many requests; not asked again for 15 minutes, or longer if the answer says so |
/// | `session_expiring` | degraded: the login ends within a minute |
/// | `account_mode_unknown` | degraded: the gateway does not say what kind of account the login is of |
///
/// ```
/// use aistm7_monitoring::health::{IbkrAccount, IbkrCheck};
///
/// let gateway = IbkrCheck::client_portal("https://localhost:5000/v1/api")?
///     .any_certificate_on_loopback()?
///     .expect(IbkrAccount::Paper)
///     .keep_alive();
/// # let _ = gateway;
/// # Ok::<(), aistm7_monitoring::health::EndpointError>(())
/// ```
#[derive(Debug)]
pub struct IbkrCheck {
    gateway: Gateway,
    expected: Option<IbkrAccount>,
    keep_alive: KeepAlive,
    known: Mutex<Known>,
    clock: Clock,
}

/// What an account trades with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IbkrAccount {
    /// Real money.
    Live,
    /// Play money, at real prices.
    Paper,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeepAlive {
    Off,
    On,
}

/// Chosen: what is asked second may not use up the time of a run whose first answer was good.
const LOGIN_LIMIT: Duration = Duration::from_secs(2);

impl IbkrCheck {
    /// A check of the gateway at `base`, which ends in `/v1/api`.
    ///
    /// The gateway's certificate must be trusted by the system unless [`IbkrCheck::pinned_certificate`] or
    /// [`IbkrCheck::any_certificate_on_loopback`] says otherwise. The gateway that runs beside a service makes its own
    /// certificate, so one of the two is usually needed.
    ///
    /// # Errors
    /// When `base` is no http or https URL or holds a password.
    pub fn client_portal(base: &str) -> Result<Self, EndpointError> {
        Ok(Self {
            gateway: Gateway::new(base)?,
            expected: None,
            keep_alive: KeepAlive::Off,
            known: Mutex::default(),
            clock: Clock::system(),
        })
    }

    /// A check that asks no gateway but follows what another service, built with this crate, says of its own check, at
    /// a URL such as `http://broker:8080/health/ibkr`.
    ///
    /// # Errors
    /// When `url` is no http or https URL or holds a password.
    pub fn follow(url: &str) -> Result<IbkrFollower, EndpointError> {
        IbkrFollower::new(url)
    }

    /// Fails when the login is of another kind of account.
    #[must_use]
    pub fn expect(mut self, account: IbkrAccount) -> Self {
        self.expected = Some(account);
        self
    }

    /// Keeps the session from ending for want of requests: a run is a tickle when the last one is a minute old, so set
    /// no interval of more than a minute. One process of a fleet is enough for all: see the type's page. A session that has ended is not
    /// opened again, and nobody else's is taken.
    #[must_use]
    pub fn keep_alive(mut self) -> Self {
        self.keep_alive = KeepAlive::On;
        self
    }

    /// Trusts the certificates in `pem`, and those that they vouch for, and no other. A server that shows a pinned
    /// certificate itself is trusted whatever name and dates are in it.
    ///
    /// # Errors
    /// When `pem` holds no certificate or a damaged one.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.gateway.pin(pem)?;
        Ok(self)
    }

    /// Trusts any certificate, as nothing on this machine can stand between.
    ///
    /// # Errors
    /// When the host is not `localhost` or a loopback address.
    pub fn any_certificate_on_loopback(mut self) -> Result<Self, EndpointError> {
        self.gateway.accept_any()?;
        Ok(self)
    }

    async fn judge(&self) -> Result<CheckReport, Trouble> {
        match self.look_at_session().await {
            Ok(()) => {}
            Err(Trouble::Login(failure)) => return Err(self.explain(failure).await),
            Err(other) => return Err(other),
        }
        if self.keep_alive == KeepAlive::Off || self.expected.is_some() {
            self.look_at_login().await?;
        }
        Ok(self.known().verdict(self.expected, self.clock.now())?)
    }

    async fn look_at_session(&self) -> Result<(), Trouble> {
        let tickles = self.keep_alive == KeepAlive::On && self.known().tickle_is_due(self.clock.now());
        let session = if tickles {
            self.known().tickled(self.clock.now());
            self.gateway.tickle(&self.clock).await.and_then(|answer| answer::of_tickle(&answer))
        } else {
            self.gateway.auth_status(&self.clock).await.and_then(|answer| answer::of_auth_status(&answer))
        };
        self.known().session_is(&session, self.clock.now());
        session.map(|_| ())
    }

    /// Asks for the login unless that was done just now. Only a refusal is trouble: a session that can trade does so
    /// without news of the login.
    async fn look_at_login(&self) -> Result<LoginState, Trouble> {
        if !self.known().login_is_due(self.clock.now()) {
            return Ok(self.known().login_state());
        }
        self.known().asked_for_login(self.clock.now());
        match timeout(LOGIN_LIMIT, self.gateway.sso_validate(&self.clock)).await {
            Ok(Ok(answer)) => {
                let login = answer::of_sso_validate(&answer);
                self.known().login_is(&login, self.clock.now());
                Ok(login.state)
            }
            Ok(Err(limited @ Trouble::RateLimited(_))) => Err(limited),
            Ok(Err(_)) | Err(_) => Ok(LoginState::Unclear),
        }
    }

    /// A session that is not there may be for want of a login, which only a person can give.
    async fn explain(&self, failure: CheckFailure) -> Trouble {
        Trouble::Failed(match self.look_at_login().await {
            Ok(LoginState::Ended) => CheckFailure::new("login_required", "the login has ended; a person has to log in"),
            Ok(LoginState::Nobody) => answer::no_session(),
            Ok(LoginState::Valid | LoginState::Unclear) | Err(_) => failure,
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthCheck for IbkrCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        if let Some(waiting) = self.gateway.penalty(&self.clock) {
            return Ok(waiting);
        }
        match self.judge().await {
            Ok(report) | Err(Trouble::RateLimited(report)) => Ok(report),
            Err(Trouble::Failed(failure) | Trouble::Login(failure)) => Err(failure),
        }
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.gateway.certificate_not_after()
    }

    fn defaults(&self) -> CheckOptions {
        crate::health::checks::ibkr::defaults()
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}
