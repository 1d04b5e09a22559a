//! The back-test: is a model breached as often, and as independently, as it says?

use super::distribution::{binomial_at_most, chi_square_survival_1, chi_square_survival_2};
use super::spec::Confidence;

/// A back-test of value-at-risk forecasts by their breaches.
///
/// What is undefined is `None`, never a number: every statistic below [`BackTest::MIN_OBSERVATIONS`], and those of
/// Christoffersen when nothing followed a breach, or nothing a day without one.
///
/// A p-value is the chance that a perfect model would look at least as bad. At 250 observations of 99 % a perfect model has
/// a Kupiec p-value under 5 % in 9 % of all windows, and no test of Christoffersen in 8 %; one that is breached twice as
/// often as it says is found in one window out of four. So a single window decides nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BackTest {
    /// Observations that are looked at.
    pub observations: usize,
    /// How many of them were breaches.
    pub breaches: usize,
    /// How many breaches a model that is right has on average.
    pub expected_breaches: f64,
    /// Kupiec's proportion of failures: are there as many breaches as the confidence says? Too few reject as well.
    pub kupiec: Option<LikelihoodRatio>,
    /// Christoffersen's independence: is a breach as likely after a breach as after none?
    pub independence: Option<LikelihoodRatio>,
    /// Christoffersen's conditional coverage: both at once. Its statistic is the sum of the two.
    pub conditional_coverage: Option<LikelihoodRatio>,
    /// The zone of the Basel committee.
    pub traffic_light: Option<TrafficLight>,
}

/// A likelihood-ratio test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LikelihoodRatio {
    /// −2 ln of the ratio of the likelihoods: 0 when the model explains the data as well as anything.
    pub statistic: f64,
    /// The chance of such a statistic or a larger one if the model is right, by the chi-square distribution.
    pub p_value: f64,
}

/// The zones of the Basel committee's back-test, by the chance that a perfect model has so many breaches or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrafficLight {
    /// Under 95 %: 0 to 4 breaches of 250 at 99 %.
    Green,
    /// From 95 %: 5 to 9 breaches of 250 at 99 %.
    Yellow,
    /// From 99.99 %: 10 and more breaches of 250 at 99 %.
    Red,
}

impl BackTest {
    /// Fewer observations say nothing about a tail: at 99 % not even one breach is expected.
    pub const MIN_OBSERVATIONS: usize = 100;

    /// Tests a sequence of observations, in the order of their days; `true` is a breach.
    ///
    /// Cost: one pass, no allocation.
    ///
    /// ```
    /// use aistm7_monitoring::business::risk::{BackTest, Confidence, TrafficLight};
    ///
    /// let year = (0..250).map(|day| day % 50 == 7); // five breaches, far apart
    /// let test = BackTest::of(Confidence::P99, year);
    /// assert_eq!((test.breaches, test.traffic_light), (5, Some(TrafficLight::Yellow)));
    /// assert!(test.kupiec.is_some_and(|kupiec| kupiec.p_value > 0.05));
    /// ```
    pub fn of(confidence: Confidence, breaches: impl IntoIterator<Item = bool>) -> Self {
        let mut counts = Counts::default();
        breaches.into_iter().for_each(|breach| counts.add(breach));
        let (observations, tail) = (counts.observations(), confidence.tail());
        let enough = observations >= Self::MIN_OBSERVATIONS;
        let kupiec = enough.then(|| coverage(&counts, tail));
        let independence = if enough { independence(&counts) } else { None };
        let both = kupiec.zip(independence).map(|(coverage, order)| coverage + order);
        Self {
            observations,
            breaches: counts.breaches,
            expected_breaches: observations as f64 * tail,
            kupiec: kupiec.map(|statistic| LikelihoodRatio { statistic, p_value: chi_square_survival_1(statistic) }),
            independence: independence
                .map(|statistic| LikelihoodRatio { statistic, p_value: chi_square_survival_1(statistic) }),
            conditional_coverage: both
                .map(|statistic| LikelihoodRatio { statistic, p_value: chi_square_survival_2(statistic) }),
            traffic_light: enough.then(|| TrafficLight::of(counts.breaches, observations, tail)),
        }
    }
}

impl TrafficLight {
    /// Where yellow and red begin.
    const YELLOW: f64 = 0.95;
    const RED: f64 = 0.9999;

    fn of(breaches: usize, observations: usize, tail: f64) -> Self {
        let chance = binomial_at_most(breaches, observations, tail);
        if chance >= Self::RED {
            Self::Red
        } else if chance >= Self::YELLOW {
            Self::Yellow
        } else {
            Self::Green
        }
    }

    /// The number that `risk_var_traffic_light` shows: 0, 1 or 2.
    pub const fn as_number(self) -> u8 {
        match self {
            Self::Green => 0,
            Self::Yellow => 1,
            Self::Red => 2,
        }
    }
}

/// What the tests need to know of a sequence.
#[derive(Debug, Default)]
struct Counts {
    breaches: usize,
    others: usize,
    last: Option<bool>,
    /// Days after a day without a breach: those without one, and those with one.
    after_none: [usize; 2],
    /// Days after a breach, likewise.
    after_breach: [usize; 2],
}

impl Counts {
    fn add(&mut self, breach: bool) {
        *(if breach { &mut self.breaches } else { &mut self.others }) += 1;
        match self.last.replace(breach) {
            None => {}
            Some(false) => self.after_none[usize::from(breach)] += 1,
            Some(true) => self.after_breach[usize::from(breach)] += 1,
        }
    }

    fn observations(&self) -> usize {
        self.breaches + self.others
    }
}

/// Kupiec's statistic: observed shares against those of the model. There is at least one observation.
fn coverage(counts: &Counts, tail: f64) -> f64 {
    let breached = share(counts.breaches, counts.observations());
    let statistic = 2.0 * (excess(counts.breaches, breached, tail) + excess(counts.others, 1.0 - breached, 1.0 - tail));
    // OK to cut: a ratio of likelihoods is at most one, and only rounding says otherwise.
    statistic.max(0.0)
}

/// Christoffersen's statistic: a first-order Markov chain against one chance for all days.
fn independence(counts: &Counts) -> Option<f64> {
    let [after_none, after_breach] = [counts.after_none, counts.after_breach];
    if after_none.iter().sum::<usize>() == 0 || after_breach.iter().sum::<usize>() == 0 {
        return None;
    }
    let days = |chain: [usize; 2]| chain[0] + chain[1];
    let one_chance = share(after_none[1] + after_breach[1], days(after_none) + days(after_breach));
    let gained = |chain: [usize; 2]| {
        let own = share(chain[1], days(chain));
        excess(chain[1], own, one_chance) + excess(chain[0], 1.0 - own, 1.0 - one_chance)
    };
    Some((2.0 * (gained(after_none) + gained(after_breach))).max(0.0))
}

/// How much more likely `count` events are by `own` than by `other`: `count ln(own / other)`; nothing for no events.
fn excess(count: usize, own: f64, other: f64) -> f64 {
    if count == 0 { 0.0 } else { count as f64 * (own / other).ln() }
}

/// Counts are far below 2^53, so the casts here and above are exact.
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
