//! State that is asked of a store: shown by all replicas, asked by one, absent when it is not known.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::business::portfolio::{Break, Component, Coverage, Reconciled, Reference};
use aistm7_monitoring::business::risk::RiskCoverage;
use aistm7_monitoring::business::token::{GraceCounts, GraceSeed, HolderCounts, Tier};
use aistm7_monitoring::business::{Currency, Money};
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::{AskOptions, CollectorError, DEFAULT_ASK_INTERVAL, Scope};
use aistm7_monitoring::store::lease::{Bid, Lease, LeaseError, Published, Standing};

use crate::client::PATIENCE;
use crate::poll::poll;

/// What the store says: nothing is that it fails.
type Store = Arc<Mutex<Option<Vec<(String, GraceCounts)>>>>;

/// A replica that asks the store for grace periods, and how often it did.
fn replica(held: &ManualClock, lease: Lease, store: &Store) -> (Monitoring, Arc<AtomicU64>) {
    let builder = Monitoring::builder("trading-api").clock(held.clock()).lease(lease).replicas(2);
    let monitoring = builder.declare::<Tier>(["basic".to_owned(), "pro".to_owned()]).build().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let (tiers, counted, store) = (monitoring.names::<Tier>(), Arc::clone(&asked), Arc::clone(store));
    let ask = move || {
        // Ordering: a lone count, read when the run that counted has ended.
        counted.fetch_add(1, Ordering::Relaxed);
        let rows = store.lock().unwrap().clone().ok_or_else(|| std::io::Error::other("the store is down"));
        std::future::ready(rows.map(|rows| rows.iter().map(|(tier, counts)| (tiers.find(tier), *counts)).collect()))
    };
    monitoring.token().sample_grace_periods(AskOptions::new(), ask).unwrap();
    (monitoring, asked)
}

/// A store of leases in memory: whoever comes first holds it, and what was published is passed on.
fn leases(held: &ManualClock) -> impl Fn() -> Lease {
    let (clock, board) =
        (held.clock(), Arc::new(Mutex::new(BTreeMap::<String, (String, Option<(String, SystemTime)>)>::new())));
    move || {
        let (clock, board) = (clock.clone(), Arc::clone(&board));
        Lease::new(move |bid: Bid| {
            let now = clock.wall();
            let mut board = board.lock().unwrap();
            let (holder, published) = board.entry(bid.lease).or_insert_with(|| (bid.holder.clone(), None));
            let is_holder = *holder == bid.holder;
            if let Some(publication) = bid.publication.filter(|_| is_holder) {
                *published = Some((publication.result, now));
            }
            let age = |at: &SystemTime| now.duration_since(*at).unwrap();
            let published = published.as_ref().map(|(result, at)| Published { result: result.clone(), age: age(at) });
            std::future::ready(Ok::<_, LeaseError>(Standing { epoch: is_holder.then_some(1), published }))
        })
    }
}

/// The page when the run of a collector that this scrape starts has ended, and the next scrape has shown it. The clock
/// stands still, so that there is one run and no other.
fn scraped(monitoring: &Monitoring, collector: &str) -> String {
    let registry = monitoring.registry();
    let labels = [("collector", collector)];
    let ended = || registry.snapshot().sum("monitoring_collector_duration_seconds", &labels).unwrap();
    let before = ended();
    registry.collect();
    poll(PATIENCE, || if ended() > before { Ok(()) } else { Err(()) }).unwrap();
    registry.collect();
    registry.render()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_are_asked_by_one_replica_shown_by_all_and_absent_when_unknown() {
    let held = ManualClock::new();
    let lease = leases(&held);
    let store: Store = Arc::default();
    let replicas = [replica(&held, lease(), &store), replica(&held, lease(), &store)];
    let pages = || replicas.each_ref().map(|(monitoring, _)| scraped(monitoring, "token-grace-periods"));
    let asked = || replicas.each_ref().map(|(_, asked)| asked.load(Ordering::Relaxed));
    for page in pages() {
        assert!(!page.contains("\ntoken_grace_periods_active{"), "{page}");
    }

    let counts = GraceCounts { active: 7, expiring: 3, paused: 2, overdue: 1 };
    *store.lock().unwrap() = Some(vec![("pro".to_owned(), counts), ("user123".to_owned(), counts)]);
    held.advance(DEFAULT_ASK_INTERVAL);
    let before = asked();
    for page in pages() {
        for (state, count) in [("active", 7), ("expiring", 3), ("paused", 2), ("overdue", 1)] {
            for tier in ["pro", "_other"] {
                assert!(
                    page.contains(&format!("\ntoken_grace_periods_{state}{{tier=\"{tier}\"}} {count}\n")),
                    "{page}"
                );
            }
        }
        assert!(!page.contains("user123"));
    }
    let after = asked();
    assert_eq!((after[0] - before[0], after[1] - before[1]), (1, 0), "the holder asks");

    *store.lock().unwrap() = None;
    held.advance(Duration::from_secs(3_600));
    for page in pages() {
        assert!(!page.contains("\ntoken_grace_periods_active{"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_that_is_set_by_hand_is_not_taken_over_by_a_sample() {
    let held = ManualClock::new();
    let monitoring = Monitoring::builder("trading-api").clock(held.clock()).build().unwrap();
    let token = monitoring.token();
    let here = AskOptions::new().scope(Scope::Instance);
    let sampled = HolderCounts { eligible: 5, grace: 1, expired: 0 };
    token
        .sample_holders(here, move || std::future::ready(Ok::<_, std::io::Error>(vec![("pro".into(), sampled)])))
        .unwrap();
    let refused = token.sample_holders(here, || std::future::ready(Ok::<_, std::io::Error>(Vec::new()))).unwrap_err();
    assert!(matches!(refused, CollectorError::Taken { .. }), "{refused}");
    token.holders("basic").set(HolderCounts { eligible: 9, ..sampled });
    let page = scraped(&monitoring, "token-holders");
    assert!(page.contains("token_holders{state=\"eligible\",tier=\"pro\"} 5\n"), "{page}");
    assert!(page.contains("token_holders{state=\"eligible\",tier=\"basic\"} 9\n"), "{page}");

    let now = SystemTime::UNIX_EPOCH;
    let ledger = token.grace_periods("pro").ledger::<u64>(GraceSeed::new(now, [])).unwrap();
    let counts = GraceCounts { active: 4, ..GraceCounts::default() };
    token
        .sample_grace_periods(here, move || std::future::ready(Ok::<_, std::io::Error>(vec![("pro".into(), counts)])))
        .unwrap();
    let page = scraped(&monitoring, "token-grace-periods");
    assert!(page.contains("token_grace_periods_active{tier=\"pro\"} 0\n"), "the ledger's: {page}");
    assert!(page.contains("monitoring_problems_total{problem=\"duplicate_series\"} 4\n"), "{page}");
    drop(ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn portfolios_with_and_without_a_figure_are_asked_of_the_store() {
    let held = ManualClock::new();
    let monitoring = Monitoring::builder("risk-analysis").clock(held.clock()).build().unwrap();
    let figures = RiskCoverage { fresh: 180, stale: 12, ..RiskCoverage::default() };
    let ask = move || std::future::ready(Ok::<_, std::io::Error>(figures));
    monitoring.risk().sample_portfolios(AskOptions::new().scope(Scope::Instance), ask).unwrap();
    let page = scraped(&monitoring, "risk-portfolios");
    for series in
        ["state=\"fresh\"} 180", "state=\"stale\"} 12", "state=\"failed\"} 0", "state=\"insufficient_data\"} 0"]
    {
        assert!(page.contains(&format!("risk_portfolios{{{series}\n")), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_show_their_breaks_by_component_currency_and_age() {
    let held = ManualClock::new();
    let monitoring = Monitoring::builder("books").clock(held.clock()).build().unwrap();
    let state: Arc<Mutex<Reconciled>> = Arc::default();
    let asked = Arc::clone(&state);
    let ask = move || std::future::ready(Ok::<_, std::io::Error>(asked.lock().unwrap().clone()));
    let here = AskOptions::new().scope(Scope::Instance);
    monitoring.portfolio().sample_breaks(Reference::BrokerStatement, here, ask).unwrap();
    let shown = |page: &str| -> Vec<String> {
        let of_books = |line: &&str| {
            ["portfolio_open_breaks{", "portfolio_oldest", "portfolio_unreconciled", "portfolio_nav"]
                .iter()
                .any(|name| line.starts_with(name))
        };
        page.lines().filter(of_books).map(|line| line.replace("reference=\"broker_statement\"", "r")).collect()
    };
    let none = |count: u64| -> Vec<String> {
        ["accrual", "cash", "fx", "position", "price"]
            .map(|component| {
                let open = if component == "cash" { count } else { 0 };
                format!("portfolio_open_breaks{{component=\"{component}\",r}} {open}")
            })
            .to_vec()
    };
    assert_eq!(shown(&scraped(&monitoring, "portfolio-breaks-broker_statement")), none(0));

    let open = |since: u64, minor, currency| Break {
        component: Component::Cash,
        since: SystemTime::UNIX_EPOCH + Duration::from_secs(since),
        difference: Money::new(minor, currency),
    };
    let breaks = vec![open(500, 1_000, Currency::Usd), open(400, -250, Currency::Usd), open(600, -9, Currency::Jpy)];
    let dollars = |minor| Money::new(minor, Currency::Usd);
    let coverage = Some(Coverage::new(dollars(3), dollars(4)).unwrap());
    *state.lock().unwrap() = Reconciled { breaks, coverage };
    held.advance(DEFAULT_ASK_INTERVAL);
    let mut expected = none(3);
    expected.push("portfolio_nav_coverage_ratio{r} 0.75".to_owned());
    expected.push("portfolio_oldest_break_timestamp_seconds{r} 400".to_owned());
    // The first of January 1970 was a Thursday.
    expected.push("portfolio_oldest_break_due_timestamp_seconds{r} 86800".to_owned());
    for (currency, sum, amount) in
        [("JPY", "gross", "9"), ("JPY", "net", "-9"), ("USD", "gross", "12.5"), ("USD", "net", "7.5")]
    {
        expected.push(format!("portfolio_unreconciled_amount{{currency=\"{currency}\",r,sum=\"{sum}\"}} {amount}"));
    }
    expected.sort();
    assert_eq!(shown(&scraped(&monitoring, "portfolio-breaks-broker_statement")), expected);
}
