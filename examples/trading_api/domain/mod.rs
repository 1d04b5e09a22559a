//! What the service talks about: money, days, portfolios, wallets. Pure values, no I/O.

mod base58;
mod day;
mod money;
mod portfolio;
mod token;
mod wallet;

pub(crate) use self::base58::{decode as decode_base58, encode as encode_base58};
pub(crate) use self::day::Day;
pub(crate) use self::money::Usd;
pub(crate) use self::portfolio::{Close, Holding, InvalidPortfolioId, Portfolio, PortfolioId};
pub(crate) use self::token::{Tier, TokenAmount};
pub(crate) use self::wallet::{InvalidWallet, Wallet};
