//! Recording into a handle that is resolved allocates nothing.
#![cfg(all(feature = "business", feature = "cache", feature = "queue"))]

#[path = "support/counting.rs"]
mod counting;

use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use aistm7_monitoring::business::portfolio::{
    Accruals, AsOf, DataCheck, Portfolio, Quota, Reference, Tolerance, Valued,
};
use aistm7_monitoring::business::risk::{
    Confidence, Pnl, Prediction, Recorded, Risk, RiskCoverage, VarHorizon, VarObservation, VarSpec,
};
use aistm7_monitoring::business::token::{
    Basis, Decision, GraceResult, HolderCounts, PriceUnits, Slot, Tier, Token, TokenAmount,
};
use aistm7_monitoring::business::{BusinessDate, Currency, FailureReason, Fault, Money, Names, Outcome};
use aistm7_monitoring::cache::{Caches, Removal};
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::queue::{Queues, Rejection};
use counting::ALLOCATIONS;

struct NoPrice;

impl FailureReason for NoPrice {
    fn reason(&self) -> &'static str {
        "missing-price"
    }

    fn fault(&self) -> Fault {
        Fault::Data
    }
}

#[track_caller]
fn allocates_nothing(mut record: impl FnMut()) {
    // The first time may learn a reason.
    record();
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        record();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

#[test]
fn recording_into_business_handles_allocates_nothing() {
    let meter = Meter::new(&Registry::new());
    let portfolio = Portfolio::new(&meter, Clock::system()).unwrap();
    let risk = Risk::new(&meter, Clock::system()).unwrap();
    let token = Token::new(&meter, Clock::system()).unwrap();

    let valuation = portfolio.calculation("valuation");
    allocates_nothing(|| valuation.execute(|| Ok::<_, Infallible>(())).unwrap());
    allocates_nothing(|| valuation.record(Duration::from_millis(3), Outcome::Cancelled));
    allocates_nothing(|| drop(valuation.start()));

    let updates = portfolio.updates("price-feed");
    allocates_nothing(|| updates.ok());

    let checks = portfolio.data_checks("ibkr", Reference::BrokerLive);
    allocates_nothing(|| checks.record(DataCheck::Mismatch { deviation: 0.01 }));

    let var = risk.model("historical-var");
    allocates_nothing(|| assert!(var.execute(|| Err::<(), _>(NoPrice)).is_err()));
    allocates_nothing(|| {
        let future = pin!(var.execute_async(ready(Ok::<_, NoPrice>(()))));
        assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    });

    let batch = risk.batch("nightly-var");
    allocates_nothing(|| batch.execute(|| Ok::<_, Infallible>(())).unwrap());

    let access = token.access_decisions();
    allocates_nothing(|| access.record(Decision::Deny, Basis::Verified, "balance_too_low"));

    let grace = token.grace_periods("pro");
    allocates_nothing(|| grace.ended(GraceResult::Expired, 1.0));
}

#[test]
fn recording_of_risk_allocates_nothing() {
    let risk = Risk::new(&Meter::new(&Registry::new()), Clock::system()).unwrap();
    let spec = VarSpec {
        model: "historical-var".into(),
        book: "equities".into(),
        confidence: Confidence::P99,
        horizon: VarHorizon::OneDay,
        pnl: Pnl::Actual,
    };
    let (equities, mut today) = (risk.var(spec).unwrap(), 0);
    let mut observation = |profit| {
        let as_of = BusinessDate::from_epoch_days(today);
        today += 1;
        let realised_on = BusinessDate::from_epoch_days(today);
        VarObservation { as_of, realised_on, value_at_risk: 100.0, profit }
    };
    // Past the end of the window too.
    for profit in [-150.0, 20.0].repeat(2) {
        allocates_nothing(|| assert!(equities.record(observation(profit)).is_ok()));
    }
    let last = observation(1.0);
    equities.record(last).unwrap();
    allocates_nothing(|| assert_eq!(equities.record(last), Ok(Recorded::Replayed)));
    allocates_nothing(|| assert!(equities.record(VarObservation { value_at_risk: 0.0, ..last }).is_err()));
    assert_eq!(equities.back_test().observations, 250);

    let volatility = risk.predictions("ewma-volatility", VarHorizon::OneDay);
    allocates_nothing(|| volatility.record(Prediction { forecast: 1.0, realised: 2.0, dispersion: 0.5 }));
    let (portfolios, limit) = (risk.portfolios(), risk.limit("equities", "var-99-1d"));
    allocates_nothing(|| portfolios.set(RiskCoverage { fresh: 7, ..RiskCoverage::default() }));
    allocates_nothing(|| limit.set_used(1.0, 2.0));
}

#[test]
fn recording_what_is_money_tokens_prices_or_a_declared_name_allocates_nothing() {
    let meter = Meter::new(&Registry::new());
    let portfolio = Portfolio::new(&meter, Clock::system()).unwrap();
    let token = Token::new(&meter, Clock::system()).unwrap();

    let dollars = |dollars: i64| Money::new(dollars * 100, Currency::Usd);
    let tolerance = Tolerance { basis_points: 25, floor: dollars(1_000) };
    let statements = portfolio.data_checks("ibkr", Reference::BrokerStatement).within(tolerance);
    let as_of = AsOf::Date(BusinessDate::from_epoch_days(20_110));
    let valued = |value| Some(Valued { value, as_of, accruals: Accruals::Included });
    allocates_nothing(|| {
        assert!(statements.compare(valued(dollars(99)), valued(dollars(100)), dollars(100)).is_ok());
    });

    let quota = portfolio.quota("ibkr", Quota::new(1_000, Duration::from_secs(60)).unwrap());
    let calls = portfolio.api_calls("ibkr", "positions");
    allocates_nothing(|| calls.ok());
    allocates_nothing(|| assert!(quota.used() > 0));

    let pyth = token.price_updates("SOL", "pyth");
    allocates_nothing(|| pyth.priced(PriceUnits::new(7)));
    allocates_nothing(|| pyth.outlier("jump"));

    let pro = token.requirement("pro");
    allocates_nothing(|| pro.set(TokenAmount::new(7, 9).unwrap()));
    let holders = token.holders("pro");
    allocates_nothing(|| holders.set(HolderCounts::default()));
    let lag = token.balance_slot_lag();
    allocates_nothing(|| lag.record(Slot::new(1), Slot::new(2)));

    let tiers = Names::<Tier>::declare(&meter, ["basic", "pro"]).unwrap();
    let grace = tiers.resolve(|tier| token.grace_periods(tier));
    let tier = String::from("pro");
    allocates_nothing(|| grace.of(&tier).ended(GraceResult::Expired, 1.0));
}

#[test]
fn recording_into_a_cache_handle_allocates_nothing() {
    let caches = Caches::new(&Meter::new(&Registry::new()), Clock::system()).unwrap();
    let prices = caches.named("prices");
    allocates_nothing(|| prices.hit());
    allocates_nothing(|| {
        prices.inserted();
        prices.removed(Removal::Size);
    });
    allocates_nothing(|| assert_eq!(prices.read_through(Some(7), || Err("it was there")), Ok(7)));
    allocates_nothing(|| assert_eq!(prices.read_through(None, || Err::<(), _>("no")), Err("no")));
    allocates_nothing(|| {
        let future = pin!(prices.read_through_async(None, ready(Ok::<_, Infallible>(()))));
        assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    });
}

#[test]
fn queue_that_has_been_as_long_before_allocates_nothing() {
    let queues = Queues::new(&Meter::new(&Registry::new()), Clock::system()).unwrap();
    let orders = queues.named("orders");
    allocates_nothing(|| orders.enqueued().dequeued().ok());
    allocates_nothing(|| drop(orders.enqueued()));
    allocates_nothing(|| orders.rejected(Rejection::Full));
    let (sender, mut receiver) = orders.channel(8);
    let mut pass = || {
        sender.try_send(1).unwrap();
        let sending = pin!(sender.send(2));
        assert!(sending.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        receiver.try_recv().unwrap().ok();
        receiver.try_recv().unwrap().execute(|_| Err::<(), _>("no")).unwrap_err();
        assert!(receiver.try_recv().is_err());
    };
    // Until Tokio's channel has the blocks that it uses in turn.
    (0..100).for_each(|_| pass());
    allocates_nothing(pass);
}

/// While nobody is told, because no time passes: so all of it stays on this thread.
#[cfg(feature = "notify")]
#[test]
fn storm_of_alerts_keeps_one_state_of_each_and_no_memory_for_more() {
    use aistm7_monitoring::alert::Severity;
    use aistm7_monitoring::alert::notify::{Alert, Delivery, Heartbeat, Origin, Replicas, Route, Webhook};
    use aistm7_monitoring::clock::ManualClock;
    use aistm7_monitoring::redact::Secret;
    use counting::LIVE_BYTES;

    const ALERTS: usize = 10_000;
    const CAPACITY: usize = 4_096;
    let (held, nowhere) = (ManualClock::new(), || Secret::new("http://127.0.0.1:9/".to_owned()));
    let since = held.clock().wall();
    let delivery = Delivery::builder(Replicas::One)
        .destination("webhook", Webhook::new(nowhere()).unwrap())
        .destination("heartbeat", Heartbeat::new(nowhere()).unwrap())
        .route(Route::to(["webhook"]))
        .capacity(CAPACITY)
        .clock(held.clock())
        .build(&Meter::new(&Registry::new()))
        .unwrap();
    let storm = |text: &str| {
        let before = LIVE_BYTES.get();
        for index in 0..ALERTS {
            let alert = Alert::firing(Origin::new("risk", "prod"), "SyncFailed", Severity::Critical, since);
            delivery.offer(alert.label("index", &index.to_string()).summary(text).description(text));
        }
        LIVE_BYTES.get() - before
    };
    let first = storm("Something is wrong.");
    assert!((0..2_048 * CAPACITY as i64).contains(&first), "{first} bytes for {CAPACITY} alerts");
    for _ in 0..2 {
        let more = storm("Something is wrong!");
        assert!(more < 64 * 1024, "{more} bytes more");
    }
}
