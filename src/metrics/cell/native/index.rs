//! Which native bucket a sample is in.
//!
//! Bucket `i` holds what is above 2^((i-1)/8) and not above 2^(i/8), as Prometheus defines its schema 3. All is decided
//! by comparing integers, so that there is no rounding at a boundary: none of them but the powers of two is a number of
//! the machine, and what is kept of the others is cut, never rounded up.

use std::num::NonZeroU64;

/// The schema of the buckets that are counted: 2^3 to each doubling, each 9 % wider than the one below.
pub(super) const SCHEMA: i32 = 3;

const PER_DOUBLING: i32 = 1 << SCHEMA;

/// The index of a whole number of nanoseconds, as seconds. From [`LOWEST_OF_NANOS`] to [`HIGHEST_OF_NANOS`].
#[inline]
pub(super) fn of_nanos(nanos: NonZeroU64) -> i32 {
    // Between two powers of two, only the digits tell the bucket.
    let digits = nanos.get() << nanos.leading_zeros();
    // The cast is of at most 64.
    let doubling = (u64::BITS - nanos.leading_zeros()) as i32 - BITS_OF_SECOND;
    // With the bits of a second at most are those of its bucket, which is 0, and of the seven below.
    1 - PER_DOUBLING + doubling * PER_DOUBLING + above(&BOUNDS_OF_NANOS, digits)
}

/// The index of a number, which is above 2^-1022, as all are that are no subnormals.
#[inline]
pub(super) fn of_number(number: f64) -> i32 {
    const DIGITS: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = number.to_bits();
    // The cast is of the eleven bits of an exponent.
    let doubling = (bits >> DIGITS) as i32 - (f64::MAX_EXP - 1);
    doubling * PER_DOUBLING + above(&BOUNDS_OF_NUMBERS, bits & ((1 << DIGITS) - 1))
}

/// How many of the bounds are below the digits. All are compared: that is cheaper than branches.
#[inline]
fn above(bounds: &[u64; PER_DOUBLING as usize], digits: u64) -> i32 {
    bounds.iter().map(|bound| i32::from(*bound < digits)).sum()
}

/// 10^9 nanoseconds have so many bits.
const BITS_OF_SECOND: i32 = 30;

/// A second less 7/8, 6/8, … of a doubling, and a second, in nanoseconds: the first 64 bits of their digits.
const BOUNDS_OF_NANOS: [u64; PER_DOUBLING as usize] = [
    0x81ff_a7a9_549c_a6e3,
    0x8dc3_b896_0164_a7d9,
    0x9a98_6705_4d51_2391,
    0xa896_5f74_bf06_5071,
    0xb7d8_8a12_d0dd_9ea0,
    0xc87c_3e7d_03cd_bec3,
    0xdaa1_7c2c_d195_55db,
    0xee6b_2800_0000_0000,
];

/// 2^0, 2^(1/8), … 2^(7/8): the first 52 bits behind the point.
const BOUNDS_OF_NUMBERS: [u64; PER_DOUBLING as usize] = [
    0,
    0x1_72b8_3c7d_517a,
    0x3_06fe_0a31_b715,
    0x4_bfda_d536_2a27,
    0x6_a09e_667f_3bcc,
    0x8_ace5_422a_a0db,
    0xa_e89f_995a_d3ad,
    0xd_5818_dcfb_a487,
];

/// The bucket of a nanosecond.
pub(super) const LOWEST_OF_NANOS: i32 = -239;

/// The bucket of as many nanoseconds as there can be.
pub(super) const HIGHEST_OF_NANOS: i32 = 273;

/// The bucket of the largest number.
pub(super) const HIGHEST_OF_NUMBERS: i32 = f64::MAX_EXP * PER_DOUBLING;

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    /// A natural number of any size, the lowest 32 bits first.
    #[derive(Clone, PartialEq, Eq)]
    struct Natural(Vec<u32>);

    impl Natural {
        fn of(number: u64) -> Self {
            Self(vec![number as u32, (number >> 32) as u32])
        }

        fn times(&self, other: &Self) -> Self {
            let mut product = vec![0u32; self.0.len() + other.0.len()];
            for (at, a) in self.0.iter().enumerate() {
                let mut carry = 0;
                for (by, b) in other.0.iter().enumerate() {
                    let sum = u64::from(*a) * u64::from(*b) + u64::from(product[at + by]) + carry;
                    product[at + by] = sum as u32;
                    carry = sum >> 32;
                }
                product[at + other.0.len()] = carry as u32;
            }
            Self(product)
        }

        fn power(&self, exponent: u32) -> Self {
            (0..exponent).fold(Self::of(1), |product, _| product.times(self))
        }

        fn shifted(&self, bits: u32) -> Self {
            let whole = vec![0; bits as usize / 32];
            Self([whole, self.0.clone()].concat()).times(&Self::of(1 << (bits % 32)))
        }
    }

    impl PartialOrd for Natural {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            let longest = self.0.len().max(other.0.len());
            let digit = |number: &Self, at| number.0.get(at).copied().unwrap_or(0);
            Some(
                (0..longest)
                    .rev()
                    .map(|at| digit(self, at).cmp(&digit(other, at)))
                    .find(|o| o.is_ne())
                    .unwrap_or(Ordering::Equal),
            )
        }
    }

    /// Whether `numerator / denominator * 2^exponent` is at most 2^(index/8): both sides to the eighth power.
    fn is_within(numerator: u64, denominator: u64, exponent: i32, index: i32) -> bool {
        let (mut left, mut right) = (Natural::of(numerator).power(8), Natural::of(denominator).power(8));
        let shift = exponent * 8 - index;
        match shift >= 0 {
            true => left = left.shifted(shift.unsigned_abs()),
            false => right = right.shifted(shift.unsigned_abs()),
        }
        left <= right
    }

    #[track_caller]
    fn check_nanos(nanos: u64) {
        let index = of_nanos(NonZeroU64::new(nanos).unwrap());
        assert!((LOWEST_OF_NANOS..=HIGHEST_OF_NANOS).contains(&index), "{nanos}: {index}");
        assert!(is_within(nanos, 1_000_000_000, 0, index), "{nanos} is above bucket {index}");
        assert!(!is_within(nanos, 1_000_000_000, 0, index - 1), "{nanos} is below bucket {index}");
    }

    #[track_caller]
    fn check_number(number: f64) {
        let index = of_number(number);
        assert!(index <= HIGHEST_OF_NUMBERS, "{number}: {index}");
        let exponent = number.log2().floor() as i32;
        // Scaling in two steps keeps the factors finite; both are powers of two, so that nothing is rounded.
        let half = exponent / 2;
        let digits = number * 2f64.powi(-half) * 2f64.powi(half - exponent) * 2f64.powi(52);
        let (numerator, exponent) = (digits as u64, exponent - 52);
        assert!(is_within(numerator, 1, exponent, index), "{number} is above bucket {index}");
        assert!(!is_within(numerator, 1, exponent, index - 1), "{number} is below bucket {index}");
    }

    #[test]
    fn powers_of_two_end_a_bucket_and_their_neighbours_are_where_they_belong() {
        for exponent in -1_022..=1_023 {
            let power = 2f64.powi(exponent);
            assert_eq!(of_number(power), exponent * 8);
            assert_eq!(of_number(power.next_up()), exponent * 8 + 1);
            if exponent > -1_022 {
                assert_eq!(of_number(power.next_down()), exponent * 8);
            }
        }
        assert_eq!(of_number(f64::MAX), HIGHEST_OF_NUMBERS);
        for seconds in 0..=34 {
            let nanos = 1_000_000_000u64 << seconds;
            for (nanos, index) in [(nanos - 1, seconds * 8), (nanos, seconds * 8), (nanos + 1, seconds * 8 + 1)] {
                assert_eq!(of_nanos(NonZeroU64::new(nanos).unwrap()), index, "{nanos}");
            }
        }
        assert_eq!(of_nanos(NonZeroU64::MIN), LOWEST_OF_NANOS);
        assert_eq!(of_nanos(NonZeroU64::MAX), HIGHEST_OF_NANOS);
    }

    #[test]
    fn neighbours_of_every_boundary_are_where_they_belong() {
        for index in LOWEST_OF_NANOS..HIGHEST_OF_NANOS {
            // The most nanoseconds of the bucket, by bisection.
            let mut within = 0..u64::MAX;
            while within.end - within.start > 1 {
                let middle = within.start + (within.end - within.start) / 2;
                match is_within(middle, 1_000_000_000, 0, index) {
                    true => within.start = middle,
                    false => within.end = middle,
                }
            }
            if within.start > 0 {
                check_nanos(within.start);
            }
            check_nanos(within.end);
        }
        for digits in BOUNDS_OF_NUMBERS {
            let bound = f64::from_bits(1f64.to_bits() | digits);
            for number in [bound.next_down(), bound, bound.next_up()] {
                check_number(number);
                check_number(number * 2f64.powi(-500));
                check_number(number * 2f64.powi(1_000));
            }
        }
    }

    #[test]
    fn bounds_are_those_that_prometheus_publishes() {
        // From its libraries, which round where this cuts: halved, and equal but for the last of 53 bits.
        let published = [
            0.5f64,
            0.5452538663326288,
            0.5946035575013605,
            0.6484197773255048,
            0.7071067811865475,
            0.7711054127039704,
            0.8408964152537144,
            0.9170040432046711,
        ];
        for (bound, published) in BOUNDS_OF_NUMBERS.iter().zip(published) {
            let own = f64::from_bits(0.5f64.to_bits() | bound);
            assert!(own.to_bits().abs_diff(published.to_bits()) <= 1, "{own} {published}");
        }
    }

    proptest! {
        #[test]
        fn samples_are_in_the_bucket_that_exact_arithmetic_says(
            (bits, digits) in (0..64u32, any::<u64>()),
            (exponent, fraction) in (-1_022..1_024i32, 0..1u64 << 52),
        ) {
            check_nanos(1 << bits | digits >> (63 - bits));
            check_number(f64::from_bits(((exponent + 1_023) as u64) << 52 | fraction));
        }
    }
}
