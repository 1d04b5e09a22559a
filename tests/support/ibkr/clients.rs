//! Independent clients of Interactive Brokers' gateways, in Python, in an environment that `tests/run` makes.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A program in the folder beside this file that prints what it understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(&'static str);

pub(crate) const IB_ASYNC: Client = Client("ib_async_client.py");
pub(crate) const OFFICIAL: Client = Client("official_client.py");
pub(crate) const IBIND: Client = Client("ibind_client.py");

impl Client {
    /// Runs it to its end.
    ///
    /// # Panics
    /// When it fails, or when `tests/run` has not installed what it needs.
    #[track_caller]
    pub(crate) fn run(self, arguments: &[&str]) -> Value {
        let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ibkr-clients/bin/python");
        assert!(python.is_file(), "{} is missing: `tests/run` makes it", python.display());
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/ibkr/clients").join(self.0);
        // What the machine is set to must not lead the clients elsewhere.
        let run = Command::new(python).arg("-I").arg(program).args(arguments).env_clear().output();
        let output = run.expect("the program starts");
        let printed = String::from_utf8_lossy(&output.stdout);
        let last = printed.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|_| panic!("{self:?}: {printed}{}", String::from_utf8_lossy(&output.stderr)))
    }
}
