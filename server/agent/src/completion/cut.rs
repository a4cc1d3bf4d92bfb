//! Shape: how much of what a model says belongs at a cursor: where it ends, and what of it stands there already.
//!
//! Invariant: what fits begins what was said (but for what stands before the cursor already), never ends in white space, and is none
//! where it would be white space alone, or have what no person would type: a mask, or signs that nobody sees.

/// The place that is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// The text of the cursor's line before it.
    line: String,
    /// What stands behind the cursor.
    after: String,
    /// Whether only the rest of the line is wanted.
    pub(super) one_line: bool,
    most: usize,
}

impl Shape {
    pub(super) fn of(before: &str, after: &str, max_lines: u32) -> Shape {
        let line = before.rsplit('\n').next().unwrap_or_default();
        let rest = after.lines().next().unwrap_or_default();
        Shape {
            line: line.to_owned(),
            // As what is said: without it nothing of a file with such line ends overlaps.
            after: after.replace("\r\n", "\n"),
            // Closing brackets stand behind the cursor wherever an editor closes them by itself; words do not.
            one_line: max_lines <= 1 || !rest.trim().is_empty(),
            most: usize::try_from(max_lines).unwrap_or(usize::MAX).max(1),
        }
    }

    /// Whether nothing that follows `text` would be used.
    pub(super) fn is_enough(&self, text: &str) -> bool {
        self.end(&text.replace("\r\n", "\n")).is_some()
    }

    /// What of `text` belongs here; none where nothing does.
    pub(super) fn fit(&self, text: &str) -> Option<String> {
        let text = text.replace("\r\n", "\n");
        let text = &text[..self.end(&text).unwrap_or(text.len())];
        let text = self.unsaid(text);
        let text = self.without_overlap(text);
        let text = text.trim_end();
        // A newline first is a part of the answer; blanks behind a blank are not.
        let text = match self.line.ends_with([' ', '\t']) {
            true => text.trim_start_matches([' ', '\t']),
            false => text,
        };
        let is_fit = !text.trim().is_empty() && !text.contains(llm::MASK) && is_visible(text);
        is_fit.then(|| text.to_owned())
    }

    /// Where it ends, as soon as that is known: at the end of the line or of so many lines, before a line that is indented less than
    /// the cursor's, before an empty line.
    fn end(&self, text: &str) -> Option<usize> {
        if self.one_line {
            return text.find('\n');
        }
        let indent = width(&self.line);
        let mut has_words = false;
        let mut start = 0;
        for (number, line) in text.split('\n').enumerate() {
            let is_whole = start + line.len() < text.len();
            let is_blank = line.trim().is_empty();
            let stops = number >= self.most
                || (number > 0 && is_blank && is_whole && has_words)
                || (number > 0 && !is_blank && width(line) < indent);
            if stops {
                return Some(start.saturating_sub(1));
            }
            has_words |= !is_blank;
            start += line.len() + 1;
        }
        None
    }

    /// Without the beginning of the line, where the model said it again.
    fn unsaid<'t>(&self, text: &'t str) -> &'t str {
        let said = self.line.trim_start();
        if said.trim_end().chars().count() < 3 {
            return text;
        }
        let rest = text.strip_prefix(self.line.as_str());
        rest.or_else(|| text.trim_start_matches([' ', '\t']).strip_prefix(said))
            .unwrap_or(text)
    }

    /// Without the end that stands behind the cursor already. Closing brackets go only where the text closes more than it opens: else
    /// they are its own.
    fn without_overlap<'t>(&self, text: &'t str) -> &'t str {
        let longest = (1..=text.len().min(self.after.len()))
            .rev()
            .filter(|count| text.is_char_boundary(text.len() - count))
            .filter(|count| self.after.is_char_boundary(*count))
            .find(|count| text.ends_with(&self.after[..*count]));
        let Some(count) = longest else {
            return text;
        };
        let (kept, twice) = text.split_at(text.len() - count);
        let closes = twice.contains([')', ']', '}']);
        match closes && depth(text) >= 0 {
            true => text,
            false => kept,
        }
    }
}

/// Whether a person sees all of it as it is: no control characters but for line ends and tabs, no overrides of direction, no tags.
fn is_visible(text: &str) -> bool {
    let is_hidden = |char: char| {
        (char.is_control() && !matches!(char, '\n' | '\t'))
            || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || matches!(
                char,
                '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
            )
    };
    !text.chars().any(is_hidden)
}

/// Columns of white space that a line begins with; a tab counts as one, since files keep to one of both.
fn width(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// Brackets opened less those closed.
fn depth(text: &str) -> i64 {
    text.chars()
        .map(|char| match char {
            '(' | '[' | '{' => 1,
            ')' | ']' | '}' => -1,
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_ends_where_the_block_ends_and_repeats_nothing() {
        for (before, after, lines, said, fit) in [
            // As it is.
            ("x = ", "\n", 8, "a + b", Some("a + b")),
            ("def f():\n", "", 8, "    return 1", Some("    return 1")),
            // Nothing, or nothing but white space.
            ("x = ", "\n", 8, "", None),
            ("x = ", "\n", 8, " \n\n  ", None),
            // Only the rest of the line, where more of it follows or no more is wanted.
            ("f(", "); g()\n", 8, "a, b\nc", Some("a, b")),
            ("x = ", "\n", 1, "a\nb", Some("a")),
            ("x", "\n", 1, "\ny", None),
            // So many lines at most.
            ("", "z", 3, "a\nb\nc", Some("a")),
            ("a\n", "", 2, "b\nc\nd\ne", Some("b\nc")),
            // Before an empty line, but not before the first words.
            (
                "fn f() {",
                "\n",
                8,
                "\n    a();\n\n    b();",
                Some("\n    a();"),
            ),
            ("x\n", "", 8, "\n\ny = 1", Some("\n\ny = 1")),
            // Before a line that is indented less.
            (
                "    a = ",
                "\n",
                8,
                "1\n    b = 2\nc = 3",
                Some("1\n    b = 2"),
            ),
            ("\ta = ", "\n", 8, "1\r\n}\r\n", Some("1")),
            // What stands behind the cursor already.
            ("f(", ")", 8, "a, b)", Some("a, b")),
            ("f(", ")", 8, "g(a)", Some("g(a)")),
            ("x = ", ";\n", 8, "a + b;", Some("a + b")),
            ("if a {\n    ", "\n}\n", 8, "b();\n}", Some("b();")),
            // What stands before it already.
            ("    return ", "\n", 8, "    return a + b", Some("a + b")),
            ("    return ", "\n", 8, "return a + b", Some("a + b")),
            ("let x = ", "\n", 8, " 1", Some("1")),
            ("é = \"", "\"é\n", 8, "żółw\"é", Some("żółw")),
            // The same with other line ends.
            (
                "if a {",
                "\r\n    c();\r\n}\r\n",
                8,
                "\n    b();\n    c();\n}",
                Some("\n    b();"),
            ),
            // What nobody would type.
            ("x = ", "\n", 8, "\"[MASKED_SECRET]\"", None),
            ("x = ", "\n", 8, "a\u{1b}[31m", None),
            ("x = ", "\n", 8, "a\0", None),
            ("x = ", "\n", 8, "a\rb", None),
            ("x = ", "\n", 8, "a\u{202e}b", None),
            ("x = ", "\n", 8, "\"\u{200d}\ta\"", Some("\"\u{200d}\ta\"")),
        ] {
            let shape = Shape::of(before, after, lines);
            let told = format!("{before:?} | {after:?}: {said:?}");
            assert_eq!(shape.fit(said).as_deref(), fit, "{told}");
        }
    }

    #[test]
    fn enough_is_known_as_soon_as_nothing_more_counts() {
        let shape = Shape::of("    a = ", "\n", 4);
        let whole = "1\n    b = 2\n    c\nd = 3\n";
        let first = (0..whole.len()).find(|at| shape.is_enough(&whole[..*at]));
        // With the first letter of the line that is indented less.
        assert_eq!(first, whole.find("d =").map(|at| at + 1));
        // Whatever follows, the same fits.
        for at in first.unwrap()..=whole.len() {
            assert_eq!(
                shape.fit(&whole[..at]).as_deref(),
                Some("1\n    b = 2\n    c")
            );
        }
        assert!(Shape::of("f(", ")", 4).is_enough("a\n"));
        assert!(!Shape::of("f(", ")", 4).is_enough("a"));
        assert!(Shape::of("", "", 2).is_enough("a\nb\n"));
    }
}
