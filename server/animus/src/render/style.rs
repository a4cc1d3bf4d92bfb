//! Style: the few looks of the terminal, by meaning. Escape codes are always written; the stream strips them where nobody sees them.

use anstyle::{AnsiColor, Style};
use std::fmt;

/// A heading.
pub const HEAD: Style = AnsiColor::Cyan.on_default().bold();
/// Something good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something bad.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Something to look at.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Something beside the point.
pub const DIM: Style = Style::new().dimmed();
/// Something to read first.
pub const STRONG: Style = Style::new().bold();
/// Nothing special.
pub const PLAIN: Style = Style::new();

/// A text in a style.
pub struct Painted<T>(pub Style, pub T);

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 == PLAIN {
            true => self.1.fmt(f),
            false => write!(f, "{}{}{}", self.0.render(), self.1, self.0.render_reset()),
        }
    }
}

/// Text of strangers without what could drive the terminal: control characters and direction marks become visible.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' => out.push(char),
            '\t' => out.push_str("    "),
            '\r' => {}
            '\u{0}'..='\u{1f}' => {
                out.push(char::from_u32(0x2400 + char as u32).unwrap_or('\u{fffd}'))
            }
            '\u{7f}' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => {
                out.push_str(&char.escape_unicode().to_string());
            }
            _ => out.push(char),
        }
    }
    out
}

/// The first line of a text, cleaned.
pub fn line(text: &str) -> String {
    clean(text.trim().lines().next().unwrap_or_default())
}

/// The first line of a text, cleaned, of at most so many characters.
pub fn clip(text: &str, most: usize) -> String {
    let line = line(text);
    match line.char_indices().nth(most) {
        None => line,
        Some(_) => line
            .chars()
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{7}\r\n\u{202e}c\td\u{200b}\u{e0041}"),
            "a␛[31mb␇\n\\u{202e}c    d\\u{200b}\\u{e0041}"
        );
    }
}
