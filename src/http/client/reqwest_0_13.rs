//! The requests of reqwest 0.13.

sendable_by_reqwest!(reqwest_0_13);
