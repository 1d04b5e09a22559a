//! Collectors that ask another process: each answer within a limit, and more and more seldom while there is none.

use std::time::Duration;

use tokio::runtime::Handle;

use super::rest::Rest;
use super::{CollectFailure, Collection, CollectorError, CollectorOptions, Scope};
use crate::clock::Clock;
use crate::metrics::Meter;

/// Chosen: twice a minute is as often as anybody looks, and little for any server.
pub const DEFAULT_ASK_INTERVAL: Duration = Duration::from_secs(30);

/// Chosen: far more than a server takes that can be of use.
pub const DEFAULT_ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// How many intervals pass at most between two questions that are not answered. Chosen: at the usual interval, what comes
/// back is found within four minutes.
const MOST_INTERVALS: u32 = 8;

/// How a collector asks another process.
///
/// A question that fails is asked again after an interval, then after two, four and eight, until it is answered.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::metrics::{AskOptions, Scope};
///
/// // Each replica asks for itself, once a minute.
/// let options = AskOptions::new().interval(Duration::from_secs(60)).scope(Scope::Instance);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AskOptions {
    interval: Duration,
    timeout: Duration,
    scope: Scope,
}

impl AskOptions {
    /// Every [`DEFAULT_ASK_INTERVAL`], with [`DEFAULT_ASK_TIMEOUT`] for the answer, by one replica for all.
    pub fn new() -> Self {
        Self { interval: DEFAULT_ASK_INTERVAL, timeout: DEFAULT_ASK_TIMEOUT, scope: Scope::Shared }
    }

    /// The least time between two questions.
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// How long an answer is waited for.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Whether each replica asks, or one of them for all. Default: [`Scope::Shared`], since another process says the
    /// same to all.
    #[must_use]
    pub fn scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

impl Default for AskOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Registers a collector that asks on the runtime that this is called in, and gives what it is told.
///
/// # Errors
/// When there is no runtime; else as [`Meter::collector_with`].
pub(crate) fn ask_regularly<A, F, T, G>(
    meter: &Meter,
    clock: &Clock,
    name: &str,
    options: AskOptions,
    mut ask: A,
    mut give: G,
) -> Result<(), CollectorError>
where
    A: FnMut() -> F + Send + 'static,
    F: Future<Output = Result<T, CollectFailure>>,
    G: FnMut(T, &mut Collection) + Send + 'static,
{
    let AskOptions { interval, timeout, scope } = options;
    let runtime = Handle::try_current().map_err(|_| CollectorError::NoRuntime { name: name.to_owned() })?;
    let (clock, mut rest) = (clock.clone(), Rest::new(interval, interval.saturating_mul(MOST_INTERVALS)));
    let collector = move |collection: &mut Collection| -> Result<(), CollectFailure> {
        rest.is_over(clock.now())?;
        let asked = async { tokio::time::timeout(timeout, ask()).await };
        let answer = runtime.block_on(asked).unwrap_or_else(|_| Err(NoAnswerWithin(timeout).into()));
        match answer {
            Ok(answer) => {
                rest.end();
                give(answer, collection);
                Ok(())
            }
            Err(failure) => {
                rest.begin(clock.now());
                Err(failure)
            }
        }
    };
    meter.collector_with(name, collector, CollectorOptions::new().interval(interval).scope(scope).unawaited())
}

/// The other process was silent for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there was no answer within {0:?}")]
struct NoAnswerWithin(Duration);
