//! Collectors behind a real `GET /metrics`: what they do costs their own series, and no worker that serves requests.

use std::sync::mpsc;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::{
    Collected, Collection, CollectorOptions, DEFAULT_COLLECT_WITHIN, Definition, LabelValue,
};

use crate::client::{self, PATIENCE, within};
use crate::service::{Lines, builder, until};

static FILLED: Definition = Definition::gauge("filled", "What a collector measured.").labels(&["by"]);

/// Registers a collector of one series that blocks until it is sent a value, or its sender is gone; what is received
/// when a run of it begins.
fn blocking(monitoring: &Monitoring, name: &str) -> (mpsc::Sender<f64>, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let filled: Collected<f64, 1> = monitoring.meter().collected(&FILLED).unwrap();
    let (values, next) = mpsc::channel();
    let (began, begun) = tokio::sync::mpsc::unbounded_channel();
    let by = LabelValue::capped(name);
    let collector = move |collection: &mut Collection| {
        let _ = began.send(());
        collection.set(&filled, [by.clone()], next.recv()?);
        Ok(())
    };
    monitoring.meter().collector_with(name, collector, CollectorOptions::new().interval(Duration::ZERO)).unwrap();
    (values, begun)
}

#[tokio::test(flavor = "current_thread")]
async fn only_worker_serves_on_while_a_collector_blocks() {
    let monitoring = builder(&Lines::default()).collect_within(PATIENCE).build().unwrap();
    let (values, mut begun) = blocking(&monitoring, "blocks");
    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr();
    let scrape = tokio::spawn(client::get(admin, "/metrics"));
    within(begun.recv()).await.unwrap();
    for _ in 0..10 {
        assert_eq!(client::get(admin, "/health/live").await.status, 200);
    }
    assert!(!scrape.is_finished(), "it waits for its collector");
    values.send(7.0).unwrap();
    let page = within(scrape).await.unwrap();
    assert!(page.text().contains("filled{by=\"blocks\"} 7\n"), "{}", page.text());
    assert!(page.text().contains("monitoring_collector_runs_total{collector=\"blocks\",outcome=\"ok\"} 1\n"));
}

#[tokio::test]
async fn page_comes_without_a_collector_that_hangs_or_panics_and_with_all_others() {
    let clock = ManualClock::new();
    let monitoring = builder(&Lines::default()).clock(clock.clock()).build().unwrap();
    let (hung, mut begun) = blocking(&monitoring, "hangs");
    let (works, _works_began) = blocking(&monitoring, "works");
    let panics = |_: &mut Collection| panic!("a collector that panics");
    monitoring.meter().collector("panics", panics).unwrap();
    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr();
    for value in [1.0, 2.0] {
        works.send(value).unwrap();
    }
    let runs = |collector: &str, outcome: &str, count: u64| {
        format!("monitoring_collector_runs_total{{collector=\"{collector}\",outcome=\"{outcome}\"}} {count}\n")
    };
    let first = tokio::spawn(client::get(admin, "/metrics"));
    within(begun.recv()).await.unwrap();
    until("the other runs end", || {
        let ended = |collector| {
            let labels = [("collector", collector)];
            monitoring.registry().snapshot().sum("monitoring_collector_duration_seconds", &labels)
        };
        (ended("works") == Some(1.0) && ended("panics") == Some(1.0)).then_some(())
    })
    .await;
    clock.advance(DEFAULT_COLLECT_WITHIN);
    // The clock stands still from here on, so that nothing ends because time is over.
    let pages = [within(first).await.unwrap(), client::get(admin, "/metrics").await];
    for page in pages.each_ref().map(|page| page.text()) {
        assert!(page.contains("\nfilled{by=\"works\"}"), "{page}");
        assert!(page.contains(&runs("hangs", "late", 1)) && !page.contains("\nfilled{by=\"hangs\"}"), "{page}");
        assert!(page.contains("monitoring_problems_total{problem=\"collector_failed\"}"), "{page}");
    }
    assert!(pages[0].text().contains(&runs("panics", "panicked", 1)), "{}", pages[0].text());
    assert!(pages[1].text().contains("\nfilled{by=\"works\"} 2\n"), "{}", pages[1].text());
    assert!(begun.try_recv().is_err(), "one run, one thread");
    // Its thread still hangs.
    drop(monitoring);
    drop(hung);
}

#[tokio::test]
async fn scrapes_are_measured() {
    let monitoring = builder(&Lines::default()).build().unwrap();
    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr();
    let first = client::get(admin, "/metrics").await;
    for line in [
        "\nmonitoring_scrapes_in_flight 1\n",
        "\nmonitoring_scrapes_total{format=\"openmetrics\"} 0\n",
        "\nmonitoring_scrapes_total{format=\"text\"} 0\n",
    ] {
        assert!(first.text().contains(line), "{line} in {}", first.text());
    }
    let part = client::get(admin, "/metrics?name[]=service_info").await;
    assert!(part.text().len() < first.text().len());
    let second = client::get(admin, "/metrics").await;
    let size = format!("\nmonitoring_page_bytes{{format=\"text\"}} {}\n", first.text().len());
    assert!(second.text().contains(&size), "of the last whole page: {}", second.text());
    assert!(second.text().contains("\nmonitoring_scrapes_total{format=\"text\"} 2\n"), "{}", second.text());
    let snapshot = monitoring.registry().snapshot();
    assert_eq!(snapshot.value("monitoring_scrapes_in_flight", &[]), Some(0.0));
}
