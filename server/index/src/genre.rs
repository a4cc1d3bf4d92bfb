//! Genre: what a path holds for one who asks in plain words: code, tests and generated code, or what is not code.

use serde::{Deserialize, Serialize};

use crate::test_path;

/// What a file is likely to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Genre {
    /// Code that does something.
    Code,
    /// Tests, examples, benchmarks and generated code.
    Test,
    /// Documents, data and settings.
    Prose,
}

/// Ends of names that are no code. What is not listed is code: a language without a grammar is one all the same.
const PROSE: &[&str] = &[
    "adoc",
    "asciidoc",
    "atom",
    "bib",
    "bst",
    "cfg",
    "cls",
    "conf",
    "css",
    "csv",
    "desktop",
    "diff",
    "dot",
    "editorconfig",
    "eps",
    "gitattributes",
    "gitignore",
    "htm",
    "html",
    "ini",
    "ipynb",
    "json",
    "json5",
    "jsonc",
    "jsonl",
    "less",
    "lock",
    "log",
    "markdown",
    "md",
    "mdx",
    "mod",
    "org",
    "patch",
    "po",
    "pot",
    "properties",
    "puml",
    "rst",
    "rtf",
    "sass",
    "scss",
    "snap",
    "srt",
    "sty",
    "sum",
    "svg",
    "tex",
    "toml",
    "tsv",
    "txt",
    "vtt",
    "xhtml",
    "xlf",
    "xml",
    "xsd",
    "yaml",
    "yml",
];

/// Names without an end that are no code.
const NAMES: &[&str] = &[
    "authors",
    "changelog",
    "changes",
    "code_of_conduct",
    "codeowners",
    "contributing",
    "copying",
    "history",
    "licence",
    "license",
    "maintainers",
    "news",
    "notice",
    "owners",
    "readme",
    "thanks",
    "todo",
    "version",
];

/// The genre of `path`.
pub(crate) fn of(path: &str) -> Genre {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let is_prose = match name.rsplit_once('.') {
        Some((_, end)) => PROSE.binary_search(&end).is_ok(),
        None => NAMES.binary_search(&name.as_str()).is_ok() || name.starts_with("license"),
    };
    match (is_prose, test_path::is_test(path)) {
        (true, _) => Genre::Prose,
        (false, true) => Genre::Test,
        (false, false) => Genre::Code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(PROSE.is_sorted() && NAMES.is_sorted());
    }

    #[test]
    fn paths_have_a_genre() {
        for (path, genre) in [
            ("src/main.rs", Genre::Code),
            ("a/b.sql", Genre::Code),
            ("Makefile", Genre::Code),
            ("tests/a.rs", Genre::Test),
            ("docs/a.md", Genre::Prose),
            ("tests/a.json", Genre::Prose),
            (".gitignore", Genre::Prose),
            ("LICENSE-MIT", Genre::Prose),
            ("README", Genre::Prose),
            ("Cargo.toml", Genre::Prose),
            ("", Genre::Code),
        ] {
            assert_eq!(of(path), genre, "{path}");
        }
    }
}
