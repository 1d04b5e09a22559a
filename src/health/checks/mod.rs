//! Checks of what AISTM7's services depend on.

#[cfg(any(feature = "http-check", feature = "ibkr", feature = "solana"))]
mod asking;
mod backup;
#[cfg(feature = "tls-check")]
mod certificate;
#[cfg(feature = "disk")]
mod disk;
#[cfg(any(feature = "http-check", feature = "ibkr"))]
mod following;
#[cfg(feature = "ibkr-tws")]
mod ibkr;
#[cfg(test)]
#[cfg(any(feature = "http-check", feature = "ibkr", feature = "solana", feature = "tls-check"))]
#[cfg_attr(not(feature = "full"), allow(dead_code, unused_imports, reason = "each feature uses a part of it"))]
mod peer;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "solana")]
mod solana;
mod tcp;
#[cfg(feature = "http-check")]
mod web;

#[cfg(any(feature = "http-check", feature = "ibkr", feature = "solana", feature = "tls-check"))]
pub use crate::transport::EndpointError;
pub use backup::{Backup, BackupCheck};
#[cfg(feature = "tls-check")]
pub use certificate::TlsCertificateCheck;
#[cfg(feature = "disk")]
pub use disk::DiskCheck;
#[cfg(feature = "ibkr")]
pub use ibkr::{IbkrAccount, IbkrCheck, IbkrFollower};
#[cfg(feature = "ibkr-tws")]
pub use ibkr::{TwsCheck, TwsNotices};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresCheck, PostgresRole};
#[cfg(feature = "redis")]
pub use redis::{RedisCheck, RedisClusterCheck, RedisRole, RedisSentinelCheck, RedisUse};
#[cfg(feature = "solana")]
pub use solana::{SolanaCheck, SolanaCluster, SolanaWebSocketCheck};
pub use tcp::TcpCheck;
#[cfg(feature = "http-check")]
pub use web::{HttpCheck, ServiceCheck};
