//! The architecture document says which test holds each invariant: those tests are there.

use std::collections::BTreeSet;

use crate::source::tokens;
use crate::tree::TextFile;

/// What the table of invariants promises and `files` do not keep, one line each.
pub(crate) fn broken_promises(document: &str, files: &[TextFile]) -> Vec<String> {
    let rows = invariant_rows(document);
    if rows.is_empty() {
        return vec!["there is no table under \"## Invariants\"".to_owned()];
    }
    let mut broken = Vec::new();
    for (invariant, held_by) in rows {
        // What stands between backticks.
        let mut names = held_by.split('`').skip(1).step_by(2).peekable();
        if names.peek().is_none() {
            broken.push(format!("no test is named for: {invariant}"));
        }
        let kept = |name: &str| match name.split_once("::") {
            Some((file, function)) => files.iter().any(|f| is_called(f, file) && functions(f).contains(function)),
            None if name.starts_with("#!") => files.iter().any(|f| f.path == "src/lib.rs" && has_line(f, name)),
            None => files.iter().any(|f| f.path.ends_with(&format!("/{name}"))),
        };
        broken.extend(names.filter(|name| !kept(name)).map(|name| format!("`{name}` does not exist: {invariant}")));
    }
    broken
}

/// The first and the last cell of each row.
fn invariant_rows(document: &str) -> Vec<(&str, &str)> {
    let section = document.lines().skip_while(|line| *line != "## Invariants").skip(1);
    let table = section.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with('|'));
    // The first two lines are the heading and its rule.
    let cells = table.skip(2).filter_map(|line| line.trim_matches(['|', ' ']).rsplit_once('|'));
    cells.map(|(first, last)| (first.trim(), last.trim())).collect()
}

/// Whether a file, or a folder that it is in, has this name.
fn is_called(file: &TextFile, name: &str) -> bool {
    file.path.trim_end_matches(".rs").split('/').any(|part| part == name)
}

fn has_line(file: &TextFile, line: &str) -> bool {
    file.text.lines().any(|own| own == line)
}

fn functions(file: &TextFile) -> BTreeSet<&str> {
    let tokens = tokens(&file.text);
    tokens.windows(2).filter(|pair| pair[0].text == "fn").map(|pair| pair[1].text).collect()
}

#[cfg(test)]
mod tests {
    use super::{TextFile, broken_promises};

    fn check(held_by: &str) -> Vec<String> {
        let document = format!(
            "# A\n\n| x | `y` |\n\n## Invariants\n\n| invariant | held by |\n|---|---|\n| It | {held_by} |\n\n## B\n\n| c | `d::e` |\n"
        );
        let file = |path: &str, text: &str| TextFile { path: path.into(), text: text.into() };
        let files = [
            file("src/http/tests.rs", "#[test]\nfn ends_once() {}\n// fn only_a_comment() {}"),
            file("src/lib.rs", "#![forbid(unsafe_code)]"),
        ];
        broken_promises(&document, &files)
    }

    #[test]
    fn named_tests_must_exist_in_their_file() {
        for kept in ["`tests::ends_once`", "`http::ends_once` and more", "`#![forbid(unsafe_code)]` in `lib.rs`"] {
            assert_eq!(check(kept), [] as [String; 0], "{kept}");
        }
        for broken in [
            "",
            "SOON",
            "`tests::ends`",
            "`log::ends_once`",
            "`tests::only_a_comment`",
            "`#![no_std]`",
            "`main.rs`",
            "`http::ends_once` `a::b`",
        ] {
            assert_eq!(check(broken).len(), 1, "{broken}");
        }
        assert_eq!(broken_promises("# Nothing\n", &[]).len(), 1);
    }
}
