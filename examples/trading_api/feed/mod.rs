//! The tasks that bring prices in, for as long as the service runs.

mod pace;
mod quotes;
mod token_price;

use std::time::Duration;

pub(crate) use self::quotes::QuoteFeed;
pub(crate) use self::token_price::TokenPriceFeed;

use self::pace::{Attempt, Pace, Turn};
use crate::upstream::UpstreamError;

/// Something that is asked for again and again.
pub(crate) trait Feed: Send + Sync + 'static {
    /// For the log.
    const NAME: &'static str;
    /// From the end of one round to the start of the next, while all goes well.
    const INTERVAL: Duration;

    /// Asks once and passes the answer on.
    fn round(&self) -> impl Future<Output = Result<(), UpstreamError>> + Send;
}

/// Repeats a feed's rounds until dropped, at a pace that follows their outcome. The log says when the feed is lost and
/// when it is back.
pub(crate) async fn run<F: Feed>(feed: F) {
    let mut pace = Pace::every(F::INTERVAL);
    loop {
        let outcome = feed.round().await;
        let (wait, turn) = pace.after(match &outcome {
            Ok(()) => Attempt::Succeeded,
            Err(error) if error.is_rate_limit() => Attempt::RateLimited,
            Err(_) => Attempt::Failed,
        });
        tell(F::NAME, turn, outcome.err());
        tokio::time::sleep(wait).await;
    }
}

fn tell(feed: &str, turn: Turn, error: Option<UpstreamError>) {
    match (turn, error) {
        (Turn::Lost, Some(error)) => {
            tracing::warn!(feed, error = &error as &dyn std::error::Error, "Feed lost, its last prices stay");
        }
        (Turn::Restored, _) => tracing::info!(feed, "Feed is back"),
        _ => {}
    }
}
