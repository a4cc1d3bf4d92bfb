//! Language: what a file is written in; a grammar and its query come into being when the first file asks for them.

pub(crate) mod table;

use std::sync::OnceLock;

use tree_sitter::Query;

use self::table::{LANGUAGES, Row};

/// The language of a file, told from its path and, where that is not enough, from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // The names are those of the languages.
pub enum Language {
    Rust,
    Go,
    Python,
    JavaScript,
    TypeScript,
    Tsx,
    Java,
    C,
    Cpp,
    CSharp,
    Ruby,
    Php,
    Bash,
    Kotlin,
    Swift,
    Scala,
    Lua,
    Zig,
    /// Anything else: read by lines, without symbols.
    Text,
}

/// Where a first line of a script or a header of C++ shows itself, in bytes.
const HEAD: usize = 4 << 10;

impl Language {
    /// The language of `path` by its name alone: by its ending, in any case, or the whole name.
    pub fn of(path: &str) -> Language {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let row = match name.rsplit_once('.') {
            Some((_, end)) => LANGUAGES
                .iter()
                .find(|row| row.ends.iter().any(|it| it.eq_ignore_ascii_case(end))),
            None => None,
        };
        row.or_else(|| LANGUAGES.iter().find(|row| row.files.contains(&name)))
            .map_or(Language::Text, |row| row.language)
    }

    /// The language of `path` when it holds `text`: a `.h` may be C++, and a script without an ending names its
    /// interpreter in its first line.
    pub fn of_text(path: &str, text: &str) -> Language {
        match Language::of(path) {
            Language::C if path.ends_with(['h', 'H']) && is_cpp(text) => Language::Cpp,
            Language::Text if text.starts_with("#!") => {
                let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
                match name.trim_start_matches('.').contains('.') {
                    true => Language::Text,
                    false => interpreted(text),
                }
            }
            language => language,
        }
    }

    /// Every language that can be read for symbols in this build, in the order of the enum.
    pub fn all() -> impl Iterator<Item = Language> {
        LANGUAGES.iter().map(|row| row.language)
    }

    /// Its name in lower case, as `rust`, `c_sharp`, `text`.
    pub fn name(self) -> &'static str {
        self.row().map_or("text", |row| row.name)
    }

    /// What is known of it; `None` for plain text and languages that this build leaves out.
    pub(crate) fn row(self) -> Option<&'static Row> {
        LANGUAGES.iter().find(|row| row.language == self)
    }

    /// The query for definitions, compiled once a process; `None` for plain text. A query that does not fit its grammar
    /// leaves the language without symbols; a test holds that none does.
    pub(crate) fn definitions(self) -> Option<&'static Definitions> {
        static QUERIES: [OnceLock<Option<Definitions>>; LANGUAGES.len()] =
            [const { OnceLock::new() }; LANGUAGES.len()];
        let at = LANGUAGES.iter().position(|row| row.language == self)?;
        let compiled = QUERIES.get(at)?.get_or_init(|| compile(LANGUAGES.get(at)?));
        compiled.as_ref()
    }
}

/// A query with the kinds of nodes that it begins at, so that it need not look at all others.
pub(crate) struct Definitions {
    pub(crate) query: Query,
    /// By the number of a kind.
    begins: Vec<Begins>,
}

/// What a kind of node is to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    Nothing,
    /// A whole match: the node is what leads definitions.
    Lead,
    /// What may be a match.
    Pattern,
}

impl Definitions {
    /// What begins at a node of this kind.
    pub(crate) fn begins(&self, kind: u16) -> Begins {
        let begins = self.begins.get(usize::from(kind)).copied();
        begins.unwrap_or(Begins::Nothing)
    }
}

fn compile(row: &Row) -> Option<Definitions> {
    let grammar = (row.grammar)();
    let text = row.queries.concat();
    let query = Query::new(&grammar, &text).ok()?;
    let mut begins = vec![Begins::Nothing; grammar.node_kind_count()];
    for pattern in 0..query.pattern_count() {
        let pattern = text.get(query.start_byte_for_pattern(pattern)..)?;
        let pattern = pattern.trim_start_matches('(');
        let is_kind = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (kind, rest) = pattern.split_at(pattern.find(|c| !is_kind(c))?);
        let found = match rest.starts_with(") @doc") {
            true => Begins::Lead,
            false => Begins::Pattern,
        };
        // A kind has several numbers where a grammar gives its name to others.
        for (number, it) in (0..).zip(&mut begins) {
            if grammar.node_kind_for_id(number) == Some(kind) && *it != Begins::Pattern {
                *it = found;
            }
        }
    }
    Some(Definitions { query, begins })
}

/// Whether a header needs C++: it has a class, a namespace or a template that opens a line near its beginning.
fn is_cpp(text: &str) -> bool {
    let words = [
        "class ",
        "namespace ",
        "template",
        "using namespace ",
        "public:",
    ];
    // A licence may stand first.
    let mut lines = text.lines().take(400).map(str::trim_start);
    lines.any(|line| words.iter().any(|word| line.starts_with(word)))
}

/// The language of a script by `#!/usr/bin/env -S python3 -u` and the like.
fn interpreted(text: &str) -> Language {
    let line = text.lines().next().unwrap_or_default();
    let line = line.get(2..line.len().min(HEAD)).unwrap_or_default();
    let mut words = line.split_whitespace().map(|word| {
        let program = word.rsplit('/').next().unwrap_or(word);
        program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
    });
    let is_program = |word: &&str| !word.is_empty() && *word != "env" && !word.starts_with('-');
    let Some(program) = words.find(is_program) else {
        return Language::Text;
    };
    LANGUAGES
        .iter()
        .find(|row| row.programs.contains(&program))
        .map_or(Language::Text, |row| row.language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_have_each_language() {
        let docs = include_str!("../../../docs/search.md");
        for language in Language::all() {
            let name = format!("`{}`", language.name());
            assert!(docs.contains(&name), "docs/search.md has no {name}");
        }
    }

    #[test]
    fn paths_have_languages() {
        for (path, language) in [
            ("src/lib.rs", Language::Rust),
            ("LIB.RS", Language::Rust),
            ("cmd/main.go", Language::Go),
            ("a/b.test.tsx", Language::Tsx),
            ("a.mjs", Language::JavaScript),
            ("a.hpp", Language::Cpp),
            ("a.h", Language::C),
            ("x/Rakefile", Language::Ruby),
            (".bashrc", Language::Bash),
            ("a.rs/readme", Language::Text),
            ("rs", Language::Text),
            ("notes.md", Language::Text),
            ("", Language::Text),
        ] {
            assert_eq!(Language::of(path), language, "{path}");
        }
    }

    #[test]
    fn texts_tell_what_paths_do_not() {
        for (path, text, language) in [
            ("a.h", "int f(void);\n", Language::C),
            ("a.h", "/* x */\nnamespace a {\n}\n", Language::Cpp),
            ("a.h", "struct class_list;\n", Language::C),
            ("a.c", "namespace a {\n", Language::C),
            ("bin/run", "#!/bin/sh\n", Language::Bash),
            ("bin/run", "#!/usr/bin/env python3.12\n", Language::Python),
            (
                "bin/run",
                "#! /usr/bin/env -S node --x\n",
                Language::JavaScript,
            ),
            ("bin/run", "#!/usr/bin/awk\n", Language::Text),
            ("bin/run", "#!", Language::Text),
            ("run.txt", "#!/bin/sh\n", Language::Text),
        ] {
            assert_eq!(Language::of_text(path, text), language, "{path} {text:?}");
        }
    }

    #[test]
    fn every_query_fits_its_grammar() {
        for row in LANGUAGES {
            let query = Query::new(&(row.grammar)(), &row.queries.concat());
            assert!(query.is_ok(), "{}: {:?}", row.name, query.err());
            assert!(row.language.definitions().is_some());
        }
        assert!(Language::Text.definitions().is_none());
    }
}
