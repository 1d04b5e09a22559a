//! What every clone of the metrics layer, its services and their bodies share.

use std::sync::Arc;

use super::access_log::AccessLogger;
use super::custom_labels::CustomLabels;
use super::head::RequestEnd;
use super::instruments::{HttpInstruments, Verdict};
use super::measures::Measures;
use super::methods::KnownMethods;
use super::naming::Naming;
use super::options::{ErrorRule, HttpOptions, HttpOptionsError, Skip};
use super::route::{RouteTreatments, Routes};
use super::rules;
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::drain::Drain;
use crate::metrics::{Counter, Definition, Meter};
use crate::trace::SpanSink;

static EVENT_STREAMS_ENDED: Definition = Definition::counter(
    "api_event_streams_ended_total",
    "Event streams that were ended because the process closed; their clients connect anew elsewhere.",
);

/// One for each `Monitoring`. axum applies layers anew for every connection, so what is worth keeping is kept here.
pub(super) struct Shared {
    pub(super) routes: Routes,
    pub(super) skips: Vec<Skip>,
    pub(super) meter: Meter,
    pub(super) naming: Naming,
    /// What an upgrade request's extensions get, so that its handler can measure the WebSocket.
    #[cfg(feature = "websocket")]
    pub(super) websockets: super::websocket::WebSockets,
}

/// What the ledgers of one layer have in common. Each holds it, so that an exchange needs nothing but its ledger.
pub(super) struct Common {
    pub(super) instruments: HttpInstruments,
    pub(super) measures: Measures,
    pub(super) labels: CustomLabels,
    pub(super) event_streams_ended: Counter,
    errors: Option<ErrorRule>,
    pub(super) access_log: Option<AccessLogger>,
    pub(super) spans: Option<Arc<dyn SpanSink>>,
    pub(super) clock: Clock,
    pub(super) drain: Drain,
    diagnostics: Diagnostics,
}

impl Shared {
    pub(super) fn register(
        meter: &Meter,
        clock: Clock,
        drain: Drain,
        options: HttpOptions,
    ) -> Result<Self, HttpOptionsError> {
        options.check()?;
        clock.calibrate();
        let common = Common {
            instruments: HttpInstruments::register(meter, &options)?,
            measures: Measures::register(meter, &options)?,
            labels: CustomLabels::new(options.labels, meter.diagnostics().clone())?,
            event_streams_ended: meter.counter(&EVENT_STREAMS_ENDED)?.series([]),
            errors: options.errors,
            access_log: options.access_log.map(|log| AccessLogger::register(meter, log)).transpose()?,
            spans: options.spans,
            clock: clock.clone(),
            drain: drain.clone(),
            diagnostics: meter.diagnostics().clone(),
        };
        let treatments = RouteTreatments {
            methods: options.methods.unwrap_or_else(|| Ok(KnownMethods::default()))?,
            label: options.route_label,
            unmeasured: options.unmeasured,
            streaming: options.streaming,
        };
        Ok(Self {
            #[cfg(feature = "websocket")]
            websockets: super::websocket::WebSockets::new(meter, clock, drain)?,
            routes: Routes::new(common, treatments),
            skips: options.skips,
            meter: meter.clone(),
            naming: options.naming,
        })
    }
}

impl Common {
    /// Whether a request that ended so is an error, by the service's rule or the usual one.
    #[inline]
    pub(super) fn verdict(&self, end: RequestEnd) -> Verdict {
        let own = self.errors.as_ref().and_then(|rule| rules::run(&self.diagnostics, || rule(&end)));
        if own.unwrap_or_else(|| end.is_error()) { Verdict::Error } else { Verdict::Fine }
    }

    pub(super) fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }
}
