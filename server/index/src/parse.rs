//! Parse: a syntax tree within bounds; a text that needs more has no tree (I2).
//!
//! What a text yields hardly ever depends on how busy the machine was (I1): the bounds are its size, the depth of its
//! brackets, the errors near its beginning, the parser's own steps and the bytes that it reads. A clock stands behind
//! them as the last resort, since recovery from errors does not count as steps: a text that keeps the parser over
//! [`MOST_TIME`], which is 2 s, may have a tree on a faster machine. Ordinary code takes 0.1 to 0.2 s per 1 MiB.
//! Deep nesting costs memory, not stack, with one exception: the parser lets go of the ways that it gave up by recursion,
//! one call per token at worst. So a text is parsed on a thread of its own where the stack may not be enough for it.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{InputEdit, ParseOptions, Parser, Point, Tree};

use crate::Language;
use crate::language::table::Row;
use crate::nesting::{self, Line, Nesting};

/// Texts above this many bytes are read by lines.
const MOST_BYTES: usize = 4 << 20;

/// Texts with more brackets open at once are read by lines: what follows an error there makes the parser walk over all
/// that is open, again and again.
const MOST_OPEN: usize = 1_000;

/// Texts above this many bytes show by a sample whether they are written in the language: by the definitions that end
/// within their first [`SAMPLE`] bytes, where these are most of it. In another language the parser would spend its time
/// recovering from one error after the other.
///
/// Where words close blocks, as `end` does, the sample ends with any line, and errors count, not their bytes.
const SAMPLED_ABOVE: usize = 32 << 10;
const SAMPLE: usize = 8 << 10;
/// A sample with more errors than these, one per 160 bytes, or with errors over half of it, is not in the language.
const MOST_SAMPLE_ERRORS: u32 = 50;

/// The parser reports once per 100 operations: once per 11 bytes of a valid text of semicolons, which is the densest known.
const REPORTS_AT_LEAST: usize = 4_000;
const BYTES_PER_REPORT: usize = 8;

/// Errors that nothing recovers from keep all that the parser tries, and in the end it goes through all of that without a
/// report: it took 1 GB for 90 KB of them. So after so many reports, and again after as many, the last [`RECENT`] bytes show
/// by themselves whether they are in the language. Ordinary code takes as many for 32 KB and more. The middle of a
/// long table of data may look like errors: it is read by lines then, and defines nothing anyway.
const REPORTS_PER_CHECK: usize = 500;
const RECENT: usize = 4 << 10;
/// One error per 100 bytes; code that is cut anywhere has a handful.
const MOST_RECENT_ERRORS: u32 = 40;

/// The lexer reads this many bytes at a time; it comes back to a place where a token has no end or was tried in vain.
const READ: usize = 4 << 10;
const READS_AT_LEAST: usize = 256;
const READS_PER_PLACE: usize = 16;

/// Stack for each byte of text: a call of the parser's recursion takes about 100, and there is less than one per byte. What
/// is not touched takes no memory.
const STACK_PER_BYTE: usize = 256;
const LEAST_STACK: usize = 1 << 20;
const MOST_STACK: usize = 512 << 20;

/// The last resort, per parse and again per query over its tree.
pub(crate) const MOST_TIME: Duration = Duration::from_secs(2);

/// How many progress reports a text of `bytes` bytes may take before it is given up.
pub(crate) fn allowance(bytes: usize) -> usize {
    REPORTS_AT_LEAST + bytes / BYTES_PER_REPORT
}

/// How often the lexer may read from a text of `bytes` bytes.
fn reads(bytes: usize) -> usize {
    READS_AT_LEAST + bytes / READ * READS_PER_PLACE
}

/// The stack, in bytes, that a text of `bytes` bytes may need. A thread with as much to spare reads such a text itself; on
/// any other it is parsed on a thread of its own, which takes longer.
pub fn stack_for(bytes: usize) -> usize {
    bytes
        .saturating_mul(STACK_PER_BYTE)
        .clamp(LEAST_STACK, MOST_STACK)
}

/// The syntax tree of `text`; `None` for plain text and beyond the bounds.
pub(crate) fn tree(language: Language, text: &str) -> Option<Tree> {
    let row = language.row()?;
    let plain = match language {
        Language::Bash => within_latin(text),
        _ => Cow::Borrowed(text),
    };
    let text = &*plain;
    if text.len() > MOST_BYTES || row.lexis.overfills(text) {
        return None;
    }
    let nesting = nesting::of(language, text, SAMPLE);
    if nesting.deepest > MOST_OPEN || nesting.angles > MOST_OPEN {
        return None;
    }
    let stack = stack_for(text.len());
    if stacker::remaining_stack().is_some_and(|left| left >= stack) {
        return whole(row, text, &nesting);
    }
    let thread = std::thread::Builder::new().stack_size(stack + LEAST_STACK);
    std::thread::scope(|scope| {
        let parsed = thread.spawn_scoped(scope, || whole(row, text, &nesting));
        // Without memory for the stack there is no tree.
        parsed.ok()?.join().ok()?
    })
}

/// The text with a run of `x` for each character beyond U+00FF, at the same bytes: the lexer of Bash looks characters up in a table of
/// 256 (`isdigit`), which ends the process. Names are read from the text itself.
fn within_latin(text: &str) -> Cow<'_, str> {
    if text.chars().all(|char| char <= '\u{ff}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\u{0}'..='\u{ff}' => plain.push(char),
            wide => plain.extend(std::iter::repeat_n('x', wide.len_utf8())),
        }
    }
    Cow::Owned(plain)
}

/// The tree of a text whose beginning, if it is long, is in the language. The parser lives no longer than this call.
fn whole(row: &Row, text: &str, nesting: &Nesting) -> Option<Tree> {
    let mut parser = Parser::new();
    let grammar = (row.grammar)();
    parser.set_language(&grammar).ok()?;
    let sampled = match row.lexis.is_bracketed {
        _ if text.len() <= SAMPLED_ABOVE => 0,
        true => nesting.closed,
        false => memchr::memrchr(b'\n', &text.as_bytes()[..SAMPLE]).map_or(0, |at| at + 1),
    };
    if sampled > 0 {
        let mut sample = bounded(&mut parser, &grammar, (text.get(..sampled)?, &[]), None)?;
        let errors = errors(&sample);
        let is_broken = row.lexis.is_bracketed && errors.bytes > sampled / 2;
        if errors.count > MOST_SAMPLE_ERRORS || is_broken {
            return None;
        }
        // What the parser knows of the beginning it does not read again.
        let (end, all) = (point(text.get(..sampled)?), point(text));
        sample.edit(&InputEdit {
            start_byte: sampled,
            old_end_byte: sampled,
            new_end_byte: text.len(),
            start_position: end,
            old_end_position: end,
            new_end_position: all,
        });
        return bounded(&mut parser, &grammar, (text, &nesting.lines), Some(&sample));
    }
    bounded(&mut parser, &grammar, (text, &nesting.lines), None)
}

/// Where `text` ends.
fn point(text: &str) -> Point {
    let bytes = text.as_bytes();
    let row = memchr::memchr_iter(b'\n', bytes).count();
    let line = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
    Point::new(row, bytes.len() - line)
}

/// Parses within the bounds on steps, reads and time. A parser that was stopped must not be used again.
fn bounded(
    parser: &mut Parser,
    grammar: &tree_sitter::Language,
    (text, lines): (&str, &[Line]),
    known: Option<&Tree>,
) -> Option<Tree> {
    let started = Instant::now();
    let mut steps_left = allowance(text.len());
    let reads_left = Cell::new(reads(text.len()));
    let mut reports = 0;
    let mut report = |state: &tree_sitter::ParseState| {
        reports += 1;
        steps_left = steps_left.saturating_sub(1);
        let is_over = steps_left == 0 || reads_left.get() == 0 || started.elapsed() > MOST_TIME;
        let is_due = reports % REPORTS_PER_CHECK == 0;
        if is_over || is_due && is_lost(grammar, text, state.current_byte_offset(), lines) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let options = ParseOptions::new().progress_callback(&mut report);
    let bytes = text.as_bytes();
    // Without reads left the text ends here for the lexer, so that the next report comes soon.
    let mut read = |at: usize, _| {
        let end = bytes.len().min(at.saturating_add(READ));
        if at < end {
            reads_left.set(reads_left.get().saturating_sub(1));
        }
        match reads_left.get() {
            0 => &[][..],
            _ => bytes.get(at..end).unwrap_or_default(),
        }
    };
    let tree = parser.parse_with_options(&mut read, known, Some(options))?;
    (reads_left.get() > 0).then_some(tree)
}

/// Whether what stands before `at` is hardly code of the language; `lines` are where it may be cut.
fn is_lost(grammar: &tree_sitter::Language, text: &str, at: usize, lines: &[Line]) -> bool {
    let behind = lines.partition_point(|line| line.at <= at);
    let before = lines.get(..behind).unwrap_or_default();
    let end = before.last().map_or(0, |line| line.at);
    let start = before.partition_point(|line| line.at + RECENT < end);
    let Some(start) = before.get(start) else {
        return false;
    };
    let recent = start.heads(text) + text.get(start.at..end).unwrap_or_default();
    let mut steps_left = allowance(recent.len());
    let mut report = |_: &tree_sitter::ParseState| {
        steps_left = steps_left.saturating_sub(1);
        match steps_left {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let options = ParseOptions::new().progress_callback(&mut report);
    let mut parser = Parser::new();
    if parser.set_language(grammar).is_err() {
        return false;
    }
    let bytes = recent.as_bytes();
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    let tree = parser.parse_with_options(&mut read, None, Some(options));
    tree.is_none_or(|tree| errors(&tree).count > MOST_RECENT_ERRORS)
}

/// How many ERROR and MISSING nodes the syntax tree of `text` has: the parse check before an edit lands.
///
/// `None` is no verdict: plain text, over 4 MiB, over 1,000 open brackets, a beginning that is not in the language at
/// all, or too costly to parse.
pub fn error_count(path: &str, text: &str) -> Option<u32> {
    let tree = tree(Language::of_text(path, text), text)?;
    Some(errors(&tree).count)
}

/// The ERROR and MISSING nodes of a tree.
#[derive(Default)]
struct Errors {
    count: u32,
    /// Bytes within errors, each counted once.
    bytes: usize,
}

fn errors(tree: &Tree) -> Errors {
    let mut cursor = tree.walk();
    let mut errors = Errors::default();
    let mut covered = 0;
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            errors.count += 1;
            errors.bytes += node
                .end_byte()
                .saturating_sub(covered.max(node.start_byte()));
            covered = covered.max(node.end_byte());
        }
        // Subtrees without an error are skipped whole.
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return errors;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted() {
        for (path, text, count) in [
            ("a.rs", "fn a() {}\n", Some(0)),
            ("a.rs", "", Some(0)),
            ("a.rs", "fn a() { let x = 1 }\n", Some(1)),
            ("a.rs", "fn a( {}\n", Some(1)),
            ("a.go", "package a\n\nfunc a() {}\n", Some(0)),
            ("a.go", "package a\n\nfunc a() {\n", Some(1)),
            ("a.txt", "fn a( {", None),
        ] {
            assert_eq!(error_count(path, text), count, "{path} {text:?}");
        }
    }

    #[test]
    fn a_text_over_the_limit_has_no_tree() {
        let text = " ".repeat(MOST_BYTES + 1);
        assert!(tree(Language::Rust, &text).is_none());
        assert!(tree(Language::Rust, &text[1..]).is_some());
        let nested = |depth| format!("fn a() {{ {}{} }}", "(".repeat(depth), ")".repeat(depth));
        assert!(tree(Language::Rust, &nested(MOST_OPEN)).is_none());
        assert!(tree(Language::Rust, &nested(MOST_OPEN - 1)).is_some());
    }

    #[test]
    fn a_long_text_in_another_language_has_no_verdict() {
        let json = "{\"a\": [1, 2, {\"b\": null}]},\n";
        assert_eq!(error_count("a.rs", &json.repeat(2_000)), None);
        assert!(error_count("a.rs", &json.repeat(200)).is_some_and(|count| count > 50));
        let good = "fn a() { b(\"({[<\"); }\n".repeat(2_000);
        assert_eq!(error_count("a.rs", &good), Some(0));
        assert_eq!(error_count("a.rs", &format!("{good}fn a( {{}}\n")), Some(1));
    }

    #[test]
    fn tokens_without_an_end_are_not_read_again_and_again() {
        let text = format!("{}{}", "fn a() {}\n".repeat(5_000), "r#\"".repeat(100_000));
        assert!(tree(Language::Rust, &text).is_none());
    }

    #[test]
    fn real_code_stays_far_below_the_bounds() {
        for text in [
            include_str!("parse.rs"),
            include_str!("index.rs"),
            include_str!("rank.rs"),
        ] {
            let text = text.repeat(20);
            let mut parser = Parser::new();
            parser
                .set_language(&tree_sitter_rust::LANGUAGE.into())
                .unwrap();
            let (mut reports, mut chunks) = (0, 0);
            let mut report = |_: &tree_sitter::ParseState| {
                reports += 1;
                ControlFlow::Continue(())
            };
            let options = ParseOptions::new().progress_callback(&mut report);
            let bytes = text.as_bytes();
            let mut read = |at: usize, _| {
                chunks += 1;
                &bytes[at..bytes.len().min(at + READ)]
            };
            parser
                .parse_with_options(&mut read, None, Some(options))
                .unwrap();
            let bytes = text.len();
            assert!(reports > 0 && reports * 8 < allowance(bytes), "{reports}");
            assert!(chunks > 0 && chunks * 4 < reads(bytes), "{chunks}");
        }
    }
}
