//! Near: pieces of other files that may help at a cursor, out of what the index holds now.

use super::{Cursor, sight};
use crate::knowledge::Knowledge;
use llm::{Known, Near};
use std::sync::Arc;
use workspace::RelPath;

/// Regions that are looked at.
const REGIONS: usize = 12;
/// Pieces that are given, and lines of each.
const MOST: usize = 3;
const LINES: usize = 20;
/// Bytes before the cursor whose words are looked for.
const WORDS: usize = 400;

/// The best pieces, masked, of so many bytes in all.
pub(super) async fn find(
    knowledge: &Arc<Knowledge>,
    cursor: &Cursor,
    known: &Known,
    bytes: usize,
) -> Vec<Near> {
    if bytes == 0 {
        return Vec::new();
    }
    let mut from = cursor.before.len().saturating_sub(WORDS);
    while !cursor.before.is_char_boundary(from) {
        from += 1;
    }
    let (words, path) = (cursor.before[from..].to_owned(), cursor.path.clone());
    let (knowledge, known) = (knowledge.clone(), known.clone());
    let job = tokio::task::spawn_blocking(move || {
        knowledge.look(|view| {
            let mut pieces: Vec<Near> = Vec::new();
            let mut left = bytes;
            for hit in view.search(&words, REGIONS, &[]) {
                let is_other = RelPath::new(&hit.path)
                    .is_ok_and(|other| other != path && !workspace::is_secret(&other));
                if pieces.len() == MOST || !is_other {
                    continue;
                }
                let Some(text) = view.text(&hit.path) else {
                    continue;
                };
                let found = (hit.start as usize, hit.end as usize);
                let Some(piece) = sight::lines(&text, &known, found, (LINES, left)) else {
                    continue;
                };
                left -= piece.len();
                pieces.push(Near {
                    path: hit.path,
                    text: piece,
                });
            }
            pieces
        })
    });
    job.await.unwrap_or_default()
}
