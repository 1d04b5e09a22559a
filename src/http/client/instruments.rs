//! The metrics of outgoing calls, and the account of each peer.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::account::Account;
use super::peer::Peer;
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::error::check_name;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, LabelValue, Meter, Unit};
use crate::trace::SpanSink;

static DURATION: Definition = Definition::histogram(
    "client_request_duration_seconds",
    "Time of calls to another service until the response head, or until there would be none (status class none).",
)
.unit(Unit::Seconds)
.labels(&["peer", "method", "status_class", "outcome"]);

static STARTED: Definition =
    Definition::counter("client_requests_started_total", "Calls to another service that began.")
        .labels(&["peer", "method"]);

static IN_FLIGHT: Definition =
    Definition::gauge("client_in_flight_requests", "Calls to another service that have no response head yet.")
        .labels(&["peer", "method"]);

/// The families of outgoing calls, and the peers that were named. Register once per registry; cloning shares them.
#[derive(Clone)]
pub struct ClientInstruments(Arc<Shared>);

struct Shared {
    families: Families,
    clock: Clock,
    spans: Option<Arc<dyn SpanSink>>,
    diagnostics: Diagnostics,
    peers: RwLock<HashMap<&'static str, Arc<Account>>>,
}

/// The families, from which the handles of a peer are resolved.
#[derive(Clone)]
pub(super) struct Families {
    pub(super) duration: Family<Histogram, 4>,
    pub(super) started: Family<Counter, 2>,
    pub(super) in_flight: Family<Gauge, 2>,
}

impl ClientInstruments {
    /// Registers the metrics of outgoing calls.
    ///
    /// # Errors
    /// When the registry holds another metric under one of the names.
    pub fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Self::register_with(meter, clock, None)
    }

    /// As [`ClientInstruments::register`]; calls in a sampled trace are spans, too.
    pub(crate) fn register_with(
        meter: &Meter,
        clock: Clock,
        spans: Option<Arc<dyn SpanSink>>,
    ) -> Result<Self, DefinitionError> {
        let families = Families {
            duration: meter.histogram(&DURATION)?,
            started: meter.counter(&STARTED)?,
            in_flight: meter.gauge(&IN_FLIGHT)?,
        };
        let diagnostics = meter.diagnostics().clone();
        Ok(Self(Arc::new(Shared { families, clock, spans, diagnostics, peers: RwLock::default() })))
    }

    /// The peer of this name: 1 to 63 of `a-z`, `0-9`, `-`, `_` and `.`, starting with a letter or digit. Any other is
    /// `_other`, and counted as the problem `unknown_label_value`.
    ///
    /// Its series of a method are created with the first call. Cost: a lock and a map look-up, so keep it.
    pub fn peer(&self, name: &'static str) -> Peer {
        Peer::new(self.known(name).unwrap_or_else(|| self.admit(name)))
    }

    fn known(&self, name: &'static str) -> Option<Arc<Account>> {
        self.0.peers.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn admit(&self, name: &'static str) -> Arc<Account> {
        // Outside the lock: the hook of the diagnostics is the user's code.
        let peer = LabelValue::checked(name, check_name("peer", name), &self.0.diagnostics);
        // Names that are refused share one account.
        let name = if peer.as_str() == name { name } else { LabelValue::OTHER };
        let Shared { families, clock, spans, .. } = &*self.0;
        let open = || Arc::new(Account::open(families.clone(), clock.clone(), spans.clone(), peer));
        let mut peers = self.0.peers.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(peers.entry(name).or_insert_with(open))
    }
}

impl fmt::Debug for ClientInstruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientInstruments").finish_non_exhaustive()
    }
}
