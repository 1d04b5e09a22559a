//! What a `Monitoring` gives for portfolio, risk and token numbers.

use super::Monitoring;
use super::builder::MonitoringBuilder;
use crate::business::portfolio::Portfolio;
use crate::business::risk::Risk;
use crate::business::token::Token;
use crate::business::{DeclaredNames, NameLabel, Names};
use crate::clock::Clock;
use crate::metrics::{DefinitionError, Meter};

/// The business helpers of one monitoring.
pub(super) struct Business {
    portfolio: Portfolio,
    risk: Risk,
    token: Token,
    names: DeclaredNames,
}

impl Business {
    pub(super) fn register(meter: &Meter, clock: &Clock, names: DeclaredNames) -> Result<Self, DefinitionError> {
        Ok(Self {
            names,
            portfolio: Portfolio::new(meter, clock.clone())?,
            risk: Risk::new(meter, clock.clone())?,
            token: Token::new(meter, clock.clone())?,
        })
    }
}

impl MonitoringBuilder {
    /// Declares label values of one kind that only the configuration knows, such as tiers; see
    /// [`Names`]. Default: none, since most names are written in code.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::business::token::Tier;
    ///
    /// # let configured = ["basic", "pro"].map(String::from);
    /// let monitoring = Monitoring::builder("trading-api").declare::<Tier>(configured).build()?;
    /// let token = monitoring.token();
    /// let grace = monitoring.names::<Tier>().resolve(|tier| token.grace_periods(tier)); // once
    /// # let _ = grace.of("pro");
    /// # Ok(())
    /// # }
    /// ```
    pub fn declare<L: NameLabel>(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names.add::<L>(names);
        self
    }
}

impl Monitoring {
    /// The names of one kind that were declared; none by default.
    pub fn names<L: NameLabel>(&self) -> Names<L> {
        self.0.business.names.of(&self.0.diagnostics)
    }

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
