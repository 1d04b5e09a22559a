//! The services outside: those from the settings, or stand-ins for them.

use std::io;

use axum::http::Uri;
use axum::http::uri::InvalidUri;

use crate::settings::Backend;
use crate::stand_in::{self, StandIn};
use crate::upstream::{Provided, Upstream};

/// Where the IBKR gateway and the Solana node are.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) ibkr: Upstream,
    pub(crate) solana: Upstream,
    /// They run for as long as they are kept.
    pub(crate) stand_ins: Vec<StandIn>,
}

/// A stand-in could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StandInError {
    #[error("a stand-in cannot listen on loopback")]
    Listen(#[from] io::Error),
    #[error("a stand-in has no URL")]
    Url(#[from] InvalidUri),
}

impl Outside {
    /// Starts a stand-in for each service that the settings do not name.
    pub(crate) async fn reach(ibkr: &Backend<Uri>, solana: &Backend<Uri>) -> Result<Self, StandInError> {
        let mut stand_ins = Vec::new();
        let ibkr = match ibkr {
            Backend::Given(uri) => Upstream { uri: uri.clone(), provided: Provided::Elsewhere },
            Backend::Embedded => keep(&mut stand_ins, stand_in::ibkr().await?)?,
        };
        let solana = match solana {
            Backend::Given(uri) => Upstream { uri: uri.clone(), provided: Provided::Elsewhere },
            Backend::Embedded => keep(&mut stand_ins, stand_in::solana().await?)?,
        };
        Ok(Self { ibkr, solana, stand_ins })
    }
}

fn keep(stand_ins: &mut Vec<StandIn>, stand_in: StandIn) -> Result<Upstream, StandInError> {
    let uri = stand_in.url.parse()?;
    stand_ins.push(stand_in);
    Ok(Upstream { uri, provided: Provided::StandIn })
}
