//! For tests: a store in memory, on a held clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::{Bid, Lease, LeaseError, Publication, Published, Standing, Wish};
use crate::clock::Clock;

/// A store as [`LeaseStore`](super::LeaseStore) describes it, in memory.
pub(crate) struct Board {
    clock: Clock,
    leases: Mutex<BTreeMap<String, Row>>,
}

struct Row {
    holder: String,
    epoch: u64,
    expires: Instant,
    published: Option<(String, Instant)>,
}

impl Board {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, leases: Mutex::default() })
    }

    /// What a bid comes to.
    pub(crate) fn bid(&self, bid: &Bid) -> Standing {
        let now = self.clock.now();
        let mut leases = self.leases.lock().unwrap();
        let row = leases.entry(bid.lease.clone()).or_insert_with(|| Row {
            holder: String::new(),
            epoch: 0,
            expires: now,
            published: None,
        });
        let is_free = now >= row.expires;
        if !is_free && row.holder == bid.holder {
            if let Some(Publication { epoch, result }) = &bid.publication
                && *epoch == row.epoch
            {
                row.published = Some((result.clone(), now));
            }
            row.expires = if bid.wish == Wish::Hold { now + bid.ttl } else { now };
        } else if is_free && bid.wish == Wish::Hold {
            row.holder.clone_from(&bid.holder);
            row.epoch += 1;
            row.expires = now + bid.ttl;
        }
        let is_held = row.holder == bid.holder && now < row.expires;
        let published = row.published.as_ref().map(|(result, at)| Published { result: result.clone(), age: now - *at });
        Standing { epoch: is_held.then_some(row.epoch), published }
    }

    /// A lease through it.
    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        let board = Arc::clone(self);
        Lease::new(move |bid: Bid| std::future::ready(Ok::<_, LeaseError>(board.bid(&bid))))
    }
}
