//! Auto traits are API: what compiles here is promised to users who spawn tasks and share handles.

use super::portfolio::{
    Break, Calculation, Comparisons, DataCheck, DataChecks, OpenBreaks, Operation, Portfolio, Provider, QuotaUse,
    Reconciled,
};
use super::risk::{
    BackTest, Batch, Batches, Book, Horizon, Input, Limit, Model, ModelExecutions, ModelTimer, ModelVersion,
    Prediction, Predictions, Recorded, RejectedObservation, Risk, RiskCoverage, RiskLimit, RiskPortfolios, Seeded,
    VarBackTest, VarObservation, VarSpec, WindowSize,
};
use super::token::{
    AccessDecisions, AccessReason, GraceCounts, GraceLedger, GracePeriods, Holders, PriceUpdates, Requirement, SlotLag,
    Tier, Token, TokenAmount, TokenSymbol,
};
use super::{Counted, Freshness, Money, Names, Outcome, PerDeclared, Source, Timed, Timer};

const fn shareable<T: Clone + Send + Sync + 'static>() {}
const fn movable<T: Send + Sync + 'static>() {}

const _: () = {
    shareable::<Portfolio>();
    shareable::<DataChecks>();
    shareable::<OpenBreaks>();
    shareable::<Comparisons>();
    shareable::<QuotaUse>();
    shareable::<Risk>();
    shareable::<ModelExecutions>();
    shareable::<Predictions>();
    shareable::<Batches>();
    shareable::<VarBackTest>();
    shareable::<RiskPortfolios>();
    shareable::<RiskLimit>();
    shareable::<Token>();
    shareable::<PriceUpdates>();
    shareable::<Requirement>();
    shareable::<GracePeriods>();
    shareable::<AccessDecisions>();
    shareable::<GraceLedger<String>>();
    shareable::<Holders>();
    shareable::<SlotLag>();
    shareable::<Timed>();
    shareable::<Counted>();
    shareable::<Freshness>();
    shareable::<Names<Tier>>();
    shareable::<PerDeclared<Tier, GracePeriods>>();

    shareable::<(Calculation, Source, Provider, Operation, DataCheck)>();
    shareable::<(Model, Horizon, Batch, Prediction, Outcome)>();
    shareable::<(Book, Input, Limit, ModelVersion, RiskCoverage, super::BusinessDate)>();
    shareable::<(VarSpec, VarObservation, Recorded, RejectedObservation, Seeded, BackTest, WindowSize)>();
    shareable::<(Tier, TokenSymbol, AccessReason, GraceCounts, TokenAmount)>();
    shareable::<(Money, Break, Reconciled)>();

    movable::<Timer>();
    movable::<ModelTimer>();
};

const fn sendable<T: Send + 'static>(_: &T) {}

#[test]
fn futures_of_handles_outlive_them_and_can_be_spawned() {
    use crate::clock::Clock;
    use crate::metrics::{Meter, Registry};

    let meter = Meter::new(&Registry::new());
    let portfolio = Portfolio::new(&meter, Clock::system()).unwrap();
    let risk = Risk::new(&meter, Clock::system()).unwrap();
    let work = || std::future::ready(Ok::<(), std::convert::Infallible>(()));
    sendable(&portfolio.calculation("valuation").execute_async(work()));
    sendable(&portfolio.syncs("ibkr").execute_async(work()));
    sendable(&risk.model("historical-var").execute_async(work()));
    sendable(&risk.batch("nightly-var").execute_async(work()));
}
