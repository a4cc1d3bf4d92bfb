//! Name: the file that a block or a fence is for, as people and models write it: alone, decorated, or in a fence's info string.

use super::{is_tail, opens};

/// The file's name in the three lines above a block, looking through fences only.
pub(super) fn above(lines: &[&str], has_current: bool) -> Option<String> {
    let mut fenced = false;
    let mut blanks = 0;
    for line in lines.iter().rev().take(4) {
        let body = line.trim();
        if body.is_empty() {
            blanks += 1;
            if blanks > 1 {
                return None;
            }
            continue;
        }
        if let Some(info) = fence(body) {
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

/// The info string of a line that opens or closes a fence; some models use tags for ticks.
fn fence(line: &str) -> Option<&str> {
    const TAGS: [&str; 5] = ["source", "code", "pre", "codeblock", "sourcecode"];
    if let Some(info) = line.strip_prefix("```") {
        return Some(info.trim_start_matches('`').trim());
    }
    let (tag, info) = line.strip_prefix('<')?.split_once('>')?;
    let tag = tag.strip_prefix('/').unwrap_or(tag);
    TAGS.contains(&tag).then(|| info.trim())
}

/// A line without the marks that people and models put around file names.
pub(in crate::patch) fn clean(line: &str) -> Option<String> {
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
    // Markdown's escape; a path with other backslashes means them.
    let name = match body.matches('\\').count() == body.matches("\\_").count() {
        true => body.replace("\\_", "_"),
        false => body.to_owned(),
    };
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

pub(in crate::patch) fn is_shell(line: &str) -> bool {
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
