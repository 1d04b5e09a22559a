//! Token balances from a Solana RPC node (JSON-RPC 2.0 over HTTP).

use axum::http::Uri;
use serde_json::{Value, json};

use super::{HttpClient, TrustError, Upstream, UpstreamError};
use crate::domain::{TokenAmount, Usd, Wallet, decode_base58};

/// The platform's token, and the two accounts of the pool that it trades in. Made up; a real service has its own here.
pub(crate) const TOKEN_MINT: &str = "AiSTM7MASi45ub7Qe4ZE36UT5G6cU4ud8Fhhe4deS4F3";
/// The pool's account of the platform's token.
pub(crate) const POOL_TOKENS: &str = "AiSPooL1cw9KTAb8dLcukC7edhDQ7cn5d4gEYkbUrMWe";
/// The pool's account of USDC.
pub(crate) const POOL_DOLLARS: &str = "AiSPooL2WQLGsCmrG6dLaYyNoVKf58ZTBqNAYT3j5qcd";

/// A token account keeps its amount as eight little-endian bytes at this offset (SPL Token and Token-2022 alike).
pub(crate) const AMOUNT_OFFSET: usize = 64;
pub(crate) const AMOUNT_BYTES: usize = 8;

/// What is `confirmed` has the votes of two thirds of the stake; `finalized` would be twelve seconds older.
const COMMITMENT: &str = "confirmed";
/// Smallest units of USDC in a dollar.
const USDC_PER_DOLLAR: u128 = 1_000_000;

/// A node that we read balances from.
#[derive(Clone, Debug)]
pub(crate) struct Solana {
    http: HttpClient,
    url: Uri,
}

/// A balance, and the slot at which the node saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) amount: TokenAmount,
    pub(crate) slot: u64,
}

impl Solana {
    /// A reader of the node at `upstream`.
    pub(crate) fn at(upstream: &Upstream) -> Result<Self, TrustError> {
        Ok(Self { http: HttpClient::for_upstream(upstream)?, url: upstream.uri.clone() })
    }

    /// What `wallet` holds of [`TOKEN_MINT`] over all its token accounts.
    pub(crate) async fn balance(&self, wallet: &Wallet) -> Result<Balance, UpstreamError> {
        // Eight bytes of each account, in one form. `jsonParsed` has another where the node does not know the mint.
        let options = json!({
            "encoding": "base58",
            "dataSlice": {"offset": AMOUNT_OFFSET, "length": AMOUNT_BYTES},
            "commitment": COMMITMENT,
        });
        let parameters = json!([wallet.as_str(), {"mint": TOKEN_MINT}, options]);
        let answer = self.http.post(self.url.clone(), &request(1, "getTokenAccountsByOwner", parameters)).await?;
        balance(result(&answer)?)
    }

    /// The price of a token in the pool: dollars per token.
    pub(crate) async fn pool_price(&self) -> Result<Usd, UpstreamError> {
        let reserve = |id, account| request(id, "getTokenAccountBalance", json!([account, {"commitment": COMMITMENT}]));
        let batch = json!([reserve(1, POOL_TOKENS), reserve(2, POOL_DOLLARS)]);
        let answer = self.http.post(self.url.clone(), &batch).await?;
        price(reserve_of(&answer, 1)?, reserve_of(&answer, 2)?)
    }
}

fn request(id: u32, method: &str, parameters: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters})
}

/// The result of an answer. Errors come with status 200.
fn result(answer: &Value) -> Result<&Value, UpstreamError> {
    if let Some(code) = answer["error"]["code"].as_i64() {
        return Err(UpstreamError::Rpc { code });
    }
    answer.get("result").ok_or(UpstreamError::Malformed { expected: "a JSON-RPC answer" })
}

/// Sums the amounts of all accounts in a `getTokenAccountsByOwner` result.
fn balance(result: &Value) -> Result<Balance, UpstreamError> {
    const MALFORMED: UpstreamError = UpstreamError::Malformed { expected: "a list of token accounts" };
    let slot = result["context"]["slot"].as_u64().ok_or(MALFORMED)?;
    let accounts = result["value"].as_array().ok_or(MALFORMED)?;
    let mut total = TokenAmount::default();
    for account in accounts {
        let data = account["account"]["data"][0].as_str().ok_or(MALFORMED)?;
        let bytes = decode_base58(data).and_then(|bytes| bytes.try_into().ok()).ok_or(MALFORMED)?;
        let amount = TokenAmount::from_smallest_units(u64::from_le_bytes(bytes));
        total = total.plus(amount).ok_or(MALFORMED)?;
    }
    Ok(Balance { amount: total, slot })
}

/// The amount in the `getTokenAccountBalance` answer with this id; a batch may be answered in any order.
fn reserve_of(batch: &Value, id: u64) -> Result<u64, UpstreamError> {
    const MALFORMED: UpstreamError = UpstreamError::Malformed { expected: "two account balances" };
    let answers = batch.as_array().ok_or(MALFORMED)?;
    let answer = answers.iter().find(|answer| answer["id"] == id).ok_or(MALFORMED)?;
    let amount = result(answer)?["value"]["amount"].as_str().ok_or(MALFORMED)?;
    amount.parse().map_err(|_| MALFORMED)
}

/// Dollars per token of a pool that holds these reserves, each in its smallest unit.
fn price(tokens: u64, usdc: u64) -> Result<Usd, UpstreamError> {
    const NO_PRICE: UpstreamError = UpstreamError::Malformed { expected: "reserves that make a price" };
    let dollar = u128::from(Usd::from_dollars(1).ten_thousandths().unsigned_abs());
    let dollars = u128::from(usdc) * dollar * u128::from(TokenAmount::ONE.smallest_units());
    let price = dollars
        .checked_div(u128::from(tokens) * USDC_PER_DOLLAR)
        .and_then(|price| i64::try_from(price).ok())
        .filter(|&price| price > 0)
        .ok_or(NO_PRICE)?;
    Ok(Usd::from_ten_thousandths(price))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::encode_base58;

    fn accounts(amounts: &[u64]) -> Value {
        let value: Vec<Value> = amounts
            .iter()
            .map(|amount| json!({"account": {"data": [encode_base58(&amount.to_le_bytes()), "base58"]}}))
            .collect();
        json!({"context": {"slot": 42}, "value": value})
    }

    #[test]
    fn the_balance_is_the_sum_over_all_accounts() {
        for (amounts, sum) in [(&[][..], 0), (&[0], 0), (&[1, 256, 7], 264), (&[u64::MAX], u64::MAX)] {
            let balance = balance(&accounts(amounts)).unwrap();
            assert_eq!((balance.amount.smallest_units(), balance.slot), (sum, 42));
        }
    }

    #[test]
    fn what_is_no_balance_is_an_error() {
        assert!(balance(&accounts(&[u64::MAX, 1])).is_err(), "overflow");
        for result in [
            json!(null),
            json!({"value": []}),
            json!({"context": {"slot": 1}, "value": {}}),
            json!({"context": {"slot": 1}, "value": [{"account": {"data": ["0", "base58"]}}]}),
            json!({"context": {"slot": 1}, "value": [{"account": {"data": ["11", "base58"]}}]}),
            json!({"context": {"slot": 1}, "value": [{"account": {"data": {"parsed": {}}}}]}),
        ] {
            assert!(balance(&result).is_err(), "{result}");
        }
    }

    #[test]
    fn errors_come_with_their_code() {
        let answer = json!({"error": {"code": -32005, "message": "Node is behind by 42 slots"}});
        assert!(matches!(result(&answer), Err(UpstreamError::Rpc { code: -32005 })));
        assert!(matches!(result(&json!({"id": 1})), Err(UpstreamError::Malformed { .. })));
    }

    #[test]
    fn the_price_is_dollars_per_token() {
        // 853 USDC against 1,000 tokens.
        assert_eq!(price(1_000_000_000_000, 853_000_000).unwrap(), "0.853".parse().unwrap());
        assert!(price(0, 1).is_err() && price(1_000_000_000, 0).is_err());
        assert!(price(1, u64::MAX).is_err(), "out of range");
    }

    #[test]
    fn a_batch_may_be_answered_in_any_order() {
        let batch = json!([
            {"id": 2, "result": {"value": {"amount": "20"}}},
            {"id": 1, "result": {"value": {"amount": "10"}}},
        ]);
        assert_eq!((reserve_of(&batch, 1).unwrap(), reserve_of(&batch, 2).unwrap()), (10, 20));
        assert!(reserve_of(&batch, 3).is_err());
    }
}
