//! Which paths the demo asks for, in which order.

use crate::store::seed;

/// An endless, repeating mix of requests.
#[derive(Debug)]
pub(super) struct Plan {
    step: usize,
}

/// Paths that are not there, or not well formed.
const MISTAKES: [&str; 4] =
    ["/api/v1/portfolios/999", "/api/v2/portfolios", "/wp-login.php", "/api/v1/portfolios/no%20such%20id"];
/// The portfolio without price history is asked for once in so many steps: it makes an ERROR line each time.
const DATA_FAULT_EVERY: usize = 150;

impl Plan {
    pub(super) const fn new() -> Self {
        Self { step: 0 }
    }
}

impl Iterator for Plan {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let step = self.step;
        self.step = step.wrapping_add(1);
        if step % DATA_FAULT_EVERY == 17 {
            return Some(risk_of(seed::HOLDS_WITHOUT_HISTORY));
        }
        let round = step / 10;
        // Over twenty rounds, each step of a round meets each portfolio.
        let portfolio = (11 * round + 7 * (step % 10)) % 20 + 1;
        Some(match step % 10 {
            3 | 6 => risk_of(&healthy(portfolio).to_string()),
            4 => {
                let wallets = seed::wallets();
                format!("/api/v1/wallets/{}/access", wallets[round % wallets.len()].0)
            }
            8 if round.is_multiple_of(4) => risk_of(seed::TOO_NEW),
            9 if round.is_multiple_of(2) => MISTAKES[round / 2 % MISTAKES.len()].to_owned(),
            _ => format!("/api/v1/portfolios/{portfolio}"),
        })
    }
}

fn risk_of(portfolio: &str) -> String {
    format!("/api/v1/portfolios/{portfolio}/risk")
}

/// A portfolio whose risk can be told: this one, or its neighbour.
fn healthy(portfolio: usize) -> usize {
    let troubled = [seed::HOLDS_WITHOUT_HISTORY, seed::TOO_NEW].contains(&portfolio.to_string().as_str());
    if troubled { portfolio + 1 } else { portfolio }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_request_comes_up_within_a_minute() {
        let minute: Vec<String> = Plan::new().take(600).collect();
        let count = |path: &str| minute.iter().filter(|known| *known == path).count();
        for number in 1..=20 {
            assert!(count(&format!("/api/v1/portfolios/{number}")) > 0, "{number}");
        }
        for (wallet, _) in seed::wallets() {
            assert!(count(&format!("/api/v1/wallets/{wallet}/access")) > 0, "{wallet}");
        }
        assert!(MISTAKES.iter().all(|path| count(path) > 0));
        assert!(count(&risk_of(seed::TOO_NEW)) > 0);
        assert_eq!(count(&risk_of(seed::HOLDS_WITHOUT_HISTORY)), 4);
    }
}
