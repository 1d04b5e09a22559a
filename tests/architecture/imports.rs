//! The paths into its own crate that a source file holds, in `use` and anywhere else.

use crate::source::{Token, tokens};

/// A path from the root of the crate, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// The module that a file is, from `src/` on: `src/http/layer.rs` is `http::layer`.
pub(crate) fn module_of(file: &str) -> Vec<String> {
    let stem = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<_> = stem.split('/').map(str::to_owned).collect();
    module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    module
}

/// Every path of a file that starts at `crate`, `super` or `self`.
pub(crate) fn imports(file: &str, text: &str) -> Vec<Import> {
    let tokens = tokens(text);
    let text_at = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut module = module_of(file);
    // The depth of braces at which each inline module of `module` ends.
    let mut inline = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    let mut found = Vec::new();
    while at < tokens.len() {
        match text_at(at) {
            "mod" if text_at(at + 2) == "{" => {
                module.push(text_at(at + 1).to_owned());
                inline.push(depth);
                depth += 1;
                at += 2;
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if inline.pop_if(|ends| *ends == depth).is_some() {
                    module.pop();
                }
            }
            "crate" | "self" | "super" if text_at(at + 1) == "::" => {
                at = path(&tokens, at, Vec::new(), &module, &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Follows the path or group of paths at `at` after `prefix`; gives the place behind it.
fn path(
    tokens: &[Token<'_>],
    mut at: usize,
    mut prefix: Vec<String>,
    module: &[String],
    found: &mut Vec<Import>,
) -> usize {
    let text_at = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        match text_at(at) {
            "{" => {
                at += 1;
                loop {
                    at = match text_at(at) {
                        "}" | "" => return at + 1,
                        "," => at + 1,
                        // The alias behind it is no path.
                        "as" => at + 2,
                        _ => path(tokens, at, prefix.clone(), module, found),
                    };
                }
            }
            // Everything of the module that the path has named so far.
            "*" => {
                found.push(Import { path: prefix, line });
                return at + 1;
            }
            "crate" => prefix.clear(),
            "super" if prefix.is_empty() && text_at(at.saturating_sub(2)) != "super" => {
                prefix = module[..module.len().saturating_sub(1)].to_vec();
            }
            "super" => {
                prefix.pop();
            }
            "self" if prefix.is_empty() => prefix = module.to_vec(),
            "self" => {}
            segment => prefix.push(segment.to_owned()),
        }
        let continues = text_at(at + 1) == "::" && !matches!(text_at(at + 2), "<" | "");
        if !continues {
            found.push(Import { path: prefix, line });
            return at + 1;
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::imports;

    fn found(file: &str, text: &str) -> Vec<String> {
        imports(file, text).into_iter().map(|import| import.path.join("::")).collect()
    }

    #[test]
    fn paths_are_resolved_from_the_root() {
        for (file, text, expected) in [
            ("src/health/mod.rs", "use crate::http::Layer;", &["http::Layer"][..]),
            ("src/health/runner/tests.rs", "use super::super::super::http;", &["http"]),
            ("src/health/mod.rs", "use super::http as h;", &["http"]),
            ("src/health/runner.rs", "use self::inner::X; use super::*;", &["health::runner::inner::X", "health"]),
            ("src/clock.rs", "pub(crate) fn f(x: &crate::metrics::Meter) {}", &["metrics::Meter"]),
            ("src/clock.rs", "Vec::<crate::log::Line>::new(); crate::log::f::<u8>();", &["log::Line", "log::f"]),
            ("src/clock.rs", "macro_rules! m { () => { $crate::log::x!() } }", &["log::x"]),
            ("src/clock.rs", "pub(in crate::log) struct X;", &["log"]),
            ("src/clock.rs", "self.crate_name::<u8>(); let crated = 1;", &[]),
        ] {
            assert_eq!(found(file, text), expected, "{text}");
        }
    }

    #[test]
    fn groups_are_opened_over_lines() {
        let text = "use {\n    crate::{\n        a::{self, b as c, d::{E, *}},\n        f,\n    },\n    super::g::H,\n    std::fmt,\n};";
        assert_eq!(found("src/x/y.rs", text), ["a", "a::b", "a::d::E", "a::d", "f", "x::g::H"]);
    }

    #[test]
    fn inline_modules_count_for_super() {
        let text = "mod tests { mod deep { use super::super::x; } use super::y; } use super::z;";
        assert_eq!(found("src/a/b.rs", text), ["a::b::x", "a::b::y", "a::z"]);
    }

    #[test]
    fn lines_point_at_each_name() {
        let lines: Vec<_> =
            imports("src/a.rs", "use crate::{\n    b::C,\n    d,\n};").into_iter().map(|i| i.line).collect();
        assert_eq!(lines, [2, 3]);
    }
}
