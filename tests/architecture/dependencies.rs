//! What a service builds when it takes this crate, by cargo's own word.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The packages that are built in with the default features, without those of tests and build scripts.
pub(crate) fn built_in_by_default() -> BTreeSet<String> {
    built_in(&[])
}

/// The same with these features and no others.
pub(crate) fn built_in_with(features: &[&str]) -> BTreeSet<String> {
    built_in(&["--no-default-features", "--features", &features.join(",")])
}

/// The features in a list of the manifest, such as `full`.
pub(crate) fn features_in<'a>(manifest: &'a str, list: &str) -> Vec<&'a str> {
    let start = manifest.find(&format!("\n{list} = [")).expect("the manifest has the list");
    let (listed, _) = manifest[start..].split_once(']').expect("a list ends");
    listed.split('"').skip(1).step_by(2).collect()
}

fn built_in(selection: &[&str]) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"]).args(selection);
    tree.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    let output = tree.output().expect("cargo is what runs the test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("names of packages are text");
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}
