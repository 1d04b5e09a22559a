//! What must not be read by strangers: secrets in values, in URLs and behind telling field names.

mod names;
mod secret;
mod shapes;
mod urls;

pub use names::is_sensitive_name;
pub use secret::Secret;
pub use shapes::scrub_secrets;
pub use urls::{scrub_text, scrub_url};

/// What is written in place of a secret.
pub const REDACTED: &str = "[redacted]";
