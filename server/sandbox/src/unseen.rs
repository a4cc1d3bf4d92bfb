//! Unseen characters: those that a person who reads a line does not see, or that move what is seen.
//!
//! Invariant: policy asks about a line that holds one, and who shows the line shows it as an escape: both by this list.

/// Whether a character is a control (line breaks and tabs too), a blank outside ASCII, or drawn as nothing.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && !c.is_ascii())
        // Formats, directions and joiners.
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}')
        // Letters, marks and selectors that are drawn as nothing.
        || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}')
        || matches!(c, '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}
