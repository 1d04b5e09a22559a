//! Quotes from the Client Portal gateway: `GET /iserver/marketdata/snapshot`.

use axum::http::Uri;
use serde_json::Value;

use super::{HttpClient, TrustError, Upstream, UpstreamError};
use crate::domain::Usd;

/// The field "last price".
const LAST_PRICE: &str = "31";

/// A gateway that we read quotes from.
#[derive(Clone, Debug)]
pub(crate) struct Ibkr {
    http: HttpClient,
    /// Ends before the slash of the method.
    base: String,
}

/// The last price of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) conid: i64,
    pub(crate) price: Usd,
}

impl Ibkr {
    /// A reader of the gateway at `upstream`, whose URL goes up to and with `/v1/api`.
    pub(crate) fn at(upstream: &Upstream) -> Result<Self, TrustError> {
        let base = upstream.uri.to_string().trim_end_matches('/').to_owned();
        Ok(Self { http: HttpClient::for_upstream(upstream)?, base })
    }

    /// The last prices of these contracts. The gateway leaves out those for which it has none yet.
    pub(crate) async fn snapshot(&self, conids: impl Iterator<Item = i64>) -> Result<Vec<Quote>, UpstreamError> {
        let conids: Vec<String> = conids.map(|conid| conid.to_string()).collect();
        let uri = format!("{}/iserver/marketdata/snapshot?conids={}&fields={LAST_PRICE}", self.base, conids.join(","));
        let uri = Uri::try_from(uri).map_err(axum::http::Error::from)?;
        quotes(&self.http.get(uri).await?)
    }
}

/// Reads `[{"conid":265598,"31":"168.42",…},…]`.
///
/// A price may be marked: `C` for the close of the day before, `H` for a halt. Both are the last price there is.
fn quotes(answer: &Value) -> Result<Vec<Quote>, UpstreamError> {
    let rows = answer.as_array().ok_or(UpstreamError::Malformed { expected: "a list of quotes" })?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let price: Usd = row[LAST_PRICE].as_str()?.trim_start_matches(['C', 'H']).parse().ok()?;
            (price > Usd::ZERO).then_some(Quote { conid: row["conid"].as_i64()?, price })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prices_are_read_with_and_without_a_mark() {
        let answer = json!([
            {"conid": 1, "31": "168.42", "_updated": 1_712_596_911_593_u64},
            {"conid": 2, "31": "C7.5"},
            {"conid": 3, "31": "H0.0312"},
            {"conid": 4},
            {"conid": 5, "31": ""},
            {"conid": 6, "31": "-1"},
            {"31": "1"},
        ]);
        let price = |conid, text: &str| Quote { conid, price: text.parse().unwrap() };
        assert_eq!(quotes(&answer).unwrap(), [price(1, "168.42"), price(2, "7.50"), price(3, "0.0312")]);
    }

    #[test]
    fn anything_but_a_list_is_an_error() {
        assert!(quotes(&json!({"error": "no session"})).is_err());
    }
}
