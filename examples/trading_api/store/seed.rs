//! The example's rows: the same on every start and every machine.
//!
//! Twenty portfolios, `1` to `20`. Two of them show what goes wrong in life: [`HOLDS_WITHOUT_HISTORY`] holds an
//! instrument whose price history was never stored, [`TOO_NEW`] was linked a few days ago.

use crate::domain::{Close, Day, Holding, Portfolio, PortfolioId, Tier, TokenAmount, Usd};

/// The portfolio that holds [`WITHOUT_HISTORY`].
pub(crate) const HOLDS_WITHOUT_HISTORY: &str = "7";
/// The portfolio that is too new for a risk figure.
pub(crate) const TOO_NEW: &str = "13";
/// An instrument that can be held and quoted, but has no stored closes.
pub(crate) const WITHOUT_HISTORY: &str = "GLD";

/// Portfolios, `1` to this.
const PORTFOLIOS: i32 = 20;
/// Closes of each instrument: a trading year and some days.
const TRADING_DAYS: usize = 260;
/// The last of them, 2025-01-22. Fixed, so that the rows do not depend on when they are made.
const LAST_DAY: Day = Day::from_epoch_days(20_110);

/// Closes are in whole cents: this many ten-thousandths of a dollar.
const CENT: i64 = 100;

/// An instrument and how its price moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeedInstrument {
    pub(crate) symbol: &'static str,
    /// IBKR's contract id of the US listing.
    pub(crate) conid: i64,
    /// Price on the first day, in whole dollars.
    start: i32,
    /// How much of the market's move it makes, in percent.
    beta: i64,
    /// Spread of its own daily move, in ten-thousandths.
    own: i64,
}

impl SeedInstrument {
    /// Its price before the first close.
    pub(crate) const fn first_price(&self) -> Usd {
        Usd::from_dollars(self.start)
    }
}

/// Everything that can be held, by symbol.
pub(crate) const fn instruments() -> [SeedInstrument; 17] {
    const fn instrument(symbol: &'static str, conid: i64, start: i32, beta: i64, own: i64) -> SeedInstrument {
        SeedInstrument { symbol, conid, start, beta, own }
    }
    [
        instrument("AAPL", 265_598, 195, 115, 80),
        instrument("AMD", 4_391, 140, 170, 190),
        instrument("AMZN", 3_691_937, 155, 125, 110),
        instrument("DIS", 6_459, 95, 95, 100),
        instrument("GLD", 51_529_211, 190, 5, 60),
        instrument("GOOG", 208_813_720, 148, 110, 100),
        instrument("IBM", 8_314, 170, 70, 80),
        instrument("INTC", 270_639, 45, 120, 170),
        instrument("JPM", 1_520_593, 172, 95, 70),
        instrument("KO", 8_894, 60, 45, 50),
        instrument("META", 107_113_386, 380, 130, 130),
        instrument("MSFT", 272_093, 390, 105, 75),
        instrument("NVDA", 4_815_747, 60, 190, 180),
        instrument("QQQ", 320_227_571, 420, 118, 25),
        instrument("SPY", 756_733, 480, 100, 5),
        instrument("TSLA", 76_792_991, 215, 180, 230),
        instrument("V", 49_462_172, 270, 85, 60),
    ]
}

/// The closes of every instrument but [`WITHOUT_HISTORY`].
pub(crate) fn closes() -> Vec<(&'static str, Close)> {
    let days = trading_days();
    let mut market = Draws::new(0);
    let market: Vec<i64> = days.iter().map(|_| market.daily_move(70)).collect();
    let mut closes = Vec::with_capacity(instruments().len() * days.len());
    for (seed, instrument) in (1..).zip(instruments()) {
        if instrument.symbol == WITHOUT_HISTORY {
            continue;
        }
        let mut own = Draws::new(seed);
        let mut price = instrument.first_price().ten_thousandths();
        for (day, market) in days.iter().zip(&market) {
            let moved = market * instrument.beta / 100 + own.daily_move(instrument.own);
            price = (price + price * moved / 10_000).max(CENT);
            let close = Usd::from_ten_thousandths(price / CENT * CENT);
            closes.push((instrument.symbol, Close { day: *day, price: close }));
        }
    }
    closes
}

/// The portfolios with three to seven holdings each.
pub(crate) fn portfolios() -> Vec<Portfolio> {
    (1..=PORTFOLIOS).map(portfolio).collect()
}

fn portfolio(number: i32) -> Portfolio {
    let mut draws = Draws::new(1_000 + u64::from(number.unsigned_abs()));
    // OK because one or two digits are within the rule for ids.
    let id = PortfolioId::parse(&number.to_string()).expect("a small number is an id");
    let mut symbols: Vec<&str> =
        instruments().iter().map(|instrument| instrument.symbol).filter(|&symbol| symbol != WITHOUT_HISTORY).collect();
    let kept = 3 + draws.below(5);
    while symbols.len() > kept {
        symbols.remove(draws.below(symbols.len()));
    }
    if id.as_str() == HOLDS_WITHOUT_HISTORY {
        symbols.push(WITHOUT_HISTORY);
        symbols.sort_unstable();
    }
    let age = if id.as_str() == TOO_NEW { 5 } else { 400 + 37 * number };
    let holdings = symbols
        .into_iter()
        .map(|symbol| Holding { symbol: symbol.to_owned(), quantity: 5 * (1 + draws.up_to(40)) })
        .collect();
    Portfolio { id, opened: LAST_DAY.plus_days(-age).epoch_days(), holdings }
}

/// Wallets and the tiers they are signed up for.
pub(crate) fn wallets() -> [(&'static str, Tier); 10] {
    LEDGER.map(|entry| (entry.wallet, entry.tier))
}

/// A wallet, and what the chain would say it holds: an amount for each of its token accounts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LedgerEntry {
    pub(crate) wallet: &'static str,
    tier: Tier,
    pub(crate) accounts: &'static [TokenAmount],
}

/// The seeded wallets. Addresses, like the token, are made up.
pub(crate) const LEDGER: [LedgerEntry; 10] = {
    const fn entry(wallet: &'static str, tier: Tier, accounts: &'static [TokenAmount]) -> LedgerEntry {
        LedgerEntry { wallet, tier, accounts }
    }
    const fn tokens(tokens: u64) -> TokenAmount {
        TokenAmount::from_tokens(tokens)
    }
    [
        entry("25xEgRAhHPfQX88wYWXXL6A7pNpHXvmBa2EaQAmb2qaL", Tier::Basic, &[tokens(150)]),
        entry("4mwHaQBPrFbbrZNhFgtsqwDtGuSptFDaYPo22sJXHDmf", Tier::Basic, &[tokens(119)]),
        entry("5c4MkaacXsr7yc4GDJ3r7ZVc2qz5VMgZfZDmJVZbtXZG", Tier::Basic, &[tokens(40)]),
        // No token account at all: the chain answers with an empty list.
        entry("8KZGqeMHbTv94pPzWjeuzaTuyZ9bAaZ2xVrCf1rtACAX", Tier::Basic, &[]),
        entry("9SSxY6BVScJy9uUxcJnTPkyRFA6CAFjF1YveCHK1ATbQ", Tier::Pro, &[tokens(2_500)]),
        // Enough only when its two accounts are added up.
        entry("AczDvV9T8SVM5jGU5EjLs8zrAnijQAHy9WFp7SyYBjvF", Tier::Pro, &[tokens(700), tokens(650)]),
        // At the edge: the token's price decides.
        entry("C9mwZgikp4WzxrxktcSSSS7XhS4D5EVB8Nf471dAb7Qg", Tier::Pro, &[tokens(1_173)]),
        entry("CNmPfYetW5v6JXmj54omLidkuVKnRyjP2WPBg8Y4ErK9", Tier::Pro, &[tokens(12)]),
        entry("DVtoPQ6F7FXDNEXgzgv1XiPti6vj8RsnqDXyCUshN6to", Tier::Institutional, &[tokens(90_000)]),
        entry("EWSp6oBB92AezWtiAgufXjPAcc921toi7ap9UxDuxE2H", Tier::Institutional, &[tokens(20_000)]),
    ]
};

/// The trading days of the history, ascending.
fn trading_days() -> Vec<Day> {
    let mut days: Vec<Day> =
        (0..).map(|back| LAST_DAY.plus_days(-back)).filter(|day| !day.is_weekend()).take(TRADING_DAYS).collect();
    days.reverse();
    days
}

/// Reproducible draws (SplitMix64), by integer arithmetic alone so that every machine draws the same.
struct Draws(u64);

impl Draws {
    const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Zero to `end`, without it.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or_default()
    }

    /// Zero to `last`, with it.
    fn up_to(&mut self, last: u32) -> i64 {
        i64::try_from(self.next() % (u64::from(last) + 1)).unwrap_or_default()
    }

    /// A day's move in ten-thousandths with a standard deviation of about `spread`: bell-shaped (a sum of twelve
    /// uniform draws), and three times as wide on one day of fifty.
    fn daily_move(&mut self, spread: i64) -> i64 {
        let sum: i64 = (0..12).map(|_| self.up_to(1_000) - 500).sum();
        let wild = if self.below(50) == 0 { 3 } else { 1 };
        sum * spread * wild / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Wallet;

    #[test]
    fn the_rows_are_the_same_each_time() {
        assert_eq!(closes(), closes());
        assert_eq!(portfolios(), portfolios());
        // Pinned: a changed generator would give rows that do not fit those already stored.
        let last = closes().into_iter().rfind(|(symbol, _)| *symbol == "AAPL").unwrap().1;
        assert_eq!((last.day.to_string().as_str(), last.price.to_string().as_str()), ("2025-01-22", "249.28"));
    }

    #[test]
    fn each_history_is_a_year_of_weekdays() {
        for instrument in instruments() {
            let days: Vec<Day> = closes()
                .into_iter()
                .filter(|(symbol, _)| *symbol == instrument.symbol)
                .map(|(_, close)| close.day)
                .collect();
            let expected = if instrument.symbol == WITHOUT_HISTORY { 0 } else { TRADING_DAYS };
            assert_eq!(days.len(), expected, "{}", instrument.symbol);
            assert!(days.is_sorted_by(|a, b| a < b));
            assert!(!days.iter().any(|day| day.is_weekend()));
        }
    }

    #[test]
    fn only_one_portfolio_holds_the_instrument_without_history() {
        let holders: Vec<String> = portfolios()
            .into_iter()
            .filter(|portfolio| portfolio.holdings.iter().any(|held| held.symbol == WITHOUT_HISTORY))
            .map(|portfolio| portfolio.id.to_string())
            .collect();
        assert_eq!(holders, [HOLDS_WITHOUT_HISTORY]);
    }

    #[test]
    fn the_addresses_are_addresses() {
        for entry in LEDGER {
            assert!(Wallet::parse(entry.wallet).is_ok(), "{}", entry.wallet);
        }
    }

    #[test]
    fn moves_have_about_the_spread_asked_for() {
        let mut draws = Draws::new(42);
        let moves: Vec<i64> = (0..10_000).map(|_| draws.daily_move(100)).collect();
        let variance = moves.iter().map(|step| step * step).sum::<i64>() / 10_000;
        assert!((10_000..13_000).contains(&variance), "{variance}");
    }
}
