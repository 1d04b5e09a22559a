//! A Solana wallet address.

use std::fmt;

use super::base58;

/// The base58 text of a 32-byte Solana public key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wallet(String);

/// Length of a public key.
const KEY_BYTES: usize = 32;
/// What 32 bytes can have in base58: all zero at least, all ones at most.
const TEXT_LENGTHS: std::ops::RangeInclusive<usize> = 32..=44;

/// Not an address. It does not carry the text: that is not ours to repeat.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a wallet is the base58 text of a {KEY_BYTES}-byte Solana public key")]
pub(crate) struct InvalidWallet;

impl Wallet {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidWallet> {
        let is_key =
            TEXT_LENGTHS.contains(&text.len()) && base58::decode(text).is_some_and(|key| key.len() == KEY_BYTES);
        if is_key { Ok(Self(text.to_owned())) } else { Err(InvalidWallet) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_base58_of_32_bytes_is_a_wallet() {
        for text in [
            "11111111111111111111111111111111",             // the system program
            "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",  // the token program
            "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", // USDC
        ] {
            assert!(Wallet::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "1",
            "1111111111111111111111111111111",               // 31 bytes
            "111111111111111111111111111111111",             // 33 bytes
            "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",  // more than 32 bytes
            "0PjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",  // 0 is no letter
            "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v ", // 45 characters
        ] {
            assert_eq!(Wallet::parse(text), Err(InvalidWallet), "{text}");
        }
    }
}
