//! Checks of what AISTM7's services depend on.

mod backup;
#[cfg(feature = "disk")]
mod disk;
#[cfg(any(feature = "ibkr", feature = "solana"))]
mod endpoint;
#[cfg(feature = "ibkr")]
mod ibkr;
#[cfg(test)]
#[cfg(any(feature = "ibkr", feature = "solana"))]
mod peer;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "solana")]
mod solana;
mod tcp;

pub use backup::{Backup, BackupCheck};
#[cfg(feature = "disk")]
pub use disk::DiskCheck;
#[cfg(any(feature = "ibkr", feature = "solana"))]
pub use endpoint::EndpointError;
#[cfg(feature = "ibkr")]
pub use ibkr::IbkrCheck;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresCheck, PostgresRole};
#[cfg(feature = "redis")]
pub use redis::{RedisCheck, RedisRole};
#[cfg(feature = "solana")]
pub use solana::SolanaCheck;
pub use tcp::TcpCheck;
