//! The probe for the pools of sqlx 0.9.

use super::postgres::{PoolState, PostgresAddress, PostgresError, PostgresServer};

postgres_probe_for_sqlx!(sqlx_0_9);
