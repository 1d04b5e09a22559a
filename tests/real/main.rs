//! Against real servers. Each test that needs one is ignored with the reason; `tests/run` installs them and runs all.

#[cfg(feature = "full")]
#[path = "../support/child.rs"]
mod child;
#[cfg(feature = "full")]
#[path = "../support/everything.rs"]
mod everything;
#[path = "../it/json.rs"]
mod json;
#[cfg(feature = "full")]
#[path = "../support/nights.rs"]
mod nights;
#[cfg(feature = "full")]
#[path = "../support/paging/mod.rs"]
mod paging;
#[path = "../support/mod.rs"]
mod support;

// The value at risk of the example, which real prices go through here.
#[cfg(feature = "full")]
#[path = "../../examples/trading_api/back_test.rs"]
mod back_test;
#[cfg(feature = "full")]
#[allow(dead_code, unused_imports, reason = "the example uses the rest")]
#[path = "../../examples/trading_api/domain/mod.rs"]
mod domain;
#[cfg(feature = "full")]
#[allow(dead_code, reason = "the example uses the rest")]
#[path = "../../examples/trading_api/risk.rs"]
mod risk;

#[cfg(feature = "full")]
mod alertmanager;
#[cfg(feature = "full")]
mod cloudwatch;
#[cfg(feature = "full")]
mod database;
#[cfg(feature = "full")]
mod evaluated;
mod example;
#[cfg(feature = "full")]
mod fleet;
mod harness;
#[cfg(feature = "full")]
mod http_options;
#[cfg(feature = "full")]
mod ibkr;
#[cfg(feature = "full")]
mod incidents;
#[cfg(feature = "full")]
mod jobs;
#[cfg(feature = "full")]
mod lease;
#[cfg(feature = "full")]
mod machine;
#[cfg(feature = "full")]
mod native_histograms;
#[cfg(feature = "full")]
mod operations;
#[cfg(feature = "full")]
mod paged;
#[cfg(feature = "full")]
mod postgres;
mod prometheus;
#[cfg(feature = "full")]
mod queues;
#[cfg(feature = "full")]
mod redis;
#[cfg(feature = "full")]
mod requests;
mod scrape;
#[cfg(feature = "full")]
mod scraped;
mod shipping;
#[cfg(feature = "full")]
mod statistics;
#[cfg(feature = "full")]
mod stores;
#[cfg(feature = "full")]
mod told;
