//! The firm's own book: how good its value at risk is, looked at at the start and whenever there may be new closes.

use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::business::Outcome;
use aistm7_monitoring::business::risk::{Batches, Confidence, Pnl, VarBackTest, VarHorizon, VarObservation, VarSpec};
use aistm7_monitoring::error::InvalidValue;
use tokio::task::{JoinError, spawn_blocking};

use crate::back_test;
use crate::domain::{Close, Usd};
use crate::instruments::VAR_MODEL;
use crate::risk::{NoFigure, Position, WINDOW};
use crate::store::{Store, StoreError};

/// What it holds, in dollars.
const HOLDINGS: [(&str, i32); 2] = [("QQQ", 400_000), ("SPY", 600_000)];
/// Closes come once a day; who looks each hour is never far behind.
const EVERY: Duration = Duration::from_secs(3600);
/// A window of tests, each with a window of its own before it.
#[allow(clippy::cast_possible_truncation, reason = "two windows of 250 and one fit")]
const CLOSES: u16 = 2 * WINDOW as u16 + 1;

/// The handles of the book's back-test.
#[derive(Clone, Debug)]
pub(crate) struct House {
    var: VarBackTest,
    batch: Batches,
}

impl House {
    pub(crate) fn new(monitoring: &Monitoring) -> Result<Self, InvalidValue> {
        let risk = monitoring.risk();
        let batch = risk.batch("var-back-test");
        batch.due_again(|began| began.checked_add(2 * EVERY));
        let var = risk.var(VarSpec {
            model: VAR_MODEL.into(),
            book: "house".into(),
            confidence: Confidence::P99,
            horizon: VarHorizon::OneDay,
            pnl: Pnl::Hypothetical,
        })?;
        Ok(Self { var, batch })
    }

    /// Looks again and again, until dropped.
    pub(crate) async fn back_test(self, store: Store) {
        // What is stored at the start was counted by processes before this one.
        let mut look = Look::AtHistory;
        loop {
            match self.batch.execute_async(self.run(&store, look)).await {
                Ok(()) => look = Look::ForNews,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "Value at risk is not back-tested");
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn run(&self, store: &Store, look: Look) -> Result<(), BackTestError> {
        let observations = observations(store).await?;
        self.batch.expect_items(observations.len() as u64);
        match look {
            Look::AtHistory => {
                let seeded = self.var.seed(observations);
                self.batch.items().record_many(Outcome::Ok, (seeded.entered + seeded.replayed) as u64);
                self.batch.items().record_many(Outcome::Failed, seeded.rejected as u64);
            }
            Look::ForNews => {
                for observation in observations {
                    // OK to go on: what is refused is counted with its reason.
                    let _ = self.batch.items().execute(|| self.var.record(observation));
                }
            }
        }
        let test = self.var.back_test();
        tracing::debug!(test.observations, test.breaches, "Value at risk back-tested");
        Ok(())
    }
}

/// How observations are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    AtHistory,
    ForNews,
}

/// Why there is no back-test.
#[derive(Debug, thiserror::Error)]
enum BackTestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NoFigure(#[from] NoFigure),
    #[error("the calculation panicked")]
    Panicked(#[from] JoinError),
}

async fn observations(store: &Store) -> Result<Vec<VarObservation>, BackTestError> {
    let mut held: Vec<(Usd, Vec<Close>)> = Vec::with_capacity(HOLDINGS.len());
    for (symbol, dollars) in HOLDINGS {
        held.push((Usd::from_dollars(dollars), store.closes(symbol, CLOSES).await?));
    }
    let calculate = move || {
        let positions: Vec<_> = held.iter().map(|(value, closes)| Position { value: *value, closes }).collect();
        back_test::observations(&positions)
    };
    Ok(spawn_blocking(calculate).await??)
}
