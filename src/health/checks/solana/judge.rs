//! What one node's answer means beside those of the others.

use std::time::Duration;

use super::rpc::{Look, Seen};
use crate::health::{CheckFailure, CheckReport};

/// How late a node may be: beyond the first it is degraded, beyond the second it fails.
///
/// Chosen: the lag behind other nodes is some fifty slots, about what a healthy node shows at worst, and what
/// `getHealth` calls behind; block times are estimates that trail by up to half a minute by themselves.
pub(super) const REFERENCE_LAG: Limits = Limits { degraded: Duration::from_secs(20), failed: Duration::from_secs(60) };
/// See [`REFERENCE_LAG`]. A blockhash is valid for 150 blocks, which is a minute.
pub(super) const BLOCK_TIME_LAG: Limits =
    Limits { degraded: Duration::from_secs(45), failed: Duration::from_secs(150) };

pub(super) struct Limits {
    pub(super) degraded: Duration,
    pub(super) failed: Duration,
}

/// What the other nodes say.
pub(super) struct Others {
    /// The highest slot of any; `None` if none answered.
    highest: Option<u64>,
    /// Whether all that answered stand still.
    all_stalled: bool,
}

impl Others {
    /// All of `seen` but the one at an index.
    pub(super) fn than(index: usize, seen: &[Option<Seen>]) -> Self {
        let others = || seen.iter().enumerate().filter(move |(at, _)| *at != index).filter_map(|(_, seen)| *seen);
        let highest = others().map(|seen| seen.position.slot).max();
        let all_stalled = highest.is_some() && others().all(|seen| seen.position.stalled_for.is_some());
        Self { highest, all_stalled }
    }
}

/// The verdict on one node. `slot_time` turns slots into time.
pub(super) fn judge(look: Look, others: &Others, slot_time: Duration) -> Result<CheckReport, CheckFailure> {
    match look {
        Look::Failed(failure) => Err(failure),
        Look::RateLimited(waiting) => Ok(waiting),
        Look::At(seen) => judge_seen(seen, others, slot_time),
    }
}

fn judge_seen(seen: Seen, others: &Others, slot_time: Duration) -> Result<CheckReport, CheckFailure> {
    let slot = seen.position.slot;
    if let Some(stalled_for) = seen.position.stalled_for {
        return Err(stalled(slot, stalled_for, others));
    }
    let reference_lag = others.highest.map(|highest| time_of(highest.saturating_sub(slot), slot_time));
    let mut report = CheckReport::healthy();
    for (lag, limits, reason, of_what) in [
        (reference_lag, &REFERENCE_LAG, "lags_reference", "the node is behind the others"),
        (seen.block_age, &BLOCK_TIME_LAG, "block_time_lag", "by this machine's clock, the node's newest block is old"),
    ] {
        let Some(lag) = lag else { continue };
        let message = format!("{of_what}: {} s", lag.as_secs());
        if lag > limits.failed {
            return Err(CheckFailure::new(reason, message).with_data("slot", slot).with_data("lag_seconds", lag));
        }
        if lag > limits.degraded && report.reason().is_none() {
            report = CheckReport::degraded(reason, message);
        }
    }
    report = report.with_data("slot", slot);
    if let Some(lag) = reference_lag {
        report = report.with_data("reference_lag_seconds", lag);
    }
    if let Some(age) = seen.block_age {
        report = report.with_data("block_age_seconds", age);
    }
    Ok(report)
}

fn stalled(slot: u64, stalled_for: Duration, others: &Others) -> CheckFailure {
    let seconds = stalled_for.as_secs();
    let failure = if others.all_stalled {
        CheckFailure::new("cluster_halted", format_args!("no node has a slot above {slot} for {seconds} s"))
    } else {
        CheckFailure::new("slot_stalled", format_args!("no slot above {slot} for {seconds} s"))
    };
    failure.conclusive()
}

/// Saturates: slots that make no sense are more than any limit.
fn time_of(slots: u64, slot_time: Duration) -> Duration {
    slot_time.saturating_mul(u32::try_from(slots).unwrap_or(u32::MAX))
}
