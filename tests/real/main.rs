//! Against real servers. Each test that needs one is ignored with the reason; `tests/run` installs them and runs all.

#[path = "../support/mod.rs"]
mod support;

mod harness;
#[cfg(feature = "full")]
mod postgres;
#[cfg(feature = "full")]
mod stores;
