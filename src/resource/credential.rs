//! How old the credentials of a service are, which the guide wants rotated every month.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::error::ResourceError;
use super::give::give;
use crate::clock::Clock;
use crate::error::check_name;
use crate::metrics::{
    CollectFailure, Collected, Collection, CollectorOptions, Definition, DefinitionError, LabelValue, Meter, Unit,
};

static ROTATED: Definition = Definition::gauge_absent_until_set(
    "credential_rotated_timestamp_seconds",
    "When a credential was last exchanged for a new one, in Unix seconds; absent until that is known.",
)
.labels(&["name"])
.unit(Unit::Seconds);

static EXPECTED: Definition = Definition::gauge_absent_until_set(
    "credential_rotation_expected_interval_seconds",
    "How often a credential is expected to be exchanged; absent until somebody says so.",
)
.labels(&["name"])
.unit(Unit::Seconds);

/// Chosen: a credential is as old as it is for weeks; half a minute more of that is no news.
const FILES_INTERVAL: Duration = Duration::from_secs(30);

/// A credential by its name: when it was rotated, never what it is. Cloning shares it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
/// use std::time::Duration;
///
/// use aistm7_monitoring::Monitoring;
///
/// let monitoring = Monitoring::builder("orders").build()?;
/// let key = monitoring.credential("broker-key").expect_every(Duration::from_secs(31 * 24 * 3600));
/// key.rotated(); // when the service has taken a new one over
/// monitoring.registry().collect(); // a scrape of `/metrics` does this by itself
/// assert!(monitoring.registry().render().contains("credential_rotated_timestamp_seconds{name=\"broker-key\"} "));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Credential {
    name: LabelValue,
    known: Credentials,
}

impl Credential {
    /// How often it is expected to be rotated (`credential_rotation_expected_interval_seconds`).
    #[must_use]
    pub fn expect_every(self, interval: Duration) -> Self {
        self.known.change(&self.name, |known| known.expected_every = Some(interval));
        self
    }

    /// It was just rotated.
    pub fn rotated(&self) {
        self.rotated_at(self.known.clock.wall());
    }

    /// It was rotated at a moment that somebody else knows, such as the secret store.
    pub fn rotated_at(&self, when: SystemTime) {
        self.known.change(&self.name, |known| known.rotated = Some(when));
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The credentials that a service tells of.
#[derive(Clone)]
pub(super) struct Credentials {
    clock: Clock,
    known: Arc<Mutex<BTreeMap<LabelValue, Known>>>,
}

#[derive(Clone, Copy, Default)]
struct Known {
    rotated: Option<SystemTime>,
    expected_every: Option<Duration>,
}

impl Credentials {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, known: Arc::default() }
    }

    pub(super) fn of(&self, name: LabelValue) -> Credential {
        Credential { name, known: self.clone() }
    }

    fn change(&self, name: &LabelValue, change: impl FnOnce(&mut Known)) {
        change(self.known().entry(name.clone()).or_default());
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<LabelValue, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The registered families.
#[derive(Clone)]
pub(super) struct CredentialFamilies {
    rotated: Collected<f64, 1>,
    expected: Collected<f64, 1>,
}

impl CredentialFamilies {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self { rotated: meter.collected(&ROTATED)?, expected: meter.collected(&EXPECTED)? })
    }

    /// Shows what the service tells.
    pub(super) fn collect_told(self, meter: &Meter, told: &Credentials) -> Result<(), ResourceError> {
        let told = told.clone();
        let collect = move |collection: &mut Collection| -> Result<(), CollectFailure> {
            for (name, known) in told.known().iter() {
                give(collection, &self.rotated, [name.clone()], known.rotated.and_then(unix_seconds));
                give(collection, &self.expected, [name.clone()], known.expected_every.map(|every| every.as_secs_f64()));
            }
            Ok(())
        };
        Ok(meter.collector("credentials", collect)?)
    }

    /// Shows when a file was changed. Each has a collector of its own, so that one that is gone spoils no other.
    pub(super) fn collect_file(self, meter: &Meter, name: &str, file: PathBuf) -> Result<(), ResourceError> {
        check_name("credential name", name)?;
        let label = LabelValue::capped(name);
        let collect = move |collection: &mut Collection| {
            // Of what a link leads to, since platforms exchange the link.
            let changed = file.metadata().and_then(|found| found.modified());
            let changed = changed.map_err(|source| Unreadable { file: file.clone(), source })?;
            give(collection, &self.rotated, [label.clone()], unix_seconds(changed));
            Ok(())
        };
        let options = CollectorOptions::new().interval(FILES_INTERVAL);
        Ok(meter.collector_with(&format!("credential-{name}"), collect, options)?)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the file of a credential cannot be looked at: {file}", file = file.display())]
struct Unreadable {
    file: PathBuf,
    source: std::io::Error,
}

/// `None` before 1970, when nothing was rotated: such a file has lost its time.
fn unix_seconds(when: SystemTime) -> Option<f64> {
    Some(when.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64())
}
