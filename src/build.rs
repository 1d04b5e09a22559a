//! The build script: which compiler this is, for `service_info`.

#![allow(clippy::print_stdout, reason = "it is how a build script speaks to cargo")]

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    println!("cargo:rustc-env=AISTM7_RUSTC={}", version().unwrap_or_else(|| "unknown".to_owned()));
}

/// The second word of what the compiler says, such as `rustc 1.95.0 (59807616e 2026-04-14)`.
fn version() -> Option<String> {
    let said = Command::new(std::env::var_os("RUSTC")?).arg("--version").output().ok()?;
    String::from_utf8(said.stdout).ok()?.split_whitespace().nth(1).map(str::to_owned)
}
