//! A quick hash for numbers that nobody outside chooses: addresses, the numbers of spans, and what is a hash already.

use std::hash::{BuildHasherDefault, Hasher};

pub(super) type BuildSpread = BuildHasherDefault<Spread>;

#[derive(Debug, Default)]
pub(super) struct Spread(u64);

/// Spreads a number over all bits of another, so that tables are filled evenly.
pub(super) const fn spread(number: u64) -> u64 {
    /// 2^64 divided by the golden ratio, as in Fibonacci hashing.
    const RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    let spread = number.wrapping_mul(RATIO);
    spread ^ spread >> 32
}

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        self.write_u64(address as u64);
    }

    fn write_u64(&mut self, part: u64) {
        self.0 = spread(self.0 ^ part);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
