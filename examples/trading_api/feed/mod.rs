//! The tasks that bring prices in, for as long as the service runs.

mod pace;
pub(crate) mod quotes;
pub(crate) mod token_price;

use self::pace::{Attempt, Pace, Turn};
use crate::upstream::UpstreamError;

/// Repeats `round` for ever, at a pace that follows its outcome. Says in the log when the feed is lost and restored.
async fn repeat(feed: &'static str, mut pace: Pace, mut round: impl AsyncFnMut() -> Result<(), UpstreamError>) {
    loop {
        let outcome = round().await;
        let attempt = match &outcome {
            Ok(()) => Attempt::Succeeded,
            Err(error) if error.is_rate_limit() => Attempt::RateLimited,
            Err(_) => Attempt::Failed,
        };
        let (wait, turn) = pace.after(attempt);
        match (turn, &outcome) {
            (Turn::Lost, Err(error)) => {
                let error: &dyn std::error::Error = error;
                tracing::warn!(feed, error, "Feed lost, its last prices stay");
            }
            (Turn::Restored, _) => tracing::info!(feed, "Feed is back"),
            _ => {}
        }
        tokio::time::sleep(wait).await;
    }
}
