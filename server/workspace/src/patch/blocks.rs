//! Blocks: SEARCH/REPLACE blocks as Aider, Cline and others define them: markers of 5 to 9 characters, the file's name
//! above, in or after the fence (3 or 4 ticks); a block without a name is for the file of the block before.

use super::{HunkSpec, Op, Patch, PatchError, Place};
use crate::lines;

/// What a reply holds, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// One block.
    Block(Block),
    /// A fenced shell script.
    Shell(String),
    /// A block that does not parse.
    Broken(PatchError),
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub name: Option<String>,
    pub search: Vec<String>,
    pub replace: Vec<String>,
    /// `:start_line:`, where it is given.
    pub line: Option<u32>,
    /// Index of the opening marker.
    pub at: usize,
}

pub(super) fn opens(line: &str) -> bool {
    head(line).is_some()
}

pub(super) fn parse(text: &str, place: Place<'_>) -> Result<Patch, PatchError> {
    let mut patch = Patch::default();
    for item in items(text, place.file.map(|file| file.as_str())) {
        let block = match item {
            Item::Block(block) => block,
            Item::Shell(_) => continue,
            Item::Broken(error) => return Err(error),
        };
        let path = match (&block.name, place.file) {
            (Some(name), _) => place.path(name, block.at)?,
            (None, Some(file)) => file.clone(),
            (None, None) => return Err(nameless(block.at)),
        };
        let hunk = HunkSpec {
            before: lines::closed(&block.search),
            after: lines::closed(&block.replace),
            line: block.line,
            ..HunkSpec::default()
        };
        match patch.ops.last_mut() {
            Some(Op::Edit {
                path: last, hunks, ..
            }) if *last == path => hunks.push(hunk),
            _ => patch.ops.push(Op::Edit {
                path,
                hunks: vec![hunk],
                rename_to: None,
            }),
        }
    }
    Ok(patch)
}

pub(super) fn nameless(at: usize) -> PatchError {
    PatchError::at(
        at,
        "the block names no file; write the file's path alone on the line above the block",
    )
}

/// Reads every block and every shell fence. `file`: for blocks before the first name.
pub(super) fn items(text: &str, file: Option<&str>) -> Vec<Item> {
    let lines = lines::plain(text);
    let mut items = Vec::new();
    let mut current: Option<String> = file.map(str::to_owned);
    let mut floor = 0;
    let mut at = 0;
    while at < lines.len() {
        if head(lines[at]).is_some() {
            let (item, next) = block(&lines, at, floor, &mut current);
            items.push(item);
            (at, floor) = (next, next);
            continue;
        }
        let leads_to_block =
            (1..=2).any(|step| lines.get(at + step).is_some_and(|line| opens(line)));
        if is_shell(lines[at]) && !leads_to_block {
            let end = (at + 1..lines.len())
                .find(|index| lines[*index].trim_start().starts_with("```"))
                .unwrap_or(lines.len());
            items.push(Item::Shell(lines::closed(&lines[at + 1..end])));
            (at, floor) = (end + 1, end + 1);
            continue;
        }
        at += 1;
    }
    items
}

/// The block whose opening marker is at `at`, and the index after it.
fn block(lines: &[&str], at: usize, floor: usize, current: &mut Option<String>) -> (Item, usize) {
    let Some((indent, width)) = head(lines[at]) else {
        return (
            Item::Broken(PatchError::at(at, "no block starts here")),
            at + 1,
        );
    };
    if let Some(name) = name_above(&lines[floor..at], current.is_some()) {
        *current = Some(name);
    }
    let same_place = |line: &str| lines::indent(line).len() <= indent;
    let end = (at + 1..lines.len())
        .take_while(|index| !(opens(lines[*index]) && same_place(lines[*index])))
        .find(|index| same_place(lines[*index]) && is_tail(lines[*index]));
    let limit = end.unwrap_or_else(|| {
        (at + 1..lines.len())
            .find(|index| opens(lines[*index]) && same_place(lines[*index]))
            .unwrap_or(lines.len())
    });
    let broken =
        |index: usize, what: &str, next: usize| (Item::Broken(PatchError::at(index, what)), next);
    let dividers: Vec<usize> = (at + 1..limit)
        .filter(|index| same_place(lines[*index]) && divider(lines[*index]).is_some())
        .collect();
    let Some(end) = end else {
        let what = match dividers.is_empty() {
            true => {
                "the block has no `=======` line and no `>>>>>>> REPLACE` line; it may be cut off, send it again, whole"
            }
            false => {
                "the block has no `>>>>>>> REPLACE` line; it may be cut off, send it again, whole"
            }
        };
        return broken(at, what, limit);
    };
    let same_width: Vec<usize> = dividers
        .iter()
        .copied()
        .filter(|index| divider(lines[*index]) == Some(width))
        .collect();
    let middle = match (same_width.as_slice(), dividers.as_slice()) {
        ([one], _) | ([], [one]) => *one,
        ([], []) => {
            return broken(
                at,
                "the block has no `=======` line between search and replacement",
                end + 1,
            );
        }
        _ => {
            return broken(
                at,
                "the block has more than one `=======` line, so where the search ends is not clear; use markers of another length (5 to 9) for the block",
                end + 1,
            );
        }
    };
    let mut search: Vec<String> = lines[at + 1..middle]
        .iter()
        .map(|line| (*line).to_owned())
        .collect();
    let line = numbered(&mut search);
    let block = Block {
        name: current.clone(),
        search,
        replace: lines[middle + 1..end]
            .iter()
            .map(|line| (*line).to_owned())
            .collect(),
        line,
        at,
    };
    (Item::Block(block), end + 1)
}

/// Takes `:start_line:7`, `:end_line:9` and the rule below them off the search text.
fn numbered(search: &mut Vec<String>) -> Option<u32> {
    let line = search
        .first()?
        .trim()
        .strip_prefix(":start_line:")?
        .trim()
        .parse()
        .ok()?;
    let rule = search
        .iter()
        .take(3)
        .position(|line| line.len() >= 5 && line.chars().all(|sign| sign == '-'))
        .or_else(|| {
            search
                .iter()
                .take(2)
                .rposition(|line| line.starts_with(':'))
        })?;
    search.drain(..=rule);
    Some(line)
}

/// Indent and width of an opening marker.
fn head(line: &str) -> Option<(usize, usize)> {
    let body = line.trim();
    let sign = body
        .chars()
        .next()
        .filter(|sign| matches!(sign, '<' | '-'))?;
    let width = body.chars().take_while(|next| *next == sign).count();
    let word = body[width..].trim();
    let is_head = (5..=9).contains(&width) && matches!(word, "SEARCH" | "SEARCH>" | "ORIGINAL");
    is_head.then(|| (lines::indent(line).len(), width))
}

fn divider(line: &str) -> Option<usize> {
    let body = line.trim();
    let is_divider = (5..=9).contains(&body.len()) && body.bytes().all(|byte| byte == b'=');
    is_divider.then_some(body.len())
}

fn is_tail(line: &str) -> bool {
    let body = line.trim();
    let Some(sign) = body.chars().next().filter(|sign| matches!(sign, '>' | '+')) else {
        return false;
    };
    let width = body.chars().take_while(|next| *next == sign).count();
    (5..=9).contains(&width) && matches!(body[width..].trim(), "REPLACE" | "<REPLACE" | "UPDATED")
}

/// The file's name in the three lines above a block, looking through fences only.
fn name_above(above: &[&str], has_current: bool) -> Option<String> {
    let mut fenced = false;
    let mut blanks = 0;
    for line in above.iter().rev().take(4) {
        let body = line.trim();
        if body.is_empty() {
            blanks += 1;
            if blanks > 1 {
                return None;
            }
            continue;
        }
        if let Some(info) = body.strip_prefix("```") {
            let info = info.trim_start_matches('`').trim();
            let named = info.split_whitespace().rev().find_map(|word| {
                let word = word
                    .strip_prefix("path=")
                    .or_else(|| word.strip_prefix("title="))
                    .unwrap_or(word);
                let word = word.trim_matches(['"', '\'', '{', '}']);
                (word.contains('.') || word.contains('/')).then(|| word.to_owned())
            });
            if named.is_some() {
                return named;
            }
            fenced = true;
            continue;
        }
        if opens(line) || is_tail(line) {
            return None;
        }
        if blanks > 0
            && !fenced
            && has_current
            && !clean(line).is_some_and(|name| name.contains('.'))
        {
            return None;
        }
        return clean(line).filter(|name| is_name(name, line, has_current));
    }
    None
}

/// A line without the marks that people and models put around file names.
fn clean(line: &str) -> Option<String> {
    let body = line.trim();
    let body = body.trim_start_matches(['#', '>']).trim();
    let body = [
        "File:",
        "file:",
        "Filename:",
        "filename:",
        "Path:",
        "path:",
        "FILE:",
    ]
    .iter()
    .find_map(|word| body.trim_start_matches('*').strip_prefix(word))
    .unwrap_or(body)
    .trim();
    let body = body
        .trim_start_matches("**")
        .trim_start_matches("//")
        .trim();
    let body = body
        .trim_end_matches(':')
        .trim_matches('*')
        .trim_end_matches(':')
        .trim();
    let body = match body.split('`').collect::<Vec<_>>()[..] {
        // One quoted name in a line is the name, whatever is said around it.
        [_, name, _] => name.trim(),
        _ => body.trim_matches('`').trim(),
    };
    let body = body.trim_matches(['"', '\'']);
    let name = body.replace("\\_", "_");
    (!name.is_empty() && !name.chars().all(|sign| sign == '.' || sign == '…')).then_some(name)
}

/// Whether it can be a file's name at all; a bare word only where nothing better is known.
fn is_name(name: &str, line: &str, has_current: bool) -> bool {
    if name.contains("...") || name.ends_with(['.', ',', ';', '!', '?', '=', '{', '}', '(', ')']) {
        return false;
    }
    let marked = line.contains('`')
        || line.trim_start().starts_with(['#', '*'])
        || line.to_ascii_lowercase().contains("file");
    if name.contains(char::is_whitespace) {
        return marked && line.contains('`') && name.contains('.');
    }
    name.contains(['.', '/'])
        || marked
        || !has_current
        || matches!(name, "Makefile" | "Dockerfile" | "LICENSE")
}

fn is_shell(line: &str) -> bool {
    let Some(word) = line.trim().strip_prefix("```") else {
        return false;
    };
    matches!(
        word.trim_start_matches('`').trim(),
        "bash"
            | "sh"
            | "shell"
            | "cmd"
            | "batch"
            | "powershell"
            | "ps1"
            | "zsh"
            | "fish"
            | "ksh"
            | "csh"
            | "tcsh"
            | "console"
    )
}
