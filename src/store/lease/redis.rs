//! Leases in Redis: a key that is set if it is not there (`SET NX PX`), beside it the result and the number of the epoch.
//!
//! One script a bid, which Redis runs as one step. All keys of a lease are in one slot of a cluster.

use std::time::Duration;

use super::{Bid, LeaseError, Published, Standing, Wish};
use crate::store::redis::RedisError;

/// Gives the epoch if the bidder holds the lease, else an empty text; the age of the result in milliseconds; the result.
///
/// The age is what is missing of the time that the result is kept, so nobody's clock but the server's is read.
pub(in crate::store) const SCRIPT: &str = "\
local prefix = ARGV[1] .. ' '
local held = redis.call('GET', KEYS[1])
local epoch = held and held:sub(1, #prefix) == prefix and held:sub(#prefix + 1) or ''
if ARGV[2] == 'yield' then
  if epoch ~= '' then redis.call('DEL', KEYS[1]) end
  epoch = ''
elseif epoch ~= '' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  if ARGV[4] == epoch then redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6]) end
elseif not held then
  epoch = tostring(redis.call('INCR', KEYS[3]))
  redis.call('SET', KEYS[1], prefix .. epoch, 'NX', 'PX', ARGV[3])
end
local left = redis.call('PTTL', KEYS[2])
if left < 0 then return {epoch, '', ''} end
return {epoch, tostring(ARGV[6] - left), redis.call('GET', KEYS[2])}";

/// How long a result is kept that nobody renews. Chosen: longer than any check's result is believed.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// The keys of the script.
pub(in crate::store) fn keys_of(bid: &Bid) -> [String; 3] {
    ["holder", "result", "epoch"].map(|part| format!("aistm7:lease:{{{}}}:{part}", bid.lease))
}

/// The arguments of the script.
pub(in crate::store) fn arguments_of(bid: Bid) -> [String; 6] {
    let wish = match bid.wish {
        Wish::Hold => "hold",
        Wish::Yield => "yield",
    };
    let (epoch, result) = bid
        .publication
        .map_or_else(Default::default, |publication| (publication.epoch.to_string(), publication.result));
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    [bid.holder, wish.to_owned(), milliseconds(bid.ttl), epoch, result, milliseconds(KEPT_FOR)]
}

/// What the script answers.
pub(in crate::store) fn standing_of([epoch, age, result]: [String; 3]) -> Result<Standing, LeaseError> {
    let number = |text: String| match text.parse() {
        _ if text.is_empty() => Ok(None),
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(LeaseError::Unreadable { answer: text }),
    };
    let age = number(age)?.map(Duration::from_millis);
    Ok(Standing { epoch: number(epoch)?, published: age.map(|age| Published { result, age }) })
}

impl From<RedisError> for LeaseError {
    fn from(error: RedisError) -> Self {
        Self::store(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_whose_the_lease_is_and_what_was_published() {
        let standing = |parts: [&str; 3]| standing_of(parts.map(str::to_owned));
        assert_eq!(standing(["", "", ""]).unwrap(), Standing::default());
        let published = Some(Published { result: "r".to_owned(), age: Duration::from_millis(20) });
        assert_eq!(standing(["7", "20", "r"]).unwrap(), Standing { epoch: Some(7), published });
        assert!(matches!(standing(["x", "", ""]), Err(LeaseError::Unreadable { .. })));
    }
}
