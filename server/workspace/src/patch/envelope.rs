//! Envelope: `*** Begin Patch` … `*** End Patch` with `*** Add|Update|Delete File:` sections, as Codex CLI defines it.
//! Taken from anywhere in a text (heredocs, fences), markers padded or not; several envelopes are one patch.

use super::{HunkSpec, LastLine, Op, Patch, PatchError, Place, Site};
use crate::lines;

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const END_OF_FILE: &str = "*** End of File";

/// A section's header.
enum Header<'a> {
    Add(&'a str),
    Update(&'a str),
    Delete(&'a str),
}

pub(super) fn opens(line: &str) -> bool {
    line.trim() == BEGIN
}

pub(super) fn parse(text: &str, place: Place<'_>) -> Result<Patch, PatchError> {
    let lines = lines::plain(text);
    let mut patch = Patch::default();
    let mut at = 0;
    let mut seen = false;
    while let Some(begin) = (at..lines.len()).find(|index| opens(lines[*index])) {
        seen = true;
        let end = close(&lines, begin)?;
        sections(&lines, begin + 1, end, place, &mut patch)?;
        at = end + 1;
    }
    if !seen {
        return Err(PatchError::at(
            0,
            format!("the patch has no `{BEGIN}` line"),
        ));
    }
    Ok(patch)
}

/// The closing line: flush left where there is one, else padded (a context line may look like a padded one).
fn close(lines: &[&str], begin: usize) -> Result<usize, PatchError> {
    let next = (begin + 1..lines.len())
        .find(|index| opens(lines[*index]) && lines[*index].starts_with('*'))
        .unwrap_or(lines.len());
    let rest = begin + 1..next;
    rest.clone()
        .find(|index| lines[*index].trim_end() == END)
        .or_else(|| rest.clone().rev().find(|index| lines[*index].trim() == END))
        .ok_or_else(|| {
            PatchError::at(
                lines.len().saturating_sub(1),
                format!(
                    "the patch has no `{END}` line, so it may be cut off; send it again, whole"
                ),
            )
        })
}

fn header(line: &str) -> Option<Header<'_>> {
    let line = line.trim();
    let rest = |name: &str| line.strip_prefix(name).map(str::trim);
    rest("*** Add File:")
        .map(Header::Add)
        .or_else(|| rest("*** Update File:").map(Header::Update))
        .or_else(|| rest("*** Delete File:").map(Header::Delete))
}

fn sections(
    lines: &[&str],
    start: usize,
    end: usize,
    place: Place<'_>,
    patch: &mut Patch,
) -> Result<(), PatchError> {
    let mut at = start;
    while at < end {
        if lines[at].trim().is_empty() {
            at += 1;
            continue;
        }
        match header(lines[at]) {
            Some(Header::Add(name)) => {
                let path = place.path(name, at)?;
                let body = at + 1..stop(lines, at + 1, end);
                at = body.end;
                let mut text = String::new();
                for index in body {
                    match lines[index].strip_prefix('+') {
                        Some(line) => {
                            text.push_str(line);
                            text.push('\n');
                        }
                        None if lines[index].trim().is_empty() => {}
                        None => {
                            return Err(PatchError::at(
                                index,
                                "every line of an added file starts with `+`",
                            ));
                        }
                    }
                }
                patch.ops.push(Op::Write { path, text });
            }
            Some(Header::Delete(name)) => {
                let path = place.path(name, at)?;
                patch.ops.push(Op::Delete { path, expect: None });
                at += 1;
            }
            Some(Header::Update(name)) => at = update(lines, at, end, name, place, patch)?,
            None => {
                return Err(PatchError::at(
                    at,
                    format!(
                        "`{}` is not a section; write `*** Add File: `, `*** Update File: ` or `*** Delete File: ` and a path",
                        lines[at].trim()
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// Where the next section starts.
fn stop(lines: &[&str], from: usize, end: usize) -> usize {
    (from..end)
        .find(|index| lines[*index].starts_with("*** ") && lines[*index].trim_end() != END_OF_FILE)
        .unwrap_or(end)
}

/// One `*** Update File:` section; the index of the line after it.
fn update(
    lines: &[&str],
    at: usize,
    end: usize,
    name: &str,
    place: Place<'_>,
    patch: &mut Patch,
) -> Result<usize, PatchError> {
    let path = place.path(name, at)?;
    let mut from = at + 1;
    let mut rename_to = None;
    if let Some(to) = lines
        .get(from)
        .filter(|_| from < end)
        .and_then(|line| line.trim().strip_prefix("*** Move to:"))
    {
        rename_to = Some(place.path(to, from)?);
        from += 1;
    }
    let stop = stop(lines, from, end);
    let hunks = hunks(lines, from, stop)?;
    let op = match (hunks.is_empty(), rename_to) {
        (true, Some(to)) => Op::Rename { from: path, to },
        (true, None) => {
            return Err(PatchError::at(
                at,
                format!(
                    "the section for `{path}` is empty; give hunks with ` `, `-` and `+` lines"
                ),
            ));
        }
        (false, rename_to) => Op::Edit {
            path,
            hunks,
            rename_to,
        },
    };
    patch.ops.push(op);
    Ok(stop)
}

/// A hunk being read.
#[derive(Default)]
struct Chunk {
    scope: Vec<String>,
    before: Vec<String>,
    after: Vec<String>,
    line: Option<u32>,
    site: Site,
    lines: usize,
}

impl Chunk {
    fn close(self, hunks: &mut Vec<HunkSpec>) {
        if self.lines == 0 {
            return;
        }
        let site = match (self.before.is_empty() && self.scope.is_empty(), self.site) {
            (true, _) | (_, Site::End) => Site::End,
            _ => Site::Below,
        };
        hunks.push(HunkSpec {
            before: lines::closed(&self.before),
            after: lines::closed(&self.after),
            scope: self.scope,
            line: self.line,
            site,
            last: LastLine::Added,
            ..HunkSpec::default()
        });
    }
}

fn hunks(lines: &[&str], from: usize, stop: usize) -> Result<Vec<HunkSpec>, PatchError> {
    let mut hunks = Vec::new();
    let mut chunk = Chunk::default();
    for (index, line) in lines.iter().enumerate().take(stop).skip(from) {
        if let Some(anchor) = line.strip_prefix("@@") {
            if chunk.lines > 0 {
                std::mem::take(&mut chunk).close(&mut hunks);
            }
            match super::udiff::numbers(line) {
                Some(numbers) => chunk.line = Some(numbers.old_start),
                None => {
                    let anchor = anchor.trim().trim_end_matches("@@").trim_end();
                    if !anchor.is_empty() {
                        chunk.scope.push(anchor.to_owned());
                    }
                }
            }
            continue;
        }
        if line.trim_end() == END_OF_FILE {
            chunk.site = Site::End;
            std::mem::take(&mut chunk).close(&mut hunks);
            continue;
        }
        chunk.lines += 1;
        match line.chars().next() {
            None => {
                chunk.before.push(String::new());
                chunk.after.push(String::new());
            }
            Some(' ') => {
                chunk.before.push(line[1..].to_owned());
                chunk.after.push(line[1..].to_owned());
            }
            Some('-') => chunk.before.push(line[1..].to_owned()),
            Some('+') => chunk.after.push(line[1..].to_owned()),
            Some(_) => {
                return Err(PatchError::at(
                    index,
                    "a line in a hunk starts with ` ` (kept), `-` (removed) or `+` (added)",
                ));
            }
        }
    }
    chunk.close(&mut hunks);
    Ok(hunks)
}
