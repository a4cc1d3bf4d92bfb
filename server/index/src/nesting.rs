//! Nesting: how deep the brackets of a text are, and where none is open; brackets in strings, characters and comments
//! do not count.

use crate::Language;
use crate::lexis::{PLAIN, Reader};

/// Most white space that is looked through for the next line's first byte.
const MOST_INDENT: usize = 200;

/// What the brackets of a text say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nesting {
    /// The most `(`, `[` and `{` that are open at once.
    pub(crate) deepest: usize,
    /// The most `<` without a `>` that one statement has.
    pub(crate) angles: usize,
    /// The end of a beginning that can be parsed alone: the last place in the second half of the limit where nothing is
    /// open, behind a definition or a line that does not go on in the next; or anywhere where the line has no end
    /// there. 0 where there is none. A byte offset between characters.
    pub(crate) closed: usize,
}

/// Reads the brackets in the code of `text`, and looks for a closed beginning of at most `limit` bytes. One pass, no stack.
///
/// A string or comment without an end reaches to the end of the text. `<` is no bracket of these: it is one here and
/// an operator there, and only a parse can tell.
pub(crate) fn of(language: Language, text: &str, limit: usize) -> Nesting {
    let bytes = text.as_bytes();
    let lexis = language.row().map_or(&PLAIN, |row| row.lexis);
    let mut reader = Reader::new(lexis, text);
    let (mut at, mut open, mut most) = (0, 0usize, 0);
    // The latter is none from a line that goes on to the next end of one.
    let (mut line_end, mut anywhere) = (0, Some(0));
    let mut last_code = b'\n';
    let (mut angles, mut most_angles) = (0usize, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' | b'{' => {
                open += 1;
                most = most.max(open);
                at += 1;
            }
            b')' | b']' | b'}' => {
                open = open.saturating_sub(1);
                at += 1;
            }
            _ => at = reader.behind(at),
        }
        match byte {
            b'<' => {
                angles += 1;
                most_angles = most_angles.max(angles);
            }
            b'>' => angles = angles.saturating_sub(1),
            b';' | b'{' | b'}' => angles = 0,
            b'\n' if last_code != b'<' => angles = 0,
            _ => {}
        }
        if open == 0 && at <= limit && text.is_char_boundary(at) {
            match byte {
                b'\n' if goes_on(last_code, bytes, at) => anywhere = None,
                b'\n' | b';' | b'}' => (line_end, anywhere) = (at, Some(at)),
                _ => anywhere = anywhere.map(|_| at),
            }
        }
        if !byte.is_ascii_whitespace() {
            last_code = byte;
        }
    }
    let mut places = [line_end, anywhere.unwrap_or(0)].into_iter();
    Nesting {
        deepest: most,
        angles: most_angles,
        closed: places.find(|&it| it > limit / 2).unwrap_or(0),
    }
}

/// Whether the line before `at`, whose last byte of code is `last`, goes on in the next one: an operator ends the one or
/// begins the other.
fn goes_on(last: u8, bytes: &[u8], at: usize) -> bool {
    let next = bytes.iter().skip(at).take(MOST_INDENT);
    let next = next.copied().find(|byte| !byte.is_ascii_whitespace());
    let begins = |byte: u8| byte.is_ascii_alphanumeric() || b"_#/{}\"'`;".contains(&byte);
    b"+-*%&|^<>=!,.:".contains(&last) || !next.is_none_or(|byte| begins(byte) || !byte.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_nests() {
        for (language, text, depth) in [
            (Language::Rust, "", 0),
            (Language::Rust, "fn a() { b([1]) }", 3),
            (Language::Rust, ")}](", 1),
            (Language::Rust, "a < b << c < d", 0),
            (Language::Rust, r#""([{" "\"(" b"(" ("#, 1),
            (Language::Rust, "r\"(\\\" r#\"(\"(\"# br##\"([\"#\"## (", 1),
            (Language::Rust, "r#type (bar\"(\" for\"(\")", 1),
            (Language::Rust, "'(' '\\'' b'[' '\\u{7b}' '界' <'a, '_>(", 1),
            (Language::Rust, "'a: loop { 'b: loop { break 'a; } }", 2),
            (Language::Rust, "// ((\n/* ( /* ( */ ( */ (", 1),
            (Language::Rust, "\"((((", 0),
            (Language::Go, "x := `(\\` + \"(\" + f('(', '\\'')", 1),
            (Language::Go, "/* ( /* ( */ ( // (\n(", 2),
            (Language::Go, "a <- b; c << d", 0),
            (Language::Go, "'", 0),
            (
                Language::Python,
                "# (\n\"(\" '(' \"\"\"\n(\"\n\"\"\" f('it\\'s (') '(\n(",
                1,
            ),
            (Language::JavaScript, "// (\n`(\n` '(' /\\(/ don't (\n(", 1),
            (Language::Cpp, "R\"x( )\" ( )x\" 1'000 '(' (", 1),
            (Language::CSharp, "@\"c:\\\" \"\"\" ( \" ( \"\"\" '(' (", 1),
            (
                Language::Ruby,
                "puts <<~A, b(1)\n((((\n  A\nc << d\nclass << self\n\"#{(\" \\( (",
                1,
            ),
            (Language::Ruby, "a <<b\n((", 2),
            (Language::Php, "#[A(1)]\n# (\n$a = <<<'B'\n((\n  B;\n(", 2),
            (
                Language::Bash,
                "cat << \"A\"\n((\nA\necho $# ${#a} # ((\n(",
                1,
            ),
            (Language::Text, "\"((", 2),
        ] {
            let found = of(language, text, 0).deepest;
            assert_eq!(found, depth, "{} {text}", language.name());
        }
        let angles = |text: &str| of(Language::Java, text, 0).angles;
        assert_eq!(angles("A<B<C>> a; b < c; d << 1;\ne < f\n"), 2);
        assert_eq!(angles(&"A<\n".repeat(2_000)), 2_000);
        assert_eq!(of(Language::Go, &"(".repeat(100_000), 0).deepest, 100_000);
    }

    #[test]
    fn a_closed_beginning_ends_behind_a_line() {
        for (text, limit, closed) in [
            ("fn a() {}\nfn b() {}\n", 15, "fn a() {}\n"),
            ("fn a() {}\nfn b() {}\n", 30, "fn a() {}\nfn b() {}\n"),
            ("fn a() {}\nfn b() {}\n", 90, ""),
            ("fn a() { b(); }fn c() {}", 20, "fn a() { b(); }"),
            ("fn a() {\n\n\n\n\n", 20, ""),
            ("mod a {\n", 10, "mod a "),
            ("a b c d 界", 9, "a b c d "),
            ("a = b +\nc +\nd +\n", 12, ""),
            ("a = b\n + c\n + d\n + e", 12, ""),
            ("a = b;\nc = d +\ne +\n", 12, "a = b;\n"),
            ("a = b c \"\n\n\n\n\n\" b", 14, "a = b c "),
        ] {
            let found = of(Language::Rust, text, limit).closed;
            assert_eq!(&text[..found], closed, "{text:?}");
        }
    }
}
