//! Language: what a path is written in; a grammar and its query come into being when the first file asks for them.

use std::sync::LazyLock;

use tree_sitter::Query;

/// The language of a file, told from its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Rust, `.rs`.
    Rust,
    /// Go, `.go`.
    Go,
    /// Anything else: read by lines, without symbols.
    Text,
}

impl Language {
    /// The language of `path`, by its extension in any case.
    pub fn of(path: &str) -> Language {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        match name.rsplit_once('.') {
            Some((_, end)) if end.eq_ignore_ascii_case("rs") => Language::Rust,
            Some((_, end)) if end.eq_ignore_ascii_case("go") => Language::Go,
            _ => Language::Text,
        }
    }

    /// Its name in lower case: `rust`, `go`, `text`.
    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Go => "go",
            Language::Text => "text",
        }
    }

    /// The grammar; `None` for plain text.
    pub(crate) fn grammar(self) -> Option<tree_sitter::Language> {
        match self {
            Language::Rust => Some(tree_sitter_rust::LANGUAGE.into()),
            Language::Go => Some(tree_sitter_go::LANGUAGE.into()),
            Language::Text => None,
        }
    }

    /// The query for definitions, compiled once a process; `None` for plain text.
    pub(crate) fn definitions(self) -> Option<&'static Query> {
        static RUST: LazyLock<Option<Query>> =
            LazyLock::new(|| compile(Language::Rust, include_str!("../queries/rust.scm")));
        static GO: LazyLock<Option<Query>> =
            LazyLock::new(|| compile(Language::Go, include_str!("../queries/go.scm")));
        match self {
            Language::Rust => RUST.as_ref(),
            Language::Go => GO.as_ref(),
            Language::Text => None,
        }
    }
}

/// A query that does not fit its grammar leaves the language without symbols; a test holds that none does.
fn compile(language: Language, query: &str) -> Option<Query> {
    Query::new(&language.grammar()?, query).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_languages() {
        for (path, language) in [
            ("src/lib.rs", Language::Rust),
            ("LIB.RS", Language::Rust),
            ("cmd/main.go", Language::Go),
            ("a.rs/readme", Language::Text),
            ("rs", Language::Text),
            ("notes.md", Language::Text),
            ("", Language::Text),
        ] {
            assert_eq!(Language::of(path), language, "{path}");
        }
    }

    #[test]
    fn every_query_fits_its_grammar() {
        for language in [Language::Rust, Language::Go] {
            assert!(language.definitions().is_some(), "{}", language.name());
        }
        assert!(Language::Text.definitions().is_none());
    }
}
