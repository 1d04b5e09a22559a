//! The labels of portfolio metrics.

use crate::error::check_name;
use crate::work::{closed_label, name_label};

name_label! {
    /// A kind of calculation, such as `valuation`: the `calculation` label.
    pub struct Calculation, "calculation", check_name
}

name_label! {
    /// Whose interface is called, such as `ibkr`: the `provider` label.
    pub struct Provider, "provider", check_name
}

name_label! {
    /// What a provider is asked for, such as `positions`: the `operation` label.
    pub struct Operation, "operation", check_name
}

closed_label! {
    /// What our data is compared with: the `reference` label.
    pub enum Reference {
        /// The broker's live summary.
        BrokerLive = "broker_live",
        /// The broker's daily statement, which is another thing than its live summary.
        BrokerStatement = "broker_statement",
        /// A source of prices.
        PriceSource = "price_source",
    }
}

closed_label! {
    /// The part of a portfolio in which a difference lies: the `component` label.
    pub enum Component {
        /// Cash balances.
        Cash = "cash",
        /// Quantities held.
        Position = "position",
        /// Prices.
        Price = "price",
        /// Exchange rates.
        Fx = "fx",
        /// Interest and dividends earned and not yet paid.
        Accrual = "accrual",
    }
}

closed_label! {
    /// How amounts are added up: the `sum` label.
    pub(super) enum Sum {
        /// Whatever their signs.
        Gross = "gross",
        /// With their signs, so that a bias shows.
        Net = "net",
    }
}

closed_label! {
    /// What came of a comparison: the `result` label.
    pub(super) enum CheckResult {
        /// Within tolerance.
        Match = "match",
        /// Out of tolerance.
        Mismatch = "mismatch",
        /// We have no value.
        MissingOurs = "missing_ours",
        /// The reference has no value.
        MissingReference = "missing_reference",
        /// The two values are not of the same time.
        StalePair = "stale_pair",
    }
}
