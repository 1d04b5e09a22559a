//! Definitions, the handles that record into them, the registry that keeps the numbers, and the formats they leave in.
//!
//! ```text
//! static Definition -> Meter (checks) -> Family -> Counter | Gauge | Histogram   (handles: resolved once, kept)
//!                                         |
//! metrics::counter!(..) -> Registry ------+-> encode (text, OpenMetrics) -> GET /metrics
//! Collector -> Collection ----------------+
//!   (when somebody reads)                 '-> Snapshot -> health, alerts, tests
//! ```
//!
//! A definition is a `static` beside the code that records it. Registering checks it; recording and scraping cannot
//! fail afterwards.
//!
//! ```
//! use aistm7_monitoring::metrics::{Counter, Definition, Family, Meter, Registry};
//!
//! static ORDERS: Definition =
//!     Definition::counter("orders_total", "Orders sent to the broker.").labels(&["side", "outcome"]);
//!
//! let registry = Registry::new();
//! let orders: Family<Counter, 2> = Meter::new(&registry).counter(&ORDERS)?;
//! let bought = orders.series(["buy".into(), "ok".into()]); // resolve once, keep
//! bought.increment();
//! assert!(registry.render().contains("orders_total{outcome=\"ok\",side=\"buy\"} 1\n"));
//! # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
//! ```
//!
//! Third-party libraries that use the `metrics` facade appear in the same output once the registry is installed as the
//! facade's recorder ([`Registry`] implements [`metrics::Recorder`]).

mod assertions;
mod cell;
mod collect;
mod counter;
mod declare;
mod definition;
mod expiry;
pub mod exposition;
mod facade;
mod families;
mod family;
mod family_core;
mod gauge;
mod histogram;
mod histogram_snapshot;
mod host;
mod increase;
mod label;
mod meter;
#[cfg(feature = "protobuf")]
mod native_histograms;
mod options;
#[cfg(all(test, shuttle))]
mod races;
mod registry;
mod snapshot;
mod tally;

#[cfg_attr(not(feature = "full"), allow(unused_imports, reason = "who asks comes with the slices"))]
pub(crate) use collect::ask_regularly;
pub use collect::{
    AskOptions, CollectFailure, Collected, Collection, Collector, CollectorError, CollectorOptions,
    DEFAULT_ASK_INTERVAL, DEFAULT_ASK_TIMEOUT, Reading, Scope,
};
#[cfg(feature = "health")]
pub(crate) use collect::{Part, Sharing, Timing, Turn};
#[cfg(all(feature = "database", feature = "postgres"))]
pub(crate) use collect::{Rest, Resting};
pub use counter::Counter;
pub use declare::ClosedLabel;
#[doc(hidden)]
pub use declare::{MOST_SERIES, PerLabels, check_closed_values, closed_label, every_value, instruments};
pub use definition::{Definition, DefinitionError, Kind, LATENCY_EDGES, Stability, Unit};
pub use family::{Family, Handle};
pub use gauge::Gauge;
pub use histogram::Histogram;
pub use histogram_snapshot::HistogramSnapshot;
#[cfg(feature = "metrics-exporter-prometheus")]
pub use host::HostRecorder;
pub use label::LabelValue;
#[cfg(feature = "push")]
pub(crate) use label::{identity, pairs};
pub use meter::Meter;
pub use options::{DEFAULT_COLLECT_WITHIN, Limits, RegistryOptions};
pub use registry::Registry;
pub use snapshot::{CounterValue, FamilySnapshot, SeriesSnapshot, Snapshot, Value};
pub use tally::Tally;
