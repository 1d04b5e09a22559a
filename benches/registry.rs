//! What the registry costs beside its peers, in one run: rendering, recording, business that is recorded, the facade's
//! macros, memory.
//!
//! Peers: metrics-exporter-prometheus, prometheus-client and tikv's prometheus. All hold the same series with the
//! same samples. Rounds are interleaved; the figures are medians over rounds, and ratios to ours are what counts.
//! `--test` runs short rounds only, to prove that the bench works.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/counting.rs"]
mod counting;

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::metrics::{
    Counter, Definition, Family, Histogram, LATENCY_EDGES, LabelValue, Limits, Meter, Registry, RegistryOptions, Unit,
};
use aistm7_monitoring::trace::TraceContext;
use counting::{ALLOCATIONS, LIVE_BYTES};
use metrics::with_local_recorder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

static REQUESTS: Definition = Definition::counter("requests_total", "Requests.");
static LATENCY: Definition = Definition::histogram("api_response_time_seconds", "Time to the response's head.")
    .unit(Unit::Seconds)
    .labels(&["method", "route", "status_class"]);

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The label values of the series, and the samples that each of them gets.
fn each_series(series: usize, mut give: impl FnMut(&'static str, String, &'static str, &[f64])) {
    for at in 0..series {
        let route = format!("/api/v1/portfolios/{{id}}/positions/{:04}", at / 25);
        let samples: Vec<f64> = (0..20).map(|sample| sample_of(at * 7 + sample)).collect();
        give(METHODS[at % 5], route, STATUS_CLASSES[at / 5 % 5], &samples);
    }
}

/// Spread over all buckets.
fn sample_of(at: usize) -> f64 {
    0.003 * 1.37_f64.powi((at * 11 % 29) as i32)
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, prometheus_client::encoding::EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: String,
    status_class: &'static str,
}

type ClientHistogram = prometheus_client::metrics::histogram::Histogram;
type ClientFamily = prometheus_client::metrics::family::Family<Labels, ClientHistogram, fn() -> ClientHistogram>;

fn ours(series: usize) -> Registry {
    filled(RegistryOptions::new(), series)
}

fn filled(options: RegistryOptions, series: usize) -> Registry {
    let limits = Limits { per_family: 1_000_000, in_all: 1_000_000 };
    let registry = Registry::with(options.limits(limits));
    let family: Family<Histogram, 3> = Meter::new(&registry).histogram(&LATENCY).expect("a valid definition");
    each_series(series, |method, route, status_class, samples| {
        let handle = family.series([method.into(), LabelValue::capped(route), status_class.into()]);
        samples.iter().for_each(|sample| handle.record(*sample));
    });
    registry
}

fn client(series: usize) -> prometheus_client::registry::Registry {
    let mut registry = prometheus_client::registry::Registry::default();
    let family = ClientFamily::new_with_constructor(|| ClientHistogram::new(LATENCY_EDGES.iter().copied()));
    registry.register(LATENCY.name(), LATENCY.help(), family.clone());
    each_series(series, |method, route, status_class, samples| {
        let handle = family.get_or_create_owned(&Labels { method, route, status_class });
        samples.iter().for_each(|sample| handle.observe(*sample));
    });
    registry
}

fn tikv(series: usize) -> prometheus::Registry {
    let registry = prometheus::Registry::new();
    let options = prometheus::HistogramOpts::new(LATENCY.name(), LATENCY.help()).buckets(LATENCY_EDGES.to_vec());
    let family = prometheus::HistogramVec::new(options, LATENCY.label_names()).expect("valid options");
    registry.register(Box::new(family.clone())).expect("an empty registry");
    each_series(series, |method, route, status_class, samples| {
        let handle = family.with_label_values(&[method, &route, status_class]);
        samples.iter().for_each(|sample| handle.observe(*sample));
    });
    registry
}

fn exporter(series: usize) -> PrometheusRecorder {
    let builder = PrometheusBuilder::new().set_buckets(LATENCY_EDGES).expect("there are buckets");
    let recorder = builder.build_recorder();
    with_local_recorder(&recorder, || {
        metrics::describe_histogram!(LATENCY.name(), LATENCY.help());
        each_series(series, |method, route, status_class, samples| {
            let handle = metrics::histogram!(LATENCY.name(),
                "method" => method, "route" => route, "status_class" => status_class);
            samples.iter().for_each(|sample| handle.record(*sample));
        });
    });
    recorder
}

/// One of those compared, and what its rounds took.
struct Contender {
    name: &'static str,
    /// Does the thing as often as told.
    run: Box<dyn FnMut(u32)>,
    nanos: Vec<f64>,
    allocations: u64,
}

impl Contender {
    fn new(name: &'static str, run: impl FnMut(u32) + 'static) -> Self {
        Self { name, run: Box::new(run), nanos: Vec::new(), allocations: 0 }
    }

    fn round(&mut self, times: u32) {
        let allocations = ALLOCATIONS.get();
        let clock = Clock::system();
        let began = clock.now();
        (self.run)(times);
        self.nanos.push((clock.now() - began).as_secs_f64() * 1e9 / f64::from(times));
        self.allocations = (ALLOCATIONS.get() - allocations) / u64::from(times);
    }

    fn median(&self) -> f64 {
        let mut nanos = self.nanos.clone();
        nanos.sort_by(f64::total_cmp);
        nanos[nanos.len() / 2]
    }
}

/// Interleaved rounds; prints a line for each. The first contender is ours.
fn compare(title: &str, rounds: usize, times: u32, mut contenders: Vec<Contender>) -> f64 {
    for contender in &mut contenders {
        contender.round(times);
        contender.nanos.clear();
    }
    for _ in 0..rounds {
        for contender in &mut contenders {
            contender.round(times);
        }
    }
    let own = contenders[0].median();
    println!("\n{title:<58} {:>14} {:>13} {:>10}", "ns", "allocations", "/ ours");
    for contender in &contenders {
        let ratio = contender.median() / own;
        println!("{:<58} {:>14.1} {:>13} {ratio:>10.2}", contender.name, contender.median(), contender.allocations);
    }
    own
}

fn renderers(series: usize) -> Vec<Contender> {
    let (ours, client, tikv, exporter) = (ours(series), client(series), tikv(series), exporter(series));
    let handle = exporter.handle();
    let mut texts = (String::new(), String::new());
    vec![
        encoder("ours, text", ours, Format::Text),
        Contender::new("prometheus-client 0.25", move |times| {
            for _ in 0..times {
                texts.0.clear();
                prometheus_client::encoding::text::encode(&mut texts.0, &client).expect("a String takes all");
                black_box(&texts.0);
            }
        }),
        Contender::new("prometheus 0.14", move |times| {
            for _ in 0..times {
                texts.1.clear();
                let families = tikv.gather();
                prometheus::TextEncoder::new().encode_utf8(&families, &mut texts.1).expect("a String takes all");
                black_box(&texts.1);
            }
        }),
        Contender::new("metrics-exporter-prometheus 0.18", move |times| {
            let _recorder = &exporter;
            for _ in 0..times {
                black_box(handle.render());
            }
        }),
    ]
}

/// Records so many times.
type Record = Arc<dyn Fn(u32) + Send + Sync>;
type Subject = (&'static str, Record);

fn counters() -> Vec<Subject> {
    let family: Family<Counter, 0> = Meter::new(&Registry::new()).counter(&REQUESTS).expect("a valid definition");
    let ours = family.series([]);
    let client = prometheus_client::metrics::counter::Counter::<u64>::default();
    let tikv = prometheus::IntCounter::new("requests_total", "Requests.").expect("valid options");
    let recorder = PrometheusBuilder::new().build_recorder();
    let exporter = with_local_recorder(&recorder, || metrics::counter!("requests_total"));
    vec![
        ("ours", Arc::new(move |times| (0..times).for_each(|_| black_box(&ours).increment()))),
        (
            "prometheus-client 0.25",
            Arc::new(move |times| {
                (0..times).for_each(|_| {
                    black_box(&client).inc();
                });
            }),
        ),
        ("prometheus 0.14", Arc::new(move |times| (0..times).for_each(|_| black_box(&tikv).inc()))),
        (
            "metrics-exporter-prometheus 0.18",
            Arc::new(move |times| (0..times).for_each(|_| black_box(&exporter).increment(1))),
        ),
    ]
}

static LONE: Definition = Definition::histogram("response_time_seconds", "Time.").unit(Unit::Seconds);

/// Samples as a server has them: most in a few neighbouring buckets, some far off.
fn usual_samples() -> Arc<[f64]> {
    (0..1024).map(|at| if at % 8 == 0 { sample_of(at) } else { 0.02 }).collect()
}

fn run(samples: &Arc<[f64]>, record: impl Fn(f64) + Send + Sync + 'static) -> Record {
    let samples = Arc::clone(samples);
    Arc::new(move |times| {
        for at in 0..times as usize {
            record(black_box(samples[at % samples.len()]));
        }
    })
}

fn histograms() -> Vec<Subject> {
    let samples = usual_samples();
    let family: Family<Histogram, 0> = Meter::new(&Registry::new()).histogram(&LONE).expect("a valid definition");
    let (ours, timed) = (family.series([]), family.series([]));
    #[cfg(feature = "protobuf")]
    let native = {
        let meter = Meter::new(&Registry::new());
        let family: Family<Histogram, 0> = meter.histogram(&LONE.native()).expect("a valid definition");
        family.series([])
    };
    let client = ClientHistogram::new(LATENCY_EDGES.iter().copied());
    let options = prometheus::HistogramOpts::new(LATENCY.name(), LATENCY.help()).buckets(LATENCY_EDGES.to_vec());
    let tikv = prometheus::Histogram::with_opts(options).expect("valid options");
    let builder = PrometheusBuilder::new().set_buckets(LATENCY_EDGES).expect("there are buckets");
    let recorder = builder.build_recorder();
    let exporter = with_local_recorder(&recorder, || metrics::histogram!("response_time_seconds"));
    let durations: Arc<[Duration]> = samples.iter().map(|sample| Duration::from_secs_f64(*sample)).collect();
    vec![
        ("ours, record(f64)", run(&samples, move |sample| ours.record(sample))),
        #[cfg(feature = "protobuf")]
        ("ours, with native buckets", run(&samples, move |sample| native.record(sample))),
        (
            "ours, record_duration",
            Arc::new(move |times| {
                for at in 0..times as usize {
                    timed.record_duration(black_box(durations[at % durations.len()]));
                }
            }),
        ),
        ("prometheus-client 0.25", run(&samples, move |sample| client.observe(sample))),
        ("prometheus 0.14", run(&samples, move |sample| tikv.observe(sample))),
        // Its samples pile up until a scrape, so that each round of it also pays for memory.
        ("metrics-exporter-prometheus 0.18", run(&samples, move |sample| exporter.record(sample))),
    ]
}

/// With and without exemplars, which only samples in a sampled trace become.
fn exemplars() -> Vec<Subject> {
    fn series(options: RegistryOptions) -> Histogram {
        let family = Meter::new(&Registry::with(options)).histogram(&LONE).expect("a valid definition");
        family.series([])
    }
    fn traced(record: Record) -> Record {
        let context = TraceContext::new_root();
        Arc::new(move |times| {
            let _entered = context.enter();
            record(times);
        })
    }
    let samples = usual_samples();
    let recorded_by = |histogram: Histogram| run(&samples, move |sample| histogram.record(sample));
    let (off, on) = (series(RegistryOptions::new()), series(RegistryOptions::new().exemplars()));
    vec![
        ("exemplars off", traced(recorded_by(off))),
        ("exemplars on, outside a trace", recorded_by(on.clone())),
        ("exemplars on, in a sampled trace", traced(recorded_by(on))),
    ]
}

/// What a service pays to record its business, each with the work itself left out.
#[cfg(feature = "business")]
fn business() -> Vec<Subject> {
    use aistm7_monitoring::business::portfolio::{Accruals, AsOf, Portfolio, Quota, Reference, Tolerance, Valued};
    use aistm7_monitoring::business::token::{Basis, Decision, Direction, PriceUnits, Tier, Token};
    use aistm7_monitoring::business::{BusinessDate, Currency, Money, Names};

    fn each<T>(record: impl Fn() -> T + Send + Sync + 'static) -> Record {
        Arc::new(move |times| {
            (0..times).for_each(|_| {
                black_box(record());
            });
        })
    }
    let meter = Meter::new(&Registry::new());
    let portfolio = Portfolio::new(&meter, Clock::system()).expect("a fresh registry");
    let token = Token::new(&meter, Clock::system()).expect("a fresh registry");
    let syncs = portfolio.syncs("ibkr");
    let valuation = portfolio.calculation("valuation");
    let calls = portfolio.api_calls("ibkr", "positions");
    portfolio.quota("ibkr", Quota::new(10, Duration::from_secs(1)).expect("a good quota"));
    let usd = |minor| Money::new(minor, Currency::Usd);
    let tolerance = Tolerance { basis_points: 25, floor: usd(100) };
    let statements = portfolio.data_checks("ibkr", Reference::BrokerStatement).within(tolerance);
    let as_of = AsOf::Date(BusinessDate::from_epoch_days(20_110));
    let valued = move |minor| Some(Valued { value: usd(minor), as_of, accruals: Accruals::Included });
    let (access, prices) = (token.access_decisions(), token.price_updates("SOL", "pyth"));
    let tiers = Names::<Tier>::declare(&meter, ["basic", "pro", "institutional"]).expect("good names");
    let adjusted = tiers.resolve(|tier| token.requirement(tier));
    vec![
        ("count an event", each(move || syncs.ok())),
        ("count one of a declared name", each(move || adjusted.of(black_box("pro")).adjustments(Direction::Up).ok())),
        ("count an access decision", each(move || access.record(Decision::Grant, Basis::Verified, "requirement_met"))),
        ("compare two values", each(move || statements.compare(valued(black_box(99)), valued(100), usd(100)))),
        ("time work", each(move || valuation.execute(|| black_box(Ok::<_, ()>(()))).expect("it is Ok"))),
        ("count a call against a quota", each(move || calls.ok())),
        ("take one source's price", each(move || prices.priced(PriceUnits::new(black_box(7))))),
    ]
}

fn on_one_thread(subjects: Vec<Subject>) -> Vec<Contender> {
    subjects.into_iter().map(|(name, run)| Contender::new(name, move |times| run(times))).collect()
}

/// Both threads record into the one series at the same time.
fn on_two_threads(subjects: Vec<Subject>) -> Vec<Contender> {
    let together = |run: Record| {
        move |times| {
            let start = Barrier::new(2);
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        start.wait();
                        run(times);
                    });
                }
            });
        }
    };
    subjects.into_iter().map(|(name, run)| Contender::new(name, together(run))).collect()
}

/// A macro with literals, as third-party libraries write it.
fn macros(record: fn()) -> Vec<Contender> {
    let ours = Registry::new();
    let exporter = PrometheusBuilder::new().set_buckets(LATENCY_EDGES).expect("there are buckets").build_recorder();
    vec![
        Contender::new("ours", move |times| with_local_recorder(&ours, || (0..times).for_each(|_| record()))),
        Contender::new("metrics-exporter-prometheus 0.18", move |times| {
            with_local_recorder(&exporter, || (0..times).for_each(|_| record()));
            // Else its samples would fill the machine's memory.
            exporter.handle().run_upkeep();
        }),
    ]
}

/// Bytes that stay allocated after `build`, divided by `by`.
fn live<T>(by: usize, build: impl FnOnce() -> T) -> (T, i64) {
    let before = LIVE_BYTES.get();
    let built = build();
    (built, (LIVE_BYTES.get() - before) / by as i64)
}

fn memory(series: usize, records: u32) {
    println!("\n{:<58} {:>14}", format!("bytes a histogram series, {series} series"), "bytes");
    println!("{:<58} {:>14}", "ours", live(series, || ours(series)).1);
    println!("{:<58} {:>14}", "prometheus-client 0.25", live(series, || client(series)).1);
    println!("{:<58} {:>14}", "prometheus 0.14", live(series, || tikv(series)).1);
    // What a scrape leaves, without the samples.
    let scraped = || {
        let recorder = exporter(series);
        drop(recorder.handle().render());
        recorder
    };
    println!("{:<58} {:>14}", "metrics-exporter-prometheus 0.18, scraped", live(series, scraped).1);

    println!("\n{:<58} {:>14}", format!("bytes grown by {records} records without a scrape"), "bytes");
    for (name, record) in histograms() {
        record(1);
        println!("{name:<58} {:>14}", live(1, || record(records)).1);
    }
}

fn main() {
    let short = std::env::args().any(|arg| arg == "--test");
    let (rounds, times, sizes): (usize, u32, &[usize]) =
        if short { (3, 1_000, &[50]) } else { (15, 1_000_000, &[2_000, 20_000]) };
    // First, while the peers have left no garbage behind that is freed later.
    memory(sizes[sizes.len() - 1], times * 10);
    let mut per_series = Vec::new();
    for series in sizes {
        let title = format!("render {series} histograms of 14 buckets");
        let own = compare(&title, rounds, 1, renderers(*series));
        per_series.push((*series, own / *series as f64));
    }
    #[cfg(feature = "protobuf")]
    for series in sizes {
        compare(&format!("encode {series} histograms of 14 buckets"), rounds, 1, formats(*series));
    }
    let many = if short { 500 } else { 200_000 };
    let lone = compare(&format!("render {many} histograms of 14 buckets"), rounds.min(5), 1, vec![ours_alone(many)]);
    per_series.push((many, lone / many as f64));
    println!();
    for (series, nanos) in per_series {
        println!("{:<58} {nanos:>14.1}", format!("ns a series, of {series}"));
    }
    compare("increment a counter, one thread", rounds, times, on_one_thread(counters()));
    compare("increment one counter, each of two threads", rounds, times, on_two_threads(counters()));
    compare("record into a histogram, one thread", rounds, times, on_one_thread(histograms()));
    compare("record into one histogram, each of two threads", rounds, times, on_two_threads(histograms()));
    compare("record with and without exemplars, one thread", rounds, times, on_one_thread(exemplars()));
    compare("record with and without exemplars, each of two threads", rounds, times, on_two_threads(exemplars()));
    #[cfg(feature = "business")]
    compare("record business, one thread", rounds, times, on_one_thread(business()));
    compare(
        "counter!(\"literal\").increment(1)",
        rounds,
        times,
        macros(|| metrics::counter!("jobs_total").increment(1)),
    );
    let labelled = || metrics::counter!("jobs_total", "queue" => "orders", "outcome" => "ok").increment(1);
    compare("counter!(\"literal\", 2 literal labels).increment(1)", rounds, times, macros(labelled));
    let timed = || metrics::histogram!("wait_seconds").record(0.02);
    compare("histogram!(\"literal\").record(0.02)", rounds, times, macros(timed));
}

fn ours_alone(series: usize) -> Contender {
    encoder("ours, text", ours(series), Format::Text)
}

/// The protobuf format beside the text, with the buckets of the edges and with native ones as well.
#[cfg(feature = "protobuf")]
fn formats(series: usize) -> Vec<Contender> {
    let native = filled(RegistryOptions::new().native_histograms([LATENCY.name()]), series);
    vec![
        encoder("ours, text", ours(series), Format::Text),
        encoder("ours, protobuf", ours(series), Format::Protobuf),
        encoder("ours, protobuf with native buckets", native, Format::Protobuf),
    ]
}

fn encoder(name: &'static str, registry: Registry, format: Format) -> Contender {
    let mut out = Vec::new();
    Contender::new(name, move |times| {
        for _ in 0..times {
            out.clear();
            registry.encode(format, &mut out);
            black_box(&out);
        }
    })
}
