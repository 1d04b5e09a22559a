//! What a service builds when it takes this crate as it is.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The packages that are built in with the default features, without those of tests and build scripts.
pub(crate) fn built_in_by_default() -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"]);
    tree.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    let output = tree.output().expect("cargo is what runs the test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("names of packages are text");
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}
