//! Wrap: breaks a stream of text into lines of a given width as it comes, at spaces; fenced code keeps its lines.

use unicode_width::UnicodeWidthStr;

/// A text that is still coming.
#[derive(Debug)]
pub struct Wrap {
    width: usize,
    indent: &'static str,
    /// Columns used in the current line, indent not counted.
    used: usize,
    /// The word that is not finished.
    word: String,
    /// Spaces before that word.
    gap: usize,
    line: Line,
    fenced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Nothing of it is written, not even the indent.
    Fresh,
    /// Something is written.
    Begun,
}

impl Wrap {
    /// A text of at most `width` columns after the indent.
    pub fn new(width: usize, indent: &'static str) -> Wrap {
        let width = width.max(20);
        Wrap {
            width,
            indent,
            used: 0,
            word: String::new(),
            gap: 0,
            line: Line::Fresh,
            fenced: false,
        }
    }

    /// Takes a piece; what can be shown of it is added to `out`.
    pub fn push(&mut self, piece: &str, out: &mut String) {
        for char in piece.chars() {
            match char {
                '\n' => self.newline(out),
                ' ' if !self.fenced || self.word.is_empty() => {
                    self.flush_word(out);
                    self.gap += 1;
                }
                _ => self.word.push(char),
            }
        }
    }

    /// Shows what is left; true if the cursor stands after text.
    pub fn finish(&mut self, out: &mut String) -> bool {
        self.flush_word(out);
        let begun = self.line == Line::Begun;
        (self.used, self.gap, self.line, self.fenced) = (0, 0, Line::Fresh, false);
        begun
    }

    fn newline(&mut self, out: &mut String) {
        self.flush_word(out);
        out.push('\n');
        (self.used, self.gap, self.line) = (0, 0, Line::Fresh);
    }

    fn flush_word(&mut self, out: &mut String) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let columns = word.width();
        if self.used == 0 && word.starts_with("```") {
            self.fenced = !self.fenced;
        }
        if !self.fenced && self.used > 0 && self.used + self.gap + columns > self.width {
            out.push('\n');
            (self.used, self.gap, self.line) = (0, 0, Line::Fresh);
        }
        if self.line == Line::Fresh {
            out.push_str(self.indent);
            self.line = Line::Begun;
        }
        out.extend(std::iter::repeat_n(' ', self.gap));
        out.push_str(&word);
        self.used += self.gap + columns;
        self.gap = 0;
    }
}

/// A whole text, wrapped; no newline at the end.
pub fn paragraph(text: &str, width: usize, indent: &'static str) -> String {
    let mut out = String::new();
    let mut wrap = Wrap::new(width, indent);
    wrap.push(text, &mut out);
    wrap.finish(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::{Wrap, paragraph};

    #[test]
    fn pieces_and_whole_give_the_same() {
        let text = "The quick brown fox jumps over the lazy dog, twice.\n\n- a list\n```\n  let keep = \"this line as long as it is\";\n```\nend";
        let whole = paragraph(text, 24, "| ");
        let mut out = String::new();
        let mut wrap = Wrap::new(24, "| ");
        for char in text.chars() {
            wrap.push(&char.to_string(), &mut out);
        }
        wrap.finish(&mut out);
        assert_eq!(out, whole);
        expect_test::expect![[r#"
            | The quick brown fox
            | jumps over the lazy dog,
            | twice.

            | - a list
            | ```
            |   let keep = "this line as long as it is";
            | ```
            | end"#]]
        .assert_eq(&whole);
    }
}
