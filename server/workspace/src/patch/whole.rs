//! Whole: files given whole, each in a fence with its path in the info string or alone on the line above; other fences and
//! what is said around them are left alone, shell scripts are passed on.

use super::blocks::names::{clean, is_shell};
use super::feed::{Given, Piece};
use super::{LastLine, Op, PatchError, Place};
use crate::lines;

/// Reads whole files line by line.
pub(super) struct Reader {
    file: Option<String>,
    /// The last line that was not blank, and how many blank lines follow it.
    above: (String, usize),
    open: Option<Fence>,
}

/// A fence whose end is not seen yet.
struct Fence {
    at: usize,
    sign: char,
    width: usize,
    inner: usize,
    holds: Holds,
    lines: Vec<String>,
}

/// What a fence holds.
enum Holds {
    File(String),
    Script,
    Other,
}

impl Reader {
    /// `file`: for fences without a name.
    pub(super) fn new(file: Option<&str>) -> Reader {
        Reader {
            file: file.map(str::to_owned),
            above: (String::new(), 0),
            open: None,
        }
    }

    pub(super) fn line(
        &mut self,
        line: Given,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        let Given { text, at, .. } = line;
        let mark = mark(&text);
        let Some(mut fence) = self.open.take() else {
            if let Some((sign, width, info)) = mark {
                self.open = Some(Fence {
                    at,
                    sign,
                    width,
                    inner: 0,
                    holds: self.holds(&text, info),
                    lines: Vec::new(),
                });
                self.above = (String::new(), 0);
            } else if text.trim().is_empty() {
                self.above.1 += 1;
            } else {
                self.above = (text, 0);
            }
            return Ok(());
        };
        match mark.filter(|(sign, width, _)| *sign == fence.sign && *width >= fence.width) {
            // A fence with a language inside a fence is text, and so is the mark that ends it.
            Some((_, width, info)) if !info.is_empty() && width == fence.width => fence.inner += 1,
            Some((_, _, info)) if info.is_empty() && fence.inner > 0 => fence.inner -= 1,
            Some((_, _, "")) => return close(fence, place, out),
            _ => {}
        }
        fence.lines.push(text);
        self.open = Some(fence);
        Ok(())
    }

    pub(super) fn finish(self, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        match self.open {
            Some(fence) if matches!(fence.holds, Holds::File(_)) => Err(PatchError::at(
                fence.at,
                "the fence of this file does not end, so the file may be cut off; send it again, whole, in a fence with more ticks than any inside it",
            )),
            Some(fence) => close(fence, place, out),
            None => Ok(()),
        }
    }

    fn holds(&self, line: &str, info: &str) -> Holds {
        if is_shell(line) {
            return Holds::Script;
        }
        let above = match self.above.1 {
            0 | 1 => alone(&self.above.0),
            _ => None,
        };
        match named(info).or(above).or_else(|| self.file.clone()) {
            Some(name) => Holds::File(name),
            None => Holds::Other,
        }
    }
}

fn close(fence: Fence, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
    match fence.holds {
        Holds::File(name) => {
            let path = place.path(&name, fence.at)?;
            out.push(Piece::Op(Op::Write {
                path,
                text: lines::closed(&fence.lines),
                last: LastLine::Keep,
            }));
        }
        Holds::Script => out.push(Piece::Shell(lines::closed(&fence.lines))),
        Holds::Other => {}
    }
    Ok(())
}

/// Sign, width and info string of a line that opens or closes a fence.
fn mark(line: &str) -> Option<(char, usize, &str)> {
    let body = line.trim();
    let sign = body
        .chars()
        .next()
        .filter(|sign| matches!(sign, '`' | '~'))?;
    let width = body.chars().take_while(|next| *next == sign).count();
    let info = body[width..].trim();
    (width >= 3 && !(sign == '`' && info.contains('`'))).then_some((sign, width, info))
}

/// The path in an info string: `rust src/a.rs`, `rust:src/a.rs`, `path=src/a.rs`, `title="src/a.rs"`.
fn named(info: &str) -> Option<String> {
    info.split_whitespace().rev().find_map(|word| {
        let word = word.trim_matches(['{', '}']);
        let word = word
            .split_once('=')
            .filter(|(key, _)| matches!(*key, "path" | "title" | "file" | "filename" | "filepath"))
            .map_or(word, |(_, value)| value);
        let word = word.trim_matches(['"', '\'']);
        let word = match word.split_once(':') {
            Some((language, path)) if !language.contains(['/', '.']) => path,
            _ => word,
        };
        is_path(word).then(|| word.to_owned())
    })
}

/// The path that a line has alone, with the marks that are put around it.
fn alone(line: &str) -> Option<String> {
    let name = clean(line)?;
    let body = line.trim();
    let body = ["File:", "file:", "Filename:", "Path:", "path:"]
        .iter()
        .fold(body.to_owned(), |body, word| body.replacen(word, "", 1));
    let left = body.replace("\\_", "_").replacen(&name, "", 1);
    let bare = left
        .chars()
        .all(|sign| sign.is_whitespace() || "#*`:>'\"/-".contains(sign));
    let one = !name.contains(['`', ' ']) || line.trim().starts_with(['`', '*']);
    (bare && one && !name.contains('`') && is_path(&name)).then_some(name)
}

fn is_path(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    let known = matches!(name, "Makefile" | "Dockerfile" | "LICENSE" | "Justfile");
    let ends = name.rsplit_once('.').is_some_and(|(_, end)| {
        (1..=12).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    !name.is_empty()
        && !word.contains("://")
        && !word.chars().any(char::is_control)
        && (known || ends || (word.contains('/') && !word.contains(char::is_whitespace)))
}
