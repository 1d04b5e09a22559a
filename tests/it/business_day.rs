//! A day of portfolio and token events under a held clock, which ends in exactly the expected page.

use std::time::Duration;

use aistm7_monitoring::business::portfolio::{
    Accruals, AsOf, Component, DataCheck, Portfolio, Quota, Reference, Tolerance, Valued,
};
use aistm7_monitoring::business::token::{
    Basis, Decision, Direction, GraceCause, GraceLedger, GraceResult, GraceSeed, GraceSpan, HolderCounts, OpenPeriod,
    PriceRejection, PriceUnits, Slot, Token, TokenAmount,
};
use aistm7_monitoring::business::{BusinessDate, Currency, Entry, Money, Outcome};
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::metrics::{Meter, Registry};

const EXPECTED: &str = include_str!("business_day.prom");

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const GRACE: Duration = Duration::from_secs(5 * 24 * 3_600);

/// Wednesday, 2025-01-22.
const TODAY: BusinessDate = BusinessDate::from_epoch_days(20_110);

struct Day {
    registry: Registry,
    held: ManualClock,
    portfolio: Portfolio,
    token: Token,
    grace: GraceLedger<u32>,
}

impl Day {
    /// 10:30 UTC: the process starts. Yesterday somebody's grace period began, and another's three days before that.
    fn begin() -> Self {
        let (registry, held) = (Registry::new(), ManualClock::new());
        let (meter, now) = (Meter::new(&registry), held.clock().wall());
        let portfolio = Portfolio::new(&meter, held.clock()).unwrap();
        let token = Token::new(&meter, held.clock()).unwrap();
        let open = |days: u32| {
            let from = now - HOUR * 24 * days;
            OpenPeriod::new(GraceSpan { from, until: from + GRACE })
        };
        let grace = token.grace_periods("pro").ledger(GraceSeed::new(now, [(1, open(1)), (2, open(4))])).unwrap();
        Self { registry, held, portfolio, token, grace }
    }

    fn page(&self) -> String {
        let mut page = Vec::new();
        let wanted = |name: &str| name.starts_with("portfolio_") || name.starts_with("token_");
        self.registry.encode_where(wanted, Format::Text, &mut page);
        String::from_utf8(page).unwrap()
    }

    fn span(&self) -> GraceSpan {
        let from = self.held.clock().wall();
        GraceSpan { from, until: from + GRACE }
    }

    /// Prices come every minute, and the books are compared with yesterday's statement.
    fn morning(&self) {
        let feed = self.portfolio.freshness("price-feed");
        feed.expect_every(MINUTE);
        let updates = self.portfolio.updates("price-feed");
        let quotes = self.portfolio.api_calls("ibkr", "snapshot");
        let quota = self.portfolio.quota("ibkr", Quota::new(10, MINUTE).unwrap());
        for minute in 0..30 {
            let answer = quotes.execute(|| if minute == 7 { Err("penalty box") } else { Ok(()) });
            let _ = updates.execute(|| answer);
            assert_eq!(quota.used(), 1, "one a minute");
            self.held.advance(MINUTE);
        }
        assert_eq!(quota.left(), 10);
        quotes.record_many(Outcome::Ok, 4);

        let valuation = self.portfolio.calculation("valuation");
        for (millis, succeeds) in [(3, true), (40, true), (700, false)] {
            let valued = valuation.execute(|| {
                self.held.advance(Duration::from_millis(millis));
                if succeeds { Ok(()) } else { Err("no price") }
            });
            assert_eq!(valued.is_ok(), succeeds);
        }
        valuation.record(Duration::from_secs(2), Outcome::Cancelled);
        drop(valuation.start());

        let usd = |minor| Money::new(minor, Currency::Usd);
        let tolerance = Tolerance { basis_points: 25, floor: usd(100_000) };
        let statements = self.portfolio.data_checks("ibkr", Reference::BrokerStatement).within(tolerance);
        let of =
            |minor, date| Some(Valued { value: usd(minor), as_of: AsOf::Date(date), accruals: Accruals::Included });
        let yesterday = BusinessDate::from_epoch_days(20_109);
        for (ours, reference, expected) in [
            (of(9_999_000, TODAY), of(10_000_000, TODAY), DataCheck::Match { deviation: 0.0001 }),
            (of(9_950_000, TODAY), of(10_000_000, TODAY), DataCheck::Mismatch { deviation: 0.005 }),
            (of(10_000_000, TODAY), of(10_000_000, yesterday), DataCheck::StalePair),
            (None, of(1, TODAY), DataCheck::MissingOurs),
            (of(1, TODAY), None, DataCheck::MissingReference),
        ] {
            assert_eq!(statements.compare(ours, reference, usd(10_000_000)), Ok(expected));
        }
        self.portfolio.open_breaks(Reference::BrokerStatement, Component::Cash).set(1);
        let _ = self.portfolio.syncs("ibkr").execute(|| Ok::<_, ()>(()));
    }

    /// The price rises, the requirement with it, and a period begins; another is paused for an hour.
    fn noon(&self) {
        self.token.price_freshness("AIS").expect_every(MINUTE);
        let (pool, oracle) = (self.token.price_updates("AIS", "pool"), self.token.price_updates("AIS", "oracle"));
        pool.priced(PriceUnits::new(8_000));
        oracle.priced(PriceUnits::new(8_200));
        pool.rejected(PriceRejection::Stale);
        pool.outlier("jump");
        oracle.rejected(PriceRejection::BadSignature);
        oracle.failed();

        let pro = self.token.requirement("pro");
        pro.freshness().expect_every(HOUR);
        pro.set(TokenAmount::new(1_250_000_000_000, 9).unwrap());
        pro.adjustments(Direction::Up).ok();

        let span = self.span();
        for (replay, entry) in [(false, Entry::New), (true, Entry::Known)] {
            assert_eq!(self.grace.start(3, GraceCause::RequirementRaised, span), Ok(entry), "{replay}");
        }
        let _ = self.grace.pause(&1).unwrap();
        let verifications = self.token.balance_verifications();
        verifications.record(Duration::from_millis(80), Outcome::Ok);
        verifications.record(Duration::from_secs(5), Outcome::Failed);
        self.token.balance_slot_lag().record(Slot::new(350_000_000), Slot::new(350_000_003));
        self.held.advance(HOUR);
        let _ = self.grace.resume(&1).unwrap();

        let access = self.token.access_decisions();
        access.record(Decision::Grant, Basis::Verified, "requirement_met");
        access.record(Decision::Grant, Basis::Grace, "grace_period");
        access.record(Decision::Deny, Basis::Verified, "balance_too_low");
        access.record(Decision::Deny, Basis::FailClosed, "balance_unknown");
    }

    /// The market closes; the seeded period of four days runs out the next morning and ends half a day later.
    fn night(&self) {
        self.portfolio.freshness("price-feed").expect_none();
        self.token.holders("pro").set(HolderCounts { eligible: 40, grace: 3, expired: 2 });
        self.held.advance(HOUR * 12);
        assert_eq!(self.grace.end(&3, GraceResult::Recovered), Ok(Entry::New));
        assert!(self.page().contains("token_grace_periods_expiring{tier=\"pro\"} 1\n"));
        self.held.advance(HOUR * 12);
        assert!(self.page().contains("token_grace_periods_overdue{tier=\"pro\"} 1\n"));
        for key in self.grace.overdue() {
            assert_eq!(self.grace.end(&key, GraceResult::Expired), Ok(Entry::New));
        }
        assert_eq!(self.grace.end(&2, GraceResult::Expired), Ok(Entry::Known));
    }
}

#[test]
fn day_ends_in_exactly_the_expected_page() {
    let day = Day::begin();
    day.morning();
    day.noon();
    day.night();
    let page = day.page();
    for (shown, expected) in page.lines().zip(EXPECTED.lines()) {
        assert_eq!(shown, expected);
    }
    assert_eq!(page.len(), EXPECTED.len());
}
