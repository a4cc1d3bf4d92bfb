//! Udiff: unified diffs: of git (with its extended headers), plain, and hunks without line numbers as models write them.

mod names;

use super::{HunkSpec, LastLine, Op, Patch, PatchError, Place, Site};
use crate::lines;
use names::{git_names, header_name, stripped, unquoted};

/// The numbers of `@@ -a,b +c,d @@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub old_start: u32,
    old: u32,
    new: u32,
}

/// What the headers of one file said.
#[derive(Default)]
struct Section {
    old: Option<String>,
    new: Option<String>,
    rename_from: Option<String>,
    rename_to: Option<String>,
    mode: Option<u32>,
    created: bool,
    deleted: bool,
    hunks: Vec<HunkSpec>,
    at: usize,
}

pub(super) fn opens(line: &str, next: &str) -> bool {
    line.starts_with("diff --git ") || is_file_header(line, next) || is_hunk_header(line)
}

fn is_file_header(line: &str, next: &str) -> bool {
    line.starts_with("--- ") && next.starts_with("+++ ")
}

fn is_hunk_header(line: &str) -> bool {
    numbers(line).is_some()
        || line.trim_end() == "@@"
        || (line.starts_with("@@ ") && line.trim_end().ends_with("@@"))
}

/// Reads `@@ -a,b +c,d @@`.
pub(super) fn numbers(line: &str) -> Option<Numbers> {
    let body = line.strip_prefix("@@ -")?;
    let (body, _) = body.split_once("@@")?;
    let (old, new) = body.trim().split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        match text.trim().split_once(',') {
            Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
            None => Some((text.trim().parse().ok()?, 1)),
        }
    };
    let ((old_start, old), (_, new)) = (range(old)?, range(new)?);
    Some(Numbers {
        old_start,
        old,
        new,
    })
}

pub(super) fn parse(text: &str, place: Place<'_>) -> Result<Patch, PatchError> {
    let lines = lines::plain(text);
    let fenced = lines.iter().any(|line| line.starts_with("```"));
    let mut patch = Patch::default();
    let mut section: Option<Section> = None;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let next = lines.get(at + 1).copied().unwrap_or("");
        if let Some(names) = line.strip_prefix("diff --git ") {
            finish(section.take(), place, &mut patch)?;
            let (old, new) = git_names(names);
            section = Some(Section {
                old,
                new,
                at,
                ..Section::default()
            });
            at += 1;
        } else if is_file_header(line, next) {
            if section.as_ref().is_none_or(|open| !open.hunks.is_empty()) {
                finish(section.take(), place, &mut patch)?;
            }
            let open = section.get_or_insert_with(Section::default);
            open.at = at;
            open.old = Some(header_name(&line[4..]));
            open.new = Some(header_name(&next[4..]));
            at += 2;
        } else if is_hunk_header(line) {
            let open = section.get_or_insert_with(|| Section {
                at,
                ..Section::default()
            });
            at = hunk(&lines, at, fenced, open)?;
        } else {
            if let Some(open) = section.as_mut() {
                extended(line, at, open)?;
            }
            at += 1;
        }
    }
    finish(section, place, &mut patch)?;
    Ok(patch)
}

/// Git's headers between `diff --git` and the first hunk.
fn extended(line: &str, at: usize, section: &mut Section) -> Result<(), PatchError> {
    if !section.hunks.is_empty() {
        return Ok(());
    }
    let mode = |text: &str| u32::from_str_radix(text.trim(), 8).ok();
    if let Some(name) = line.strip_prefix("rename from ") {
        section.rename_from = Some(unquoted(name));
    } else if let Some(name) = line.strip_prefix("rename to ") {
        section.rename_to = Some(unquoted(name));
    } else if let Some(text) = line.strip_prefix("new file mode ") {
        section.created = true;
        match mode(text) {
            Some(mode) if mode & 0o170_000 == 0o100_000 => section.mode = Some(mode & 0o777),
            _ => {
                return Err(PatchError::at(
                    at,
                    "only regular files can be made; symbolic links and submodules are left alone",
                ));
            }
        }
    } else if line.starts_with("deleted file mode ") {
        section.deleted = true;
    } else if line.starts_with("new mode ") {
        return Err(PatchError::at(
            at,
            "a change of permissions cannot be made by a patch; leave it out",
        ));
    } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
        return Err(PatchError::at(
            at,
            "a binary file cannot be patched; leave it out",
        ));
    } else if line.starts_with("copy from ") {
        return Err(PatchError::at(
            at,
            "a copy cannot be made by a patch; create the file with its text",
        ));
    }
    Ok(())
}

/// One hunk, from its header; the index after it.
fn hunk(
    lines: &[&str],
    at: usize,
    fenced: bool,
    section: &mut Section,
) -> Result<usize, PatchError> {
    let numbers = numbers(lines[at]);
    let mut hunk = HunkSpec {
        line: numbers.map(|numbers| numbers.old_start),
        site: Site::Below,
        ..HunkSpec::default()
    };
    let (mut old, mut new) = (0u32, 0u32);
    let (mut before, mut after): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut signs: Vec<char> = Vec::new();
    let mut index = at + 1;
    while index < lines.len() {
        let line = lines[index];
        let full = numbers.is_none_or(|count| old >= count.old && new >= count.new);
        if ends(lines, index, full) {
            break;
        }
        match line.chars().next() {
            None => {
                if full && !continues(lines, index) {
                    break;
                }
                before.push("");
                after.push("");
                (old, new) = (old + 1, new + 1);
                signs.push(' ');
            }
            Some(' ') => {
                before.push(&line[1..]);
                after.push(&line[1..]);
                (old, new) = (old + 1, new + 1);
                signs.push(' ');
            }
            Some('-') => {
                before.push(&line[1..]);
                old += 1;
                signs.push('-');
            }
            Some('+') => {
                after.push(&line[1..]);
                new += 1;
                signs.push('+');
            }
            Some('\\') => match signs.last() {
                Some('-') => hunk.last = LastLine::Closed,
                _ => hunk.last = LastLine::Open,
            },
            Some(_) if numbers.is_some() && full && !fenced => break,
            Some(_) => {
                return Err(PatchError::at(
                    index,
                    "a line in a hunk starts with ` ` (kept), `-` (removed) or `+` (added)",
                ));
            }
        }
        index += 1;
    }
    if signs.is_empty() {
        return Err(PatchError::at(
            at,
            "the hunk is empty; give ` `, `-` and `+` lines",
        ));
    }
    (hunk.before, hunk.after) = (lines::closed(&before), lines::closed(&after));
    section.hunks.push(hunk);
    Ok(index)
}

/// Whether the line at `index` is no longer the hunk's. `full`: the hunk has as many lines as its header says.
fn ends(lines: &[&str], index: usize, full: bool) -> bool {
    let (line, next) = (lines[index], lines.get(index + 1).copied().unwrap_or(""));
    // `-- x` removed and `++ y` added look like a header; the line below, or a full count, tells.
    let sure = full
        || lines
            .get(index + 2)
            .is_some_and(|line| is_hunk_header(line));
    let header = line.starts_with("diff --git ")
        || is_hunk_header(line)
        || (is_file_header(line, next) && sure);
    let signature = matches!(line, "-- " | "--") && full;
    header || signature || line.starts_with("```")
}

/// Whether the hunk goes on after the blank lines at `index`.
fn continues(lines: &[&str], index: usize) -> bool {
    let Some(rest) = (index..lines.len()).find(|index| !lines[*index].is_empty()) else {
        return false;
    };
    let next = lines.get(rest + 1).copied().unwrap_or("");
    lines[rest].starts_with([' ', '+', '-'])
        && !is_file_header(lines[rest], next)
        && !matches!(lines[rest], "-- " | "--")
}

/// Lowers a section to ops.
fn finish(section: Option<Section>, place: Place<'_>, patch: &mut Patch) -> Result<(), PatchError> {
    let Some(section) = section else {
        return Ok(());
    };
    let at = section.at;
    let null = |name: &Option<String>| name.as_deref() == Some("/dev/null");
    let (created, deleted) = (
        null(&section.old) || section.created,
        null(&section.new) || section.deleted,
    );
    let (old, new) = stripped(section.old.as_deref(), section.new.as_deref());
    let joined =
        |pick: fn(&HunkSpec) -> &str| -> String { section.hunks.iter().map(pick).collect() };
    if created {
        let mut text = joined(|hunk| &hunk.after);
        if section
            .hunks
            .last()
            .is_some_and(|hunk| hunk.last == LastLine::Open)
        {
            text.pop();
        }
        let name = new.ok_or_else(|| super::blocks::nameless(at))?;
        patch.ops.push(Op::Create {
            path: place.path(name, at)?,
            text,
            mode: section.mode,
        });
        return Ok(());
    }
    if deleted {
        let name = old.ok_or_else(|| super::blocks::nameless(at))?;
        let expect = (!section.hunks.is_empty()).then(|| joined(|hunk| &hunk.before));
        patch.ops.push(Op::Delete {
            path: place.path(name, at)?,
            expect,
        });
        return Ok(());
    }
    let renamed = section
        .rename_from
        .as_deref()
        .zip(section.rename_to.as_deref());
    let (from, to) = match (renamed, old.or(new), new) {
        (Some((from, to)), _, _) => (place.path(from, at)?, Some(place.path(to, at)?)),
        (None, Some(old), new) => {
            let from = place.path(old, at)?;
            let to = new
                .filter(|new| *new != old)
                .map(|new| place.path(new, at))
                .transpose()?;
            (from, to)
        }
        (None, None, _) => match place.file {
            Some(file) => (file.clone(), None),
            None => {
                return Err(PatchError::at(
                    at,
                    "the diff names no file; write `--- a/PATH` and `+++ b/PATH` above the hunks",
                ));
            }
        },
    };
    if let Some(path) = to.clone() {
        patch.ops.push(Op::Absent { path });
    }
    match (section.hunks.is_empty(), to) {
        (true, Some(to)) => patch.ops.push(Op::Rename { from, to }),
        (true, None) => {}
        (false, rename_to) => patch.ops.push(Op::Edit {
            path: from,
            hunks: section.hunks,
            rename_to,
        }),
    }
    Ok(())
}
