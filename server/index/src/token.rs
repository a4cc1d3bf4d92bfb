//! Token: the terms of code and prose: `parseHTTPHeaders` and `parse_http_headers` give the same ones; scripts that
//! write no spaces give pairs of neighbouring characters.

use std::cell::RefCell;

use hashbrown::HashMap;
use rust_stemmers::{Algorithm, Stemmer};

/// Longest run of word characters that is looked at, in bytes: beyond are blobs, not words.
const MOST_RUN: usize = 256;
/// Longest term, in bytes.
const MOST_TERM: usize = 64;

/// Words too frequent to tell anything.
const STOP: &[&str] = &[
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because",
    "been", "before", "but", "by", "can", "could", "do", "does", "for", "from", "had", "has",
    "have", "how", "if", "in", "instead", "into", "is", "it", "its", "just", "may", "more", "no",
    "not", "now", "of", "on", "only", "or", "other", "our", "should", "so", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "up",
    "via", "was", "we", "were", "when", "where", "which", "while", "will", "with", "would", "you",
];

/// Stems that a thread remembers: the files of a repository share most of their words.
const MOST_STEMS: usize = 1 << 14;

thread_local! {
    static STEMS: RefCell<HashMap<Box<str>, Option<Box<str>>>> = RefCell::default();
}

/// Cuts words into terms.
pub(crate) struct Cutter {
    stemmer: Stemmer,
}

impl Default for Cutter {
    fn default() -> Cutter {
        Cutter {
            stemmer: Stemmer::create(Algorithm::English),
        }
    }
}

impl Cutter {
    /// Hands each term of `word` to `take`: its parts, stemmed, and where there is more than one the whole compound.
    ///
    /// A run of a script without spaces gives each pair of its neighbours, or its only character.
    pub(crate) fn terms(&self, word: &str, mut take: impl FnMut(String)) {
        if word.chars().next().is_some_and(is_unspaced) {
            let next = word.chars().skip(1);
            let pairs = word.chars().zip(next);
            return match word.chars().nth(1) {
                Some(_) => pairs.for_each(|(one, two)| take(String::from_iter([one, two]))),
                None => take(word.to_owned()),
            };
        }
        let mut count = 0;
        let mut whole = String::new();
        for part in parts(word) {
            let part = part.to_lowercase();
            count += 1;
            whole.push_str(&part);
            if let Some(term) = self.term(part) {
                take(term);
            }
        }
        if count > 1
            && let Some(term) = self.term(whole)
        {
            take(term);
        }
    }

    /// The term for one word in lower case; `None` for single letters, stop words and overlong ones.
    fn term(&self, word: String) -> Option<String> {
        if word.len() > MOST_TERM || word.chars().nth(1).is_none() {
            return None;
        }
        if word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase()) {
            return self.stem(&word);
        }
        STOP.binary_search(&word.as_str()).is_err().then_some(word)
    }

    /// The stem of a word of small letters; `None` for a stop word.
    fn stem(&self, word: &str) -> Option<String> {
        STEMS.with_borrow_mut(|stems| {
            if let Some(stem) = stems.get(word) {
                return stem.as_deref().map(str::to_owned);
            }
            if stems.len() >= MOST_STEMS {
                stems.clear();
            }
            let is_stop = STOP.binary_search(&word).is_ok();
            let stem = (!is_stop).then(|| self.stemmer.stem(word).into_owned());
            stems.insert(word.into(), stem.as_deref().map(Box::from));
            stem
        })
    }
}

/// The runs of letters, digits and underscores in `text`, but for overlong ones; scripts without spaces apart from others.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    // What is left of a word in more than one script.
    let mut rest = "";
    std::iter::from_fn(move || {
        loop {
            let run = match next_run(&mut rest) {
                Some(run) => run,
                None => {
                    let (word, is_ascii) = next_word(text, &mut at)?;
                    if !is_ascii {
                        rest = word;
                        continue;
                    }
                    word
                }
            };
            if run.len() <= MOST_RUN {
                return Some(run);
            }
        }
    })
}

/// The next word behind `at`, which goes to its end, and whether it is ASCII. Byte by byte: nearly all of code is ASCII.
fn next_word<'t>(text: &'t str, at: &mut usize) -> Option<(&'t str, bool)> {
    let bytes = text.as_bytes();
    let mut start = None;
    let mut is_ascii = true;
    while let Some(&byte) = bytes.get(*at) {
        let (is_part, width) = match byte.is_ascii() {
            true => (byte.is_ascii_alphanumeric() || byte == b'_', 1),
            false => {
                let c = text.get(*at..)?.chars().next()?;
                (c.is_alphanumeric(), c.len_utf8())
            }
        };
        match (is_part, start) {
            (true, None) => start = Some(*at),
            (false, Some(_)) => break,
            _ => {}
        }
        is_ascii &= !is_part || byte.is_ascii();
        *at += width;
    }
    Some((text.get(start?..*at)?, is_ascii))
}

/// The words of a query that only code writes, each once: `snake_case`, `camelCase`, `quoted` or `called()`.
pub(crate) fn words_of_code(query: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for word in words(query) {
        let inner = word.trim_matches('_');
        let is_code = inner.contains('_')
            || has_hump(inner)
            || query.contains(&format!("`{word}`"))
            || query.contains(&format!("{word}("));
        if is_code && !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

/// Whether a name has several parts, as only code writes them.
pub(crate) fn is_compound(name: &str) -> bool {
    let inner = name.trim_matches('_');
    inner.contains('_') || has_hump(inner)
}

/// Whether a capital follows a small letter.
pub(crate) fn has_hump(word: &str) -> bool {
    let next = word.chars().skip(1);
    word.chars()
        .zip(next)
        .any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

/// Cuts the next run off a word: between scripts without spaces and others, and the former to at most [`MOST_RUN`] bytes
/// with one character in common, so that no pair is lost.
fn next_run<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let unspaced = is_unspaced(rest.chars().next()?);
    let mut last = 0;
    let mut end = rest.len();
    for (at, c) in rest.char_indices() {
        if is_unspaced(c) != unspaced {
            end = at;
            break;
        }
        if unspaced && at + c.len_utf8() > MOST_RUN {
            let run = rest.get(..at);
            *rest = rest.get(last..).unwrap_or_default();
            return run;
        }
        last = at;
    }
    let (run, after) = rest.split_at(end);
    *rest = after;
    Some(run)
}

/// Whether `c` belongs to a script that writes words without spaces, or with more than one word between spaces:
/// Han, kana, Hangul.
fn is_unspaced(c: char) -> bool {
    matches!(
        c,
        '\u{3005}'..='\u{3007}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff66}'..='\u{ff9f}'
            | '\u{20000}'..='\u{323af}'
    )
}

/// The parts of an identifier: cut at underscores, at `aB`, before the last capital of `ABc`, between letters and digits.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('_');
        let cut = first_cut(rest)?;
        let (part, after) = rest.split_at(cut);
        rest = after;
        Some(part)
    })
}

/// Where the first part of `word` ends; `None` where nothing is left.
fn first_cut(word: &str) -> Option<usize> {
    let mut chars = word.char_indices().peekable();
    let (_, mut last) = chars.next()?;
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, next)| next);
        let cut = c == '_'
            || last.is_lowercase() && c.is_uppercase()
            || last.is_uppercase() && c.is_uppercase() && next.is_some_and(char::is_lowercase)
            || last.is_numeric() != c.is_numeric();
        if cut {
            return Some(at);
        }
        last = c;
    }
    Some(word.len())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let cutter = Cutter::default();
        let mut terms = Vec::new();
        for word in words(text) {
            cutter.terms(word, |term| terms.push(term));
        }
        terms
    }

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&terms(text).join(" "));
    }

    #[test]
    fn identifiers_are_cut_and_stemmed() {
        check(
            "parseHTTPHeaders",
            expect!["pars http header parsehttphead"],
        );
        check(
            "parse_http_headers",
            expect!["pars http header parsehttphead"],
        );
        check(
            "PARSE_HTTP_HEADERS",
            expect!["pars http header parsehttphead"],
        );
        check("__init__", expect!["init"]);
        check(
            "sha256Sum x utf8",
            expect!["sha 256 sum sha256sum utf utf8"],
        );
        check("Parsing the parsed parser", expect!["pars pars parser"]);
        check("Größe größe_neu", expect!["größe größe neu größeneu"]);
        check("don't re-index it", expect!["don re index"]);
        check("___ _ a", expect![""]);
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        check("检索结果", expect!["检索 索结 结果"]);
        check("读取config文件2次", expect!["读取 config 文件 次"]);
        check("ファイルを 読む。", expect!["ファ ァイ イル ルを 読む"]);
        check("파일 猫", expect!["파일 猫"]);
        let long: String = ('一'..).take(1_000).collect();
        assert_eq!(terms(&long).len(), 999);
        assert!(terms(&long).iter().all(|term| term.chars().count() == 2));
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP.is_sorted());
    }

    #[test]
    fn blobs_give_no_terms() {
        assert!(terms(&"x".repeat(MOST_RUN + 1)).is_empty());
        assert!(terms(&"x".repeat(MOST_TERM + 1)).is_empty());
        assert_eq!(terms(&"x".repeat(MOST_TERM)).len(), 1);
    }

    proptest! {
        #[test]
        fn i2_any_text_can_be_cut(text in any::<String>()) {
            for term in terms(&text) {
                prop_assert!(!term.is_empty());
            }
        }

        #[test]
        fn parts_are_the_word_without_underscores(word in "[a-zA-Z0-9_äÖ]{0,20}") {
            prop_assert_eq!(parts(&word).collect::<String>(), word.replace('_', ""));
        }
    }
}
