//! What the tests of both stores share: checks asked as their schedule asks them, and all that they ever show.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;
use std::time::Duration;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::drain::Drain;
use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, Health, HealthCheck, Registered, View};
use aistm7_monitoring::metrics::{Meter, Registry};

use crate::support::poll::eventually_async;

/// For what a working server does in milliseconds.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The timeout that both checks run with unless told otherwise.
pub(crate) const RUN_LIMIT: Duration = Duration::from_secs(2);

/// Asks once, and lets the check go when its usual timeout has passed.
pub(crate) async fn run(check: &impl HealthCheck) -> Result<CheckReport, CheckFailure> {
    let timeout = |_| Err(CheckFailure::new("timeout", "no answer"));
    tokio::time::timeout(RUN_LIMIT, check.check()).await.unwrap_or_else(timeout)
}

/// [`run`] as a word: `healthy`, `degraded:` and the reason, or the reason of the failure.
pub(crate) async fn ask(check: &impl HealthCheck) -> String {
    word(&run(check).await)
}

pub(crate) fn word(outcome: &Result<CheckReport, CheckFailure>) -> String {
    match outcome {
        Ok(report) => report.reason().map_or_else(|| "healthy".to_owned(), |reason| format!("degraded:{reason}")),
        Err(failure) => failure.reason().to_owned(),
    }
}

/// Asks until the check says so.
pub(crate) async fn until(check: &impl HealthCheck, wanted: &str) {
    until_within(SOON, check, wanted).await;
}

pub(crate) async fn until_within(limit: Duration, check: &impl HealthCheck, wanted: &str) {
    eventually_async(limit, async || {
        let outcome = run(check).await;
        if word(&outcome) == wanted { Ok(()) } else { Err(format!("{outcome:?} instead of {wanted}")) }
    })
    .await;
}

/// Asks a few times in a row; the check says the same each time.
pub(crate) async fn assert_steadily(check: &impl HealthCheck, wanted: &str) {
    for turn in 0..4 {
        let outcome = run(check).await;
        assert_eq!(word(&outcome), wanted, "turn {turn}: {outcome:?}");
    }
}

/// A check on its schedule, under the name `store`, run ten times a second and believed at once.
pub(crate) struct Watched {
    health: Health,
}

impl Watched {
    pub(crate) fn start(check: impl HealthCheck) -> Self {
        let options =
            CheckOptions::new().interval(Duration::from_millis(100)).failure_threshold(1).recovery_threshold(1);
        let checks = vec![Registered::with("store", check, options)];
        let meter = Meter::new(&Registry::new());
        let runtime = tokio::runtime::Handle::current();
        let health = Health::start(checks, Clock::system(), Drain::new(), &meter, runtime).expect("the options fit");
        Self { health }
    }

    /// Waits until the check is unhealthy for this reason, or healthy for `None`; shows everything.
    pub(crate) async fn until(&self, reason: Option<&str>) -> String {
        eventually_async(SOON, async || {
            let report = self.health.report();
            let state = report.check("store").expect("it is the only check");
            let has_result = state.duration.is_some();
            if has_result && state.reason == reason { Ok(()) } else { Err(format!("{state:?}")) }
        })
        .await;
        self.shown()
    }

    /// All that health ever shows to anybody.
    fn shown(&self) -> String {
        let (health, report) = (&self.health, Arc::clone(&self.health.report()));
        let of_check = health.check_view("store", View::details()).expect("it is the only check").body;
        format!("{health:?} {report:?} {} {} {of_check}", health.summary().body, health.details().body)
    }
}

/// A failure with all its sources, in every form that a host may log.
pub(crate) fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    let mut shown = format!("{error:?} {error:#?}");
    let mut next = Some(error);
    while let Some(error) = next {
        write!(shown, " {error}").expect("a string takes everything");
        next = error.source();
    }
    shown
}

/// A value in both debug forms.
pub(crate) fn debug(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}
