//! The probe for the pools of sqlx 0.8.

use super::postgres::{PoolState, PostgresAddress, PostgresError, PostgresServer};

postgres_probe_for_sqlx!(sqlx_0_8);
