//! What a check is, and how one is registered.

use std::fmt;
use std::pin::Pin;
use std::time::SystemTime;

use super::options::CheckOptions;
use super::outcome::{CheckFailure, CheckReport};
use crate::clock::Clock;

/// Something that can be asked whether it works. Write a plain `async fn check(&self)`.
///
/// It is called on a schedule, never by a request and never while an earlier call of it still runs. Each call has a
/// thread of its own, on which it may block, and is dropped when its timeout has passed.
pub trait HealthCheck: Send + Sync + 'static {
    /// Asks once.
    ///
    /// # Errors
    /// When the thing does not work, with the reason.
    ///
    /// # Panics
    /// May panic: that is a failed run with the reason `panicked`.
    ///
    /// # Cancellation
    /// Dropped at any await when the timeout has passed or the last [`Health`](super::Health) is dropped.
    fn check(&self) -> impl Future<Output = Result<CheckReport, CheckFailure>> + Send;

    /// The settings that fit this kind of check, for what the user leaves open.
    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
    }

    /// Hands over the clock that decides what is due, once and before the first run: for checks that measure time.
    fn use_clock(&mut self, clock: &Clock) {
        let _ = clock;
    }

    /// When the TLS certificate ends that the peer showed last; `None` without one. Asked for after each run, on its
    /// thread; becomes `tls_certificate_not_after_timestamp_seconds`.
    fn certificate_not_after(&self) -> Option<SystemTime> {
        None
    }
}

impl<F, Fut> HealthCheck for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<CheckReport, CheckFailure>> + Send,
{
    fn check(&self) -> impl Future<Output = Result<CheckReport, CheckFailure>> + Send {
        self()
    }
}

/// A check from a closure. Closures are checks by themselves too; this helps the compiler infer what the closure returns.
///
/// ```
/// use aistm7_monitoring::health::{CheckFailure, CheckReport, check_fn};
///
/// let backup = check_fn(|| async {
///     std::fs::metadata("/var/backups").map_err(|e| CheckFailure::new("missing", "no backup directory").with_source(e))?;
///     Ok(CheckReport::healthy())
/// });
/// # let _ = backup;
/// ```
pub fn check_fn<F, Fut>(check: F) -> impl HealthCheck
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<CheckReport, CheckFailure>> + Send,
{
    check
}

/// A check with the name and the settings it runs under.
pub struct Registered {
    pub(super) name: String,
    pub(super) check: Box<dyn DynCheck>,
    pub(super) options: CheckOptions,
}

impl Registered {
    /// A check with its own defaults.
    pub fn new(name: impl Into<String>, check: impl HealthCheck) -> Self {
        Self::with(name, check, CheckOptions::new())
    }

    /// A check with settings; what they leave open comes from [`HealthCheck::defaults`].
    pub fn with(name: impl Into<String>, check: impl HealthCheck, options: CheckOptions) -> Self {
        Self { name: name.into(), check: Box::new(check), options }
    }

    /// The name it was given. It is checked by [`Health::start`](super::Health::start).
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("name", &self.name).field("options", &self.options).finish_non_exhaustive()
    }
}

/// What one run of a check comes to.
pub(super) type CheckResult = Result<CheckReport, CheckFailure>;

/// [`HealthCheck`] without its types, so that checks of all kinds sit in one list.
pub(super) trait DynCheck: Send + Sync {
    fn check(&self) -> Pin<Box<dyn Future<Output = CheckResult> + Send + '_>>;
    fn defaults(&self) -> CheckOptions;
    fn use_clock(&mut self, clock: &Clock);
    fn certificate_not_after(&self) -> Option<SystemTime>;
}

impl<C: HealthCheck> DynCheck for C {
    fn check(&self) -> Pin<Box<dyn Future<Output = CheckResult> + Send + '_>> {
        Box::pin(HealthCheck::check(self))
    }

    fn defaults(&self) -> CheckOptions {
        HealthCheck::defaults(self)
    }

    fn use_clock(&mut self, clock: &Clock) {
        HealthCheck::use_clock(self, clock);
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        HealthCheck::certificate_not_after(self)
    }
}
