//! The labels of risk metrics.

use crate::error::{InvalidValue, check_name};
use crate::metrics::LabelValue;
use crate::work::name_label;

name_label! {
    /// A risk model, such as `historical-var`: the `model` label.
    pub struct Model, "model", check_name
}

name_label! {
    /// How far a forecast looks ahead, such as `1d`: the `horizon` label.
    pub struct Horizon, "horizon", check_name
}

name_label! {
    /// A batch job, such as `nightly-var`: the `batch` label.
    pub struct Batch, "batch", check_name
}

name_label! {
    /// An internal book, such as `equities`, never a user's portfolio: the `book` label.
    pub struct Book, "book", check_name
}

name_label! {
    /// What risk models read, such as `prices`: the `input` label.
    pub struct Input, "input", check_name
}

name_label! {
    /// A limit of a book, such as `var-99-1d`: the `limit` label.
    pub struct Limit, "limit", check_name
}

name_label! {
    /// A version of a model, such as `2.1.0`: the `version` label.
    pub struct ModelVersion, "version", check_name
}

/// For what must not end in one series with others whose names are wrong too.
impl Model {
    pub(super) fn checked(self) -> Result<LabelValue, InvalidValue> {
        checked("model", self.0)
    }
}

impl Book {
    pub(super) fn checked(self) -> Result<LabelValue, InvalidValue> {
        checked("book", self.0)
    }
}

/// `None` is a name that was not declared; what stands for it breaks the rule.
fn checked(what: &'static str, name: Option<&'static str>) -> Result<LabelValue, InvalidValue> {
    let name = name.unwrap_or(LabelValue::OTHER);
    check_name(what, name).map(|()| name.into())
}
