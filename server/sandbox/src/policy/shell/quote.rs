//! The literal value of a word, with its quoting taken off.
//!
//! Invariant: a word that the shell could turn into other or more words has no literal value.

use super::word::Piece;
use crate::unseen::is_unseen;

/// Whether braces may make a word several words; quotes are not looked at, so that at worst it is asked about.
pub(super) fn braces(source: &str) -> bool {
    source.contains('{') && (source.contains(',') || source.contains(".."))
}

/// The words that simple lists in braces make of one: `*.{ts,tsx}`.
pub(super) fn several(source: &str) -> Option<Vec<String>> {
    let simple = source
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_./*=,{}-+".contains(c));
    if !simple || !braces(source) || source.contains("..") {
        return None;
    }
    let mut words = vec![String::new()];
    let mut rest = source;
    while let Some((before, inner)) = rest.split_once('{') {
        let (list, after) = inner.split_once('}')?;
        if before.contains('}') || list.contains('{') || !list.contains(',') || words.len() > 32 {
            return None;
        }
        words = words
            .iter()
            .flat_map(|word| {
                list.split(',')
                    .map(move |item| format!("{word}{before}{item}"))
            })
            .collect();
        rest = after;
    }
    let words: Vec<String> = words.into_iter().map(|word| word + rest).collect();
    (!rest.contains('}') && words.iter().all(|word| !word.is_empty())).then_some(words)
}

/// The parts of an unquoted word.
pub(super) fn bare(source: &str) -> Option<Vec<Piece>> {
    // A comment for bash, or part of one.
    if source.starts_with('#') {
        return None;
    }
    let mut pieces = Vec::new();
    let mut value = String::new();
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') => {}
                Some(escaped) => value.push(escaped),
                None => return None,
            },
            '*' | '?' | '[' => {
                pieces.push(Piece::Text(std::mem::take(&mut value)));
                pieces.push(Piece::Glob(c));
            }
            '$' | '`' | '(' | ')' | '<' | '>' | '|' | '&' | ';' | '"' | '\'' => return None,
            ' ' | '\t' | '\n' => return None,
            c => value.push(c),
        }
    }
    pieces.push(Piece::Text(value));
    // A lone brace pair is itself (`{}` of find); with a comma or dots it makes several words.
    (!braces(source)).then_some(pieces)
}

/// The value of the inside of double quotes.
pub(super) fn quoted(inner: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '$' => match chars.clone().next() {
                // A dollar that starts nothing is a dollar.
                None | Some(' ' | '|' | ')' | '/' | '\\') => value.push('$'),
                Some(_) => return None,
            },
            '\\' => match chars.next()? {
                '\n' => {}
                c @ ('"' | '\\' | '$' | '`') => value.push(c),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    Some(value)
}

/// Why a text is not what it seems, when it holds characters that a person cannot see.
pub(in crate::policy) fn hidden(text: &str) -> Option<String> {
    text.chars()
        .find(|c| is_unseen(*c) && !matches!(c, '\n' | '\t'))
        .map(|c| format!("holds the invisible character U+{:04X}", c as u32))
}
