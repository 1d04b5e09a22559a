//! Why the process ends before its time.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::process::ExitCode;

use aistm7_monitoring::business::token::GraceError;
use aistm7_monitoring::error::InvalidValue;
use aistm7_monitoring::metrics::CollectorError;
use aistm7_monitoring::monitoring::{BuildError, InstallError, ServeError};

use crate::alerting::AlertingError;
use crate::checks::CheckError;
use crate::outside::StandInError;
use crate::settings::SettingsError;
use crate::store::StoreError;
use crate::upstream::TrustError;

/// Exit code for settings that cannot be; everything else is 1.
const BAD_SETTINGS: u8 = 2;

/// What went wrong, from settings to serving.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Alerting(#[from] AlertingError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Monitoring(#[from] BuildError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error(transparent)]
    Collector(#[from] CollectorError),
    #[error(transparent)]
    Grace(#[from] GraceError),
    #[error(transparent)]
    Name(#[from] InvalidValue),
    #[error("the cache cannot be set up")]
    Cache(#[from] redis::RedisError),
    #[error(transparent)]
    StandIn(#[from] StandInError),
    #[error("cannot listen on LISTEN_ADDR={address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("the store cannot be prepared")]
    Store(#[from] StoreError),
    #[error("an upstream cannot be called")]
    Trust(#[from] TrustError),
}

impl StartError {
    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) | Self::Alerting(_) | Self::Check(_) | Self::Monitoring(_) => {
                ExitCode::from(BAD_SETTINGS)
            }
            _ => ExitCode::FAILURE,
        }
    }

    /// The error and what is behind it, for a terminal.
    pub(crate) fn in_one_line(&self) -> impl fmt::Display {
        OneLine(self)
    }
}

struct OneLine<'a>(&'a StartError);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        f.write_str(&text.replace('\n', " "))
    }
}
