//! The labels of cache metrics.

use crate::work::{closed_label, name_label};

name_label! {
    /// The name of a cache, such as `portfolios`: the `cache` label.
    pub struct CacheName, "cache name", crate::error::check_name
}

closed_label! {
    /// What a cache said when it was asked: the `result` label.
    pub enum CacheResult {
        /// It had the value.
        Hit = "hit",
        /// It did not.
        Miss = "miss",
        /// It gave no answer, as one in another process may.
        Failed = "failed",
    }
}

closed_label! {
    /// Why an entry left a cache: the `reason` label.
    ///
    /// The first two are evictions, `cache_evictions_total`: the cache's own decision. The others are what its users
    /// did, `cache_removals_total`.
    pub enum Removal {
        /// There was no room for it, or the cache preferred another.
        Size = "size",
        /// It was too old.
        Expired = "expired",
        /// Somebody took it out.
        Invalidated = "invalidated",
        /// Somebody put another value in its place.
        Replaced = "replaced",
    }
}

impl Removal {
    /// Whether the cache decided it by itself.
    pub const fn is_eviction(self) -> bool {
        matches!(self, Self::Size | Self::Expired)
    }
}
