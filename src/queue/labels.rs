//! The labels of queue metrics.

use crate::work::{closed_label, name_label};

name_label! {
    /// The name of a queue, such as `orders`: the `queue` label.
    pub struct QueueName, "queue name", crate::error::check_name
}

closed_label! {
    /// Why an item did not get into a queue: the `reason` label.
    pub enum Rejection {
        /// There was no room for it.
        Full = "full",
        /// Nobody receives any more.
        Closed = "closed",
    }
}
