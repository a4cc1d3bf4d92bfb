//! Open: the documents that the editor has open: small ones whole, others by their definitions, unsaved text included.

use super::{Shown, text_of, whole};
use std::fmt::Write;
use workspace::Snapshot;

/// Documents that are named at most.
const MOST: usize = 20;
/// A document of at most so many bytes is shown whole.
const SMALL: usize = 4 * 1024;

/// The open documents in `max_bytes`, in the order of their paths; what is shown whole is noted.
pub(super) fn shown(snapshot: &Snapshot, shown: &mut Shown, max_bytes: usize) -> String {
    let host = snapshot.host();
    let dirty = host.dirty();
    let mut names = String::new();
    let mut texts = String::new();
    let open = host.open();
    let open = open
        .iter()
        .filter(|path| !workspace::is_secret(path) && snapshot.read(path).is_ok());
    for path in open.take(MOST) {
        let unsaved = if dirty.contains(path) {
            " (unsaved)"
        } else {
            ""
        };
        let comma = if names.is_empty() { "" } else { ", " };
        let _ = write!(names, "{comma}{path}{unsaved}");
        let Ok(text) = text_of(snapshot, path) else {
            continue;
        };
        let is_shown = shown.files.contains(path)
            || shown.lines.as_ref().is_some_and(|(file, _)| file == path);
        let room = max_bytes.saturating_sub(names.len() + texts.len());
        if is_shown || text.trim().is_empty() {
            continue;
        }
        let all = whole(path, &text);
        if text.len() <= SMALL && all.len() <= room {
            texts.push_str(&all);
            shown.files.push(path.clone());
            continue;
        }
        let mut outline = format!("\n{path} defines:\n");
        for it in index::outline(path.as_str(), &text) {
            let line = format!("{}-{} {}\n", it.start, it.end, it.signature);
            if outline.len() + line.len() > room {
                break;
            }
            outline.push_str(&line);
        }
        if outline.lines().count() > 2 {
            texts.push_str(&outline);
        }
    }
    match names.is_empty() || names.len() > max_bytes {
        true => String::new(),
        false => format!("\nOpen in the editor: {names}\n{texts}"),
    }
}
