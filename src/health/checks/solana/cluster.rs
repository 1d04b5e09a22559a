//! Which cluster a node is of.

use std::borrow::Cow;
use std::fmt;

use crate::error::InvalidValue;

/// A Solana cluster, known by the hash of its genesis block.
///
/// ```
/// use aistm7_monitoring::health::SolanaCluster;
///
/// let ours = SolanaCluster::genesis("GLKkBUr6r72nBtGrtBPJLRqtsh8wXZanX4xfnqKnWwKq")?;
/// assert_ne!(ours, SolanaCluster::MAINNET);
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SolanaCluster(Cow<'static, str>);

impl SolanaCluster {
    /// Mainnet, also called mainnet-beta.
    pub const MAINNET: Self = Self(Cow::Borrowed("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"));
    /// Devnet.
    pub const DEVNET: Self = Self(Cow::Borrowed("EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"));
    /// Testnet.
    pub const TESTNET: Self = Self(Cow::Borrowed("4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"));

    /// The cluster whose nodes answer `getGenesisHash` with `hash`, such as one of a company's own.
    ///
    /// # Errors
    /// When `hash` is not 32 to 44 characters of base58, which 32 bytes are.
    pub fn genesis(hash: impl Into<String>) -> Result<Self, InvalidValue> {
        let hash = hash.into();
        if is_hash(&hash) {
            return Ok(Self(hash.into()));
        }
        Err(InvalidValue::new("genesis hash", hash, "32 to 44 characters of base58"))
    }
}

impl fmt::Display for SolanaCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(Self::MAINNET, "mainnet"), (Self::DEVNET, "devnet"), (Self::TESTNET, "testnet")];
        match names.into_iter().find(|(known, _)| known == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "the cluster of genesis {}", self.0),
        }
    }
}

/// Base58 has no `0`, `O`, `I` and `l`. 32 zero bytes are 32 characters of it, and no 32 bytes are more than 44.
fn is_hash(text: &str) -> bool {
    (32..=44).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_known_by_their_hash() {
        for (cluster, name) in [
            (SolanaCluster::MAINNET, "mainnet"),
            (SolanaCluster::DEVNET, "devnet"),
            (SolanaCluster::TESTNET, "testnet"),
        ] {
            assert_eq!(SolanaCluster::genesis(cluster.0.clone()).as_ref(), Ok(&cluster), "{name}");
            assert_eq!(cluster.to_string(), name);
        }
        let ours = SolanaCluster::genesis("GLKkBUr6r72nBtGrtBPJLRqtsh8wXZanX4xfnqKnWwKq").unwrap();
        assert_eq!(ours.to_string(), "the cluster of genesis GLKkBUr6r72nBtGrtBPJLRqtsh8wXZanX4xfnqKnWwKq");
        for bad in ["", "mainnet", "https://rpc.example.com/?api-key=secret-secret", &"1".repeat(45), &"0".repeat(40)] {
            assert!(SolanaCluster::genesis(bad).is_err(), "{bad}");
        }
    }
}
