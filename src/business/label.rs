//! Labels of more than one area.

use crate::work::name_label;

name_label! {
    /// Where data comes from, such as `price-feed`: the `source` label.
    pub struct Source, "source", crate::error::check_name
}
