//! The labels of risk metrics.

use crate::error::check_name;
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
