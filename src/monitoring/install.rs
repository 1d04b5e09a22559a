//! The process-wide places: taken on request, reported one by one, never given back.

use std::convert::Infallible;

use super::Monitoring;
use crate::global::Installed;

/// What [`Monitoring::install`] found and did, place by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstallReport {
    /// The recorder of the `metrics` facade.
    pub recorder: Installed,
    /// The subscriber of `tracing`.
    #[cfg(feature = "log")]
    pub subscriber: Installed,
    /// The logger of the `log` crate.
    #[cfg(feature = "log")]
    pub logger: Installed,
    /// The panic hook.
    #[cfg(feature = "log")]
    pub panic_hook: Installed,
}

/// Why installing failed. Nothing can fail today: a place that is taken is reported, not an error. The type keeps room
/// for places that can, such as signal handlers.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct InstallError(Infallible);

impl Monitoring {
    /// Takes the process-wide places that nobody has: the `metrics` recorder, the `tracing` subscriber, the `log`
    /// logger, the panic hook. What is taken stays with whoever has it, and everything else works without.
    ///
    /// The recorder is [`Monitoring::registry`], or the one that is reported to, if that is not the process's already.
    ///
    /// A place is never given back, so a process installs one monitoring, at its start.
    ///
    /// # Errors
    /// Never today, see [`InstallError`].
    pub fn install(&self) -> Result<InstallReport, InstallError> {
        Ok(InstallReport {
            recorder: self.0.recorder.claim(|| self.0.registry.install()),
            #[cfg(feature = "log")]
            subscriber: self.install_subscriber(),
            #[cfg(feature = "log")]
            logger: crate::log::install_log_bridge(&self.0.log),
            #[cfg(feature = "log")]
            panic_hook: crate::log::install_panic_hook(&self.0.log),
        })
    }

    #[cfg(feature = "log")]
    fn install_subscriber(&self) -> Installed {
        #[cfg(feature = "otlp")]
        if self.0.otlp.is_some() {
            use tracing_subscriber::Layer as _;

            let export = self.otlp_layer().with_filter(self.otlp_filter());
            return crate::log::install_subscriber_with(&self.0.log, export.boxed());
        }
        crate::log::install_subscriber(&self.0.log)
    }
}
