//! Compares the catalogs of two releases, and fails on breaking changes that the changelog does not announce.
//!
//! ```text
//! cargo run --example catalog -- diff old/catalog.json new/catalog.json CHANGELOG.md
//! ```
//!
//! A catalog is what `Catalog::to_json` writes, and a file of every operations bundle. Without a changelog every breaking
//! change fails.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::{fs, io};

use aistm7_monitoring::catalog::{Catalog, diff};

const USAGE: &str = "usage: catalog diff <old catalog> <new catalog> [<changelog>]";

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Who does not read it learns it from the status.
            let _ = writeln!(io::stderr(), "Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (old, new, changelog) = match arguments[..] {
        ["diff", old, new] => (old, new, String::new()),
        ["diff", old, new, changelog] => (old, new, fs::read_to_string(changelog)?),
        _ => return Err(USAGE.into()),
    };
    let read = |path| -> Result<Catalog, Box<dyn Error>> { Ok(Catalog::from_json(&fs::read_to_string(path)?)?) };
    let difference = diff(&read(old)?, &read(new)?);
    let mut out = io::stdout().lock();
    for change in difference.changes() {
        writeln!(out, "{change}")?;
    }
    Ok(difference.check(&changelog)?)
}
