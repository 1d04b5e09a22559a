//! One page of metrics, made once for all who ask for it at the same time.

use std::io::Write;
use std::time::Instant;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Mutex;

use super::instruments::ScrapeInstruments;
use crate::clock::Clock;
use crate::metrics::Registry;
use crate::metrics::exposition::Format;

/// What a scraper asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) format: Format,
    pub(super) encoding: Encoding,
    /// The families to show; all if there is none. Sorted.
    pub(super) names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) asked: Asked,
    pub(super) bytes: Bytes,
    /// When the collecting and reading of the series began.
    began: Instant,
}

/// Where pages are made, one at a time.
pub(super) struct Pages {
    registry: Registry,
    instruments: ScrapeInstruments,
    clock: Clock,
    /// The last page, for those who came before it was begun; kept until the next if it is small.
    latest: Mutex<Option<Page>>,
}

impl Pages {
    pub(super) fn new(registry: Registry, instruments: ScrapeInstruments, clock: Clock) -> Self {
        Self { registry, instruments, clock, latest: Mutex::new(None) }
    }

    /// The page that is asked for, read after the question came; `None` if it cannot be made any more.
    ///
    /// # Cancellation
    /// A scraper that leaves takes nothing from the others.
    pub(super) async fn get(&self, asked: Asked) -> Option<Page> {
        let _in_flight = self.instruments.came();
        let answered = &self.instruments.of(asked.format).answered;
        let page = self.shared_or_made(asked).await?;
        answered.increment();
        Some(page)
    }

    async fn shared_or_made(&self, asked: Asked) -> Option<Page> {
        let came = self.clock.now();
        let mut latest = self.latest.lock().await;
        if let Some(page) = latest.as_ref().filter(|page| page.asked == asked && page.began >= came) {
            return Some(page.clone());
        }
        // The old page is let go first, so that there is never more than one here.
        *latest = None;
        let (registry, instruments, clock) = (self.registry.clone(), self.instruments.clone(), self.clock.clone());
        let made = tokio::task::spawn_blocking(move || make(&registry, &instruments, &clock, asked));
        let page = made.await.ok()?;
        if page.is_worth_keeping() {
            *latest = Some(page.clone());
        }
        Some(page)
    }
}

/// Chosen: pages up to this size are kept until the next scrape; a larger one would cost more memory than gathering it
/// again costs time.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

impl Page {
    fn is_worth_keeping(&self) -> bool {
        self.bytes.len() <= KEPT_BYTES
    }
}

fn make(registry: &Registry, instruments: &ScrapeInstruments, clock: &Clock, asked: Asked) -> Page {
    let began = clock.now();
    let wanted =
        |name: &str| asked.names.is_empty() || asked.names.binary_search_by(|own| own.as_str().cmp(name)).is_ok();
    registry.collect();
    let mut bytes = Vec::new();
    registry.encode_where(wanted, asked.format, &mut bytes);
    if asked.names.is_empty() {
        // The cast is exact up to 2^53.
        instruments.of(asked.format).page_bytes.set(bytes.len() as f64);
    }
    if asked.encoding == Encoding::Gzip {
        bytes = compressed(&bytes);
    }
    instruments.duration.record_duration(clock.now().saturating_duration_since(began));
    Page { asked, bytes: bytes.into(), began }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    // The fastest level: label text shrinks to a fifteenth with it, and slower ones gain little.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("OK because a Vec takes every byte")
}
