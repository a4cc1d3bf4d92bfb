//! The literal value of a word, with its quoting taken off.
//!
//! Invariant: a word that the shell could turn into other or more words has no literal value.

/// Whether a word made of several parts may become several words, or a path through a glob; quotes are not looked at, so that
/// at worst it is asked about.
pub(super) fn expands(source: &str) -> bool {
    let braces = source.contains('{') && (source.contains(',') || source.contains(".."));
    let bare = source
        .split(['"', '\''])
        .step_by(2)
        .any(|part| part.contains(['*', '?', '[']));
    braces || (bare && source.find(['*', '?', '[']) < source.rfind('/'))
}

/// The value of an unquoted word; globs only in the last part of a path, and never where they could become an option.
pub(super) fn bare(source: &str) -> Option<String> {
    let last = source.rfind('/').map_or(0, |at| at + 1);
    let mut value = String::new();
    let mut chars = source.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, '\n')) => {}
                Some((_, escaped)) => value.push(escaped),
                None => return None,
            },
            '*' | '?' | '[' if at == 0 || at < last => return None,
            '$' | '`' | '(' | ')' | '<' | '>' | '|' | '&' | ';' | '"' | '\'' => return None,
            // A lone brace pair is itself (`{}` of find); with a comma or dots it makes several words.
            '{' if source.contains(',') || source.contains("..") => return None,
            c => value.push(c),
        }
    }
    Some(value)
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
    let odd = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
            || matches!(c, '\u{e0000}'..='\u{e007f}')
    };
    text.chars()
        .find(|c| odd(*c))
        .map(|c| format!("holds the invisible character U+{:04X}", c as u32))
}
