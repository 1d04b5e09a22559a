//! The requests of reqwest 0.12.

sendable_by_reqwest!(reqwest_0_12);
