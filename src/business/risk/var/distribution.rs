//! Tails of the chi-square and the binomial distribution.

use std::f64::consts::{FRAC_2_SQRT_PI, PI};

/// The chance that a chi-square variable of one degree of freedom is at least `statistic`: `erfc(sqrt(statistic / 2))`.
///
/// Its relative error stays below 1e-12 down to the smallest chances that a `f64` holds. `statistic` is not negative.
pub(super) fn chi_square_survival_1(statistic: f64) -> f64 {
    let half = statistic / 2.0;
    let x = half.sqrt();
    if x < FRACTION_FROM { 1.0 - erf_by_series(x, half) } else { erfc_by_fraction(x, half) }
}

/// The chance that a chi-square variable of two degrees of freedom is at least `statistic`.
pub(super) fn chi_square_survival_2(statistic: f64) -> f64 {
    (-statistic / 2.0).exp()
}

/// Below, `1 - erf(x)` loses no more than a digit or two; above, the fraction converges fast.
const FRACTION_FROM: f64 = 1.5;

/// `2/sqrt(pi) exp(-x²) sum(2^n x^(2n+1) / (2n+1)!!)`: terms of one sign, so nothing cancels.
fn erf_by_series(x: f64, x_squared: f64) -> f64 {
    let mut term = x;
    let mut sum = term;
    let mut odd = 1.0;
    // Ends: the terms fall faster than geometrically once `odd` exceeds `2 x²`.
    while term > sum * f64::EPSILON / 4.0 {
        odd += 2.0;
        term *= 2.0 * x_squared / odd;
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x_squared).exp() * sum
}

/// Laplace's continued fraction, from its end: `exp(-x²)/sqrt(pi) / (x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …))))`.
fn erfc_by_fraction(x: f64, x_squared: f64) -> f64 {
    /// Chosen: the error falls as `exp(-2 x sqrt(2 levels))`, so this leaves 1e-18 at the smallest `x`.
    const LEVELS: u32 = 110;
    let denominator = (1..=LEVELS).rev().fold(x, |below, level| x + f64::from(level) / 2.0 / below);
    (-x_squared).exp() / PI.sqrt() / denominator
}

/// The chance of at most `successes` in `trials`, each with this `chance` (above 0 and below 1).
pub(super) fn binomial_at_most(successes: usize, trials: usize, chance: f64) -> f64 {
    if successes >= trials {
        return 1.0;
    }
    // By logarithms, since the first term is nothing in a `f64` when there are many trials. Counts are far below 2^53.
    let log_odds = chance.ln() - (-chance).ln_1p();
    let mut log_term = trials as f64 * (-chance).ln_1p();
    let mut sum = log_term.exp();
    for count in 1..=successes {
        log_term += ((trials - count + 1) as f64 / count as f64).ln() + log_odds;
        sum += log_term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(ours: f64, published: f64, relative: f64) {
        assert!((ours / published - 1.0).abs() < relative, "{ours:e} and {published:e}");
    }

    #[test]
    fn chances_are_those_of_the_tables() {
        // The quantiles that every table has, to the digits that they are printed with.
        for (chance, one, two) in [
            (0.5, 0.454_936_423_119_572_7, 1.386_294_361_119_890_6),
            (0.1, 2.705_543_454_095_404, 4.605_170_185_988_091),
            (0.05, 3.841_458_820_694_124, 5.991_464_547_107_979),
            (0.01, 6.634_896_601_021_213, 9.210_340_371_976_182),
            (0.001, 10.827_566_170_662_733, 13.815_510_557_964_274),
        ] {
            close(chi_square_survival_1(one), chance, 1e-12);
            close(chi_square_survival_2(two), chance, 1e-12);
        }
        assert_eq!((chi_square_survival_1(0.0), chi_square_survival_2(0.0)), (1.0, 1.0));
    }

    #[test]
    fn complementary_error_function_is_that_of_the_handbook() {
        // Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, tables 7.1 to 7.3, continued.
        for (x, erfc) in [
            (0.5, 4.795_001_221_869_535e-1),
            (1.0, 1.572_992_070_502_851_3e-1),
            (2.0, 4.677_734_981_047_266e-3),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_034_8e-12),
            (10.0, 2.088_487_583_762_545e-45),
        ] {
            close(chi_square_survival_1(2.0 * x * x), erfc, 1e-12);
        }
    }

    #[test]
    fn both_ways_agree_where_they_meet() {
        for x in [1.3, 1.5, 1.7, 2.0] {
            close(1.0 - erf_by_series(x, x * x), erfc_by_fraction(x, x * x), 1e-12);
        }
    }

    #[test]
    fn binomial_is_exact_where_it_can_be_counted() {
        assert_eq!(binomial_at_most(3, 3, 0.5), 1.0);
        close(binomial_at_most(0, 3, 0.5), 1.0 / 8.0, 1e-14);
        close(binomial_at_most(1, 3, 0.5), 4.0 / 8.0, 1e-14);
        close(binomial_at_most(2, 3, 0.5), 7.0 / 8.0, 1e-14);
        // The first term alone would be 1e-458.
        close(binomial_at_most(1_000, 10_000, 0.1), 0.508_0, 1e-3);
    }
}
