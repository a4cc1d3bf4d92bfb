//! Lexis: where a language has text that is no code: comments, strings and characters, as rules that know no nesting.

/// The rules of one language; the first that fits a place wins.
pub(crate) struct Lexis {
    pub(crate) rules: &'static [Rule],
    /// Whether brackets alone hold blocks together. Where words do, as `end`, a beginning cannot be parsed alone.
    pub(crate) is_bracketed: bool,
    pub(crate) memory: Memory,
}

/// What the lexer of a grammar keeps between tokens, of which it saves 1,024 bytes at every token: the grammars of Python
/// and Ruby write one byte more at worst, and the parser then ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Nothing, or what the grammar itself bounds.
    Bounded,
    /// Two bytes per open indentation and one per open string.
    Indents,
    /// The words of open texts behind `<<`, and five bytes per open string.
    Words,
}

/// Most different indentations of a text; more cannot be open at once.
const MOST_INDENTS: usize = 300;
/// Longest word of a text behind `<<`, most of them that one line opens, most strings that are open within others.
const MOST_WORD: usize = 100;
const MOST_WORDS: usize = 4;
const MOST_STRINGS: usize = 60;

/// What begins at a place, and how far it reaches. All but strings of several lines end with their line at the latest,
/// so that a quote with another sense costs one line.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// A comment up to the end of the line.
    Line(&'static str),
    /// The same, but not before the second text.
    LineUnless(&'static str, &'static str),
    /// The same, but only where a word may begin.
    LineWord(&'static str),
    /// From the first text to the second one; nothing escapes.
    Raw(&'static str, &'static str),
    /// A comment from the first text to the second one that may hold others.
    Nested(&'static str, &'static str),
    /// Between two of these in one line; `\` takes the next byte along.
    Text(&'static str),
    /// Between two of these; `\` takes the next byte along.
    Lines(&'static str),
    /// A literal of one character between two `'`; otherwise only the quote.
    Character,
    /// Rust's `'a'`, which is not the lifetime `'a`.
    RustCharacter,
    /// Rust's `r#"…"#`.
    RustRaw,
    /// C++'s `R"x(…)x"`.
    CppRaw,
    /// Lines behind this one up to one that begins with the word behind this mark and any of these signs.
    Heredoc(&'static str, &'static str),
    /// A byte that takes the next one along, as in a pattern or a shell word.
    Escape(&'static str),
}

use Rule::{
    Character, CppRaw, Escape, Heredoc, Line, LineUnless, LineWord, Lines, Nested, Raw,
    RustCharacter, RustRaw, Text,
};

const fn bracketed(rules: &'static [Rule]) -> Lexis {
    Lexis {
        rules,
        is_bracketed: true,
        memory: Memory::Bounded,
    }
}

const fn worded(rules: &'static [Rule]) -> Lexis {
    Lexis {
        rules,
        is_bracketed: false,
        memory: Memory::Bounded,
    }
}

/// Text without a grammar: brackets count wherever they are.
pub(crate) static PLAIN: Lexis = worded(&[]);
pub(crate) static RUST: Lexis = bracketed(&[
    Line("//"),
    Nested("/*", "*/"),
    Lines("\""),
    RustCharacter,
    RustRaw,
]);
pub(crate) static GO: Lexis = bracketed(&[
    Line("//"),
    Raw("/*", "*/"),
    Text("\""),
    Raw("`", "`"),
    Character,
]);
pub(crate) static PYTHON: Lexis = Lexis {
    rules: &[
        Line("#"),
        Lines("\"\"\""),
        Lines("'''"),
        Text("\""),
        Text("'"),
    ],
    is_bracketed: true,
    memory: Memory::Indents,
};
pub(crate) static ECMA: Lexis = bracketed(&[
    Line("//"),
    Raw("/*", "*/"),
    Text("\""),
    Text("'"),
    Lines("`"),
    Escape("\\"),
]);
pub(crate) static JAVA: Lexis = bracketed(&[
    Line("//"),
    Raw("/*", "*/"),
    Lines("\"\"\""),
    Text("\""),
    Character,
]);
pub(crate) static C: Lexis = bracketed(&[Line("//"), Raw("/*", "*/"), Text("\""), Character]);
pub(crate) static CPP: Lexis =
    bracketed(&[Line("//"), Raw("/*", "*/"), CppRaw, Text("\""), Character]);
pub(crate) static C_SHARP: Lexis = bracketed(&[
    Line("//"),
    Raw("/*", "*/"),
    Raw("\"\"\"", "\"\"\""),
    Raw("@\"", "\""),
    Text("\""),
    Character,
]);
pub(crate) static RUBY: Lexis = Lexis {
    rules: &[
        LineWord("#"),
        Text("\""),
        Text("'"),
        Heredoc("<<", "-~\"'`"),
        Escape("\\"),
    ],
    is_bracketed: false,
    memory: Memory::Words,
};
pub(crate) static PHP: Lexis = bracketed(&[
    Line("//"),
    LineUnless("#", "["),
    Raw("/*", "*/"),
    Text("\""),
    Text("'"),
    Heredoc("<<<", "\"' "),
]);
pub(crate) static BASH: Lexis = worded(&[
    LineWord("#"),
    Text("\""),
    Text("'"),
    Heredoc("<<", "-\\\"' "),
    Escape("\\"),
]);
#[cfg(feature = "more-languages")]
pub(crate) static JVM: Lexis = bracketed(&[
    Line("//"),
    Nested("/*", "*/"),
    Raw("\"\"\"", "\"\"\""),
    Text("\""),
    Character,
]);
#[cfg(feature = "more-languages")]
pub(crate) static SWIFT: Lexis =
    bracketed(&[Line("//"), Nested("/*", "*/"), Lines("\"\"\""), Text("\"")]);
#[cfg(feature = "more-languages")]
pub(crate) static LUA: Lexis = worded(&[
    Raw("--[[", "]]"),
    Raw("--[=[", "]=]"),
    Line("--"),
    Raw("[[", "]]"),
    Raw("[=[", "]=]"),
    Text("\""),
    Text("'"),
]);
#[cfg(feature = "more-languages")]
pub(crate) static ZIG: Lexis = bracketed(&[Line("//"), Line("\\\\"), Text("\""), Character]);

impl Lexis {
    /// Whether `text` may fill more than the lexer can save.
    pub(crate) fn overfills(&self, text: &str) -> bool {
        match self.memory {
            Memory::Bounded => false,
            Memory::Indents => indents(text) > MOST_INDENTS,
            Memory::Words => overfills_words(text),
        }
    }
}

/// How many different indentations the lines of a text have, as the lexer counts them: a tab is 8 wide, a carriage return
/// or form feed begins anew, and `\` goes on in the next line.
fn indents(text: &str) -> usize {
    let mut widths = hashbrown::HashSet::new();
    let mut width = 0u16;
    for line in text.split('\n') {
        for byte in line.bytes() {
            width = match byte {
                b' ' => width.wrapping_add(1),
                b'\t' => width.wrapping_add(8),
                b'\r' | b'\x0c' => 0,
                b'\\' => continue,
                _ => break,
            };
        }
        if line.trim_ascii_end().ends_with('\\') && line.trim_ascii_start().starts_with('\\') {
            continue;
        }
        widths.insert(width);
        width = 0;
    }
    widths.len()
}

fn overfills_words(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut line, mut words) = (0, 0);
    for at in memchr::memmem::find_iter(bytes, b"<<") {
        let rest = bytes.get(at + 2..).unwrap_or_default();
        let signs = rest.iter().take_while(|byte| b"-~".contains(byte)).count();
        let rest = rest.get(signs..).unwrap_or_default();
        let length = match rest.first() {
            Some(&quote) if b"\"'`".contains(&quote) => {
                let inside = &rest[1..];
                memchr::memchr2(quote, b'\n', inside).unwrap_or(inside.len())
            }
            _ => rest.iter().take_while(|&&byte| is_word(byte)).count(),
        };
        if length == 0 {
            continue;
        }
        if memchr::memchr(b'\n', &bytes[line..at]).is_some() {
            words = 0;
        }
        (line, words) = (at, words + 1);
        if words > MOST_WORDS || length > MOST_WORD {
            return true;
        }
    }
    let (mut open, mut most) = (0usize, 0);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'#' if bytes.get(at + 1) == Some(&b'{') => open += 1,
            b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most > MOST_STRINGS
}

impl Rule {
    /// The text that it begins with.
    pub(crate) fn opens(&self) -> &'static str {
        match self {
            Line(open) | LineUnless(open, _) | LineWord(open) => open,
            Raw(open, _) | Nested(open, _) => open,
            Text(open) | Lines(open) | Heredoc(open, _) | Escape(open) => open,
            Character | RustCharacter => "'",
            RustRaw => "r",
            CppRaw => "R\"",
        }
    }
}

/// Longest character literal that is looked for, in bytes: `'\u{10ffff}'`.
const MOST_LITERAL: usize = 12;

/// Reads the places of one text that are no code.
pub(crate) struct Reader<'t> {
    bytes: &'t [u8],
    rules: &'static [Rule],
    /// Bytes that a rule may begin with.
    begins: [bool; 256],
    /// The word that ends lines of text which begin with the next line.
    awaited: Option<&'t [u8]>,
    /// A word that never came: no such lines are looked for again, which would take the square of the text's length.
    is_lost: bool,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(lexis: &Lexis, text: &'t str) -> Reader<'t> {
        let mut begins = [false; 256];
        for rule in lexis.rules {
            if let Some(&first) = rule.opens().as_bytes().first() {
                begins[usize::from(first)] = true;
            }
            if let Heredoc(..) = rule {
                begins[usize::from(b'\n')] = true;
            }
        }
        Reader {
            bytes: text.as_bytes(),
            rules: lexis.rules,
            begins,
            awaited: None,
            is_lost: false,
        }
    }

    /// Where to read on behind what starts at `at`: a whole string, character or comment, else one byte. What has no end
    /// reaches to the end of the text.
    pub(crate) fn behind(&mut self, at: usize) -> usize {
        let bytes = self.bytes;
        let Some(&byte) = bytes.get(at) else {
            return at + 1;
        };
        if !self.begins[usize::from(byte)] {
            return at + 1;
        }
        if byte == b'\n' {
            return self.behind_lines(at + 1);
        }
        let rest = bytes.get(at..).unwrap_or_default();
        for rule in self.rules {
            if !rest.starts_with(rule.opens().as_bytes()) {
                continue;
            }
            if let Heredoc(open, signs) = rule {
                let word = if self.is_lost {
                    None
                } else {
                    awaited(rest, open, signs)
                };
                let Some(word) = word else { continue };
                self.awaited = self.awaited.or(Some(word));
                return at + open.len();
            }
            if let Some(length) = rule.length(bytes, at) {
                return at + length.min(rest.len());
            }
        }
        at + 1
    }

    /// Behind the lines from `at` that end with the awaited word, if one is.
    fn behind_lines(&mut self, at: usize) -> usize {
        let Some(word) = self.awaited.take() else {
            return at;
        };
        let mut next = at;
        while let Some(rest) = self.bytes.get(next..).filter(|rest| !rest.is_empty()) {
            let line = &rest[..line_length(rest)];
            let after = line.trim_ascii_start().strip_prefix(word);
            if after.is_some_and(|after| !after.first().is_some_and(|&byte| is_word(byte))) {
                return next + line.len();
            }
            next += line.len() + 1;
        }
        self.is_lost = true;
        at
    }
}

/// The word of `<<~"WORD"`, of which `rest` is the beginning; letters only, as numbers are shifted.
fn awaited<'t>(rest: &'t [u8], open: &str, signs: &str) -> Option<&'t [u8]> {
    let rest = rest.get(open.len()..)?;
    let before = rest
        .iter()
        .take_while(|&byte| signs.as_bytes().contains(byte));
    let rest = rest.get(before.take(3).count()..)?;
    let length = rest.iter().take_while(|&&byte| is_word(byte)).count();
    let starts = rest.first().is_some_and(|byte| !byte.is_ascii_digit());
    (length > 0 && starts).then(|| &rest[..length])
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn line_length(rest: &[u8]) -> usize {
    memchr::memchr(b'\n', rest).unwrap_or(rest.len())
}

impl Rule {
    /// How many bytes it takes from `at`, where its opening stands; `None` where it does not hold after all. The line
    /// end is never part of what one line holds.
    fn length(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let rest = bytes.get(at..)?;
        match *self {
            Line(_) => Some(line_length(rest)),
            LineUnless(open, next) => {
                let holds = !rest.get(open.len()..)?.starts_with(next.as_bytes());
                holds.then(|| line_length(rest))
            }
            LineWord(_) => {
                let before = at.checked_sub(1).and_then(|at| bytes.get(at));
                let begins = before.is_none_or(|byte| b" \t\r\n;(&|".contains(byte));
                begins.then(|| line_length(rest))
            }
            Raw(open, close) => Some(end_of(rest, open.len(), close).unwrap_or(rest.len())),
            Nested(open, close) => Some(nested(rest, open, close).unwrap_or(rest.len())),
            Text(mark) => Some(match quoted(rest, mark, Within::Line) {
                Some(length) => length,
                None => line_length(rest),
            }),
            Lines(mark) => Some(quoted(rest, mark, Within::Text).unwrap_or(rest.len())),
            Character => {
                let before = |back| at.checked_sub(back).and_then(|at| bytes.get(at));
                // `1'000` is a number, `u8'a'` none.
                if before(1).is_some_and(u8::is_ascii_hexdigit) && before(2) != Some(&b'u') {
                    return Some(1);
                }
                let near = &rest[..rest.len().min(MOST_LITERAL)];
                Some(quoted(near, "'", Within::Line).unwrap_or(1))
            }
            RustCharacter => Some(rust_character(rest)),
            RustRaw => rust_raw(bytes, at),
            CppRaw => cpp_raw(rest),
            Heredoc(..) => None,
            Escape(_) => Some(2),
        }
    }
}

/// How far a string may reach.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Line,
    Text,
}

/// The length of a literal between two `mark`s, `\` taking the next byte along; `None` where it has no end. Looks no
/// further than the literal may reach: a line of many strings is read once.
fn quoted(rest: &[u8], mark: &str, within: Within) -> Option<usize> {
    let mark = mark.as_bytes();
    let mut at = mark.len();
    loop {
        match *rest.get(at)? {
            b'\\' => at += 2,
            b'\n' if within == Within::Line => return None,
            byte if mark.first() == Some(&byte) && rest.get(at..)?.starts_with(mark) => {
                return Some(at + mark.len());
            }
            _ => at += 1,
        }
    }
}

/// The length up to and with `end`, looked for behind the first `from` bytes.
fn end_of(rest: &[u8], from: usize, end: &str) -> Option<usize> {
    let found = memchr::memmem::find(rest.get(from..)?, end.as_bytes());
    found.map(|found| from + found + end.len())
}

/// The length of a comment that holds others.
fn nested(rest: &[u8], open: &str, close: &str) -> Option<usize> {
    let (mut at, mut depth) = (open.len(), 1);
    loop {
        let here = rest.get(at..).filter(|here| !here.is_empty())?;
        if here.starts_with(open.as_bytes()) {
            (at, depth) = (at + open.len(), depth + 1);
        } else if here.starts_with(close.as_bytes()) {
            (at, depth) = (at + close.len(), depth - 1);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
}

/// The length of a character literal; 1 for the quote of a lifetime, a label or nothing known: `'a'` is a character,
/// `<'a, 'b>` two lifetimes.
fn rust_character(rest: &[u8]) -> usize {
    let near = rest.get(..rest.len().min(MOST_LITERAL)).unwrap_or_default();
    let Some(length) = quoted(near, "'", Within::Line) else {
        return 1;
    };
    let inside = near.get(1..length - 1).unwrap_or_default();
    let is_one = inside.starts_with(b"\\")
        || std::str::from_utf8(inside).is_ok_and(|it| it.chars().count() == 1);
    if is_one { length } else { 1 }
}

/// The length of Rust's `r"…"` or `r#"…"#`; what stands before a quote where it is neither, as in `r#type`. `None` for an
/// `r` that ends a longer word than `br` and `cr`.
fn rust_raw(bytes: &[u8], at: usize) -> Option<usize> {
    let before = |back: usize| at.checked_sub(back).and_then(|at| bytes.get(at));
    let in_word = |byte: Option<&u8>| byte.is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_');
    let is_part = match before(1) {
        Some(b'b' | b'c') => in_word(before(2)),
        byte => in_word(byte),
    };
    let rest = bytes.get(at..)?;
    if is_part || !matches!(rest.get(1), Some(b'"' | b'#')) {
        return None;
    }
    let hashes = rest.iter().skip(1).take_while(|&&b| b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return Some(1 + hashes);
    }
    let mut at = 2 + hashes;
    while let Some(quote) = rest.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
        at += quote + 1;
        let closing = rest.iter().skip(at).take(hashes);
        let closing = closing.take_while(|&&b| b == b'#').count();
        if closing == hashes {
            return Some(at + hashes);
        }
        at += closing;
    }
    Some(rest.len())
}

/// The length of C++'s `R"x(…)x"`, whose `x` has at most 16 characters.
fn cpp_raw(rest: &[u8]) -> Option<usize> {
    let from = 2;
    let open = rest.iter().skip(from).take(17).position(|&b| b == b'(')?;
    let word = rest.get(from..from + open)?;
    let close = [b")", word, b"\""].concat();
    let body = rest.get(from + open..)?;
    let end = memchr::memmem::find(body, &close).map(|found| from + open + found + close.len());
    Some(end.unwrap_or(rest.len()))
}
