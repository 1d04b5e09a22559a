//! What a `Monitoring` gives for portfolio, risk and token numbers.

use super::Monitoring;
use crate::business::portfolio::Portfolio;
use crate::business::risk::Risk;
use crate::business::token::Token;
use crate::clock::Clock;
use crate::metrics::{DefinitionError, Meter};

/// The business helpers of one monitoring.
pub(super) struct Business {
    portfolio: Portfolio,
    risk: Risk,
    token: Token,
}

impl Business {
    pub(super) fn register(meter: &Meter, clock: &Clock) -> Result<Self, DefinitionError> {
        Ok(Self {
            portfolio: Portfolio::new(meter, clock.clone())?,
            risk: Risk::new(meter, clock.clone())?,
            token: Token::new(meter, clock.clone())?,
        })
    }
}

impl Monitoring {
    /// Portfolio numbers: calculations, updates, data checks, provider calls, syncs.
    pub fn portfolio(&self) -> Portfolio {
        self.0.business.portfolio.clone()
    }

    /// Risk numbers: model executions, failures, prediction errors, batches.
    pub fn risk(&self) -> Risk {
        self.0.business.risk.clone()
    }

    /// Token numbers: prices, requirements, grace periods, balance verification, access decisions.
    pub fn token(&self) -> Token {
        self.0.business.token.clone()
    }
}
