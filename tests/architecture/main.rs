//! The house stays as it was drawn: who may import whom, how long a file may be, and what no file may hold.

mod dependencies;
mod document;
mod imports;
mod rings;
mod source;
mod tree;

use std::path::Path;

use tree::TextFile;

/// Room for a long test file; a file of the library is better at half of it.
const LONGEST_FILE_LINES: usize = 600;

#[test]
fn modules_import_only_from_lower_rings() {
    let files = tree::rust_files("src");
    assert!(!files.is_empty(), "the test runs where the sources are");
    let found: Vec<_> = files.iter().flat_map(|file| rings::violations(&file.path, &file.text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn source_files_are_short() {
    let files = tree::rust_files("src");
    let long = files.iter().filter(|file| file.text.lines().count() > LONGEST_FILE_LINES);
    let long: Vec<_> = long.map(|file| &file.path).collect();
    assert!(long.is_empty(), "over {LONGEST_FILE_LINES} lines, so more than one job: {long:?}");
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let files = tree::files();
    let found: Vec<_> = files.iter().flat_map(machine_paths).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_invariant_names_tests_that_exist() {
    let mut files = tree::rust_files("src");
    files.extend(tree::rust_files("tests"));
    let document = tree::read("src/docs/architecture.md");
    let broken = document::broken_promises(&document, &files);
    assert!(broken.is_empty(), "\nsrc/docs/architecture.md:\n{}", broken.join("\n"));
}

#[test]
fn trace_context_needs_nothing_of_opentelemetry() {
    let packages = dependencies::built_in_by_default();
    assert!(packages.contains("aistm7-monitoring") && packages.contains("axum"), "{packages:?}");
    let found: Vec<_> = packages.iter().filter(|name| name.starts_with("opentelemetry")).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn opentelemetry_is_built_only_for_who_asks_for_it() {
    let manifest = tree::read("Cargo.toml");
    let of_opentelemetry = |features: &[&str]| {
        let packages = dependencies::built_in_with(features).into_iter();
        packages.filter(|package| package.starts_with("opentelemetry")).collect::<Vec<_>>()
    };
    let mut full = dependencies::features_in(&manifest, "full");
    // The published definitions and the two crates that they stand on: no client, no runtime, no gRPC.
    let expected = ["opentelemetry", "opentelemetry-proto", "opentelemetry_sdk"];
    assert_eq!(
        (of_opentelemetry(&full), of_opentelemetry(&["otlp"])),
        (expected.map(str::to_owned).into(), expected.map(str::to_owned).into())
    );
    full.retain(|feature| *feature != "otlp");
    assert_eq!(of_opentelemetry(&full), [] as [String; 0]);
}

/// The lines that hold an absolute path into a person's or a builder's directory.
fn machine_paths(file: &TextFile) -> Vec<String> {
    // Put together here, so that this file does not hold them.
    let places = ["home", "root", "work", "Users"].map(|place| format!("/{place}/"));
    let starts_a_path = |line: &str, place: &str| {
        line.match_indices(place).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | ')')))
        })
    };
    let lines = file.text.lines().zip(1..);
    lines
        .filter(|(line, _)| places.iter().any(|place| starts_a_path(line, place)))
        .map(|(line, number)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect()
}

#[test]
fn machine_paths_are_told_from_routes_and_relative_paths() {
    let found = |line: String| !machine_paths(&TextFile { path: "a.rs".into(), text: line }).is_empty();
    for place in ["home", "root", "work", "Users"] {
        assert!(found(format!("let path = \"/{place}/me/file\";")), "{place}");
        assert!(found(format!("/{place}/me")), "{place}");
        assert!(!found(format!("src/{place}/mod.rs")), "{place}");
        assert!(!found(format!("https://example.com/{place}/page")), "{place}");
        assert!(!found(format!("{{id}}/{place}/")), "{place}");
    }
}

#[test]
fn every_module_of_the_library_has_its_ring() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").read_dir().unwrap();
    for entry in modules {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        if !matches!(module, "build" | "docs" | "lib") {
            assert!(rings::ring_of(module).is_some(), "{module}: say in tests/architecture/rings.rs where it belongs");
        }
    }
}
