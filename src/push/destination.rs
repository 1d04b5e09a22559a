//! Where pushes go.

use std::fmt;
use std::pin::Pin;

use super::error::PushError;
use super::page::Page;

/// Where the metrics of a short-lived job go: [`Textfile`](super::Textfile), or a Pushgateway with the feature
/// `pushgateway`.
pub trait Destination: sealed::Deliver {}

/// Whose metrics they are. All three are checked names.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) job: String,
    pub(super) service: String,
    pub(super) environment: String,
}

/// What happens to what the destination holds of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replace {
    /// Families that the page has are replaced, others stay; of those that [last](super::lasting) also series.
    Families,
    /// All of it goes but what [lasts](super::lasting).
    Everything,
}

/// The end of one delivery.
pub(super) type Delivering<'a> = Pin<Box<dyn Future<Output = Result<(), PushError>> + Send + 'a>>;

pub(super) mod sealed {
    use super::{Delivering, Origin, Page, Replace, fmt};

    #[allow(private_interfaces, unnameable_types, reason = "sealed: nobody outside implements or calls it")]
    pub trait Deliver: fmt::Debug + Send + Sync + 'static {
        /// What may be shown of it.
        fn shown(&self) -> String;

        /// Delivers a page. Runs on a Tokio runtime; nothing else runs on it meanwhile, and the caller limits the time.
        fn deliver(&self, origin: &Origin, page: Page, replace: Replace) -> Delivering<'_>;
    }
}
