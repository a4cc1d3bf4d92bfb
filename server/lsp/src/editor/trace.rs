//! Trace: every text of a document since an edit of it was sent. What became of the edit is read from the texts alone:
//! it landed, or it was applied on a newer text than it was made for, or it is not there (L3).

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use lsp_types::TextEdit;
use parking_lot::Mutex;
use ropey::Rope;
use workspace::RelPath;

use crate::apply;
use crate::position::{self, Encoding};
use crate::quirks::Stale;

/// Most texts that are compared; a person does not type more while an edit is under way.
const TEXTS: usize = 1_000;

/// The documents whose texts are kept just now; empty but while an edit is under way.
#[derive(Debug, Default)]
pub struct Traces(Mutex<BTreeMap<RelPath, Trace>>);

/// What became of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing of it is there yet.
    Nothing,
    /// The document held the new text.
    Landed,
    /// It was applied on a newer text than it was made for.
    Misplaced {
        /// What the person had written until then.
        user: String,
        /// What the edit made of it.
        seen: String,
    },
}

/// The texts of one document.
#[derive(Debug)]
pub struct Trace {
    base: String,
    after: String,
    edits: Vec<TextEdit>,
    encoding: Encoding,
    /// How the client meets an edit for another version: only some put it at a wrong place.
    stale: Stale,
    texts: Vec<Rope>,
    /// What the edit would make of each text, by its fingerprint.
    made: HashMap<u64, usize>,
    finding: Finding,
}

impl Traces {
    /// From now on the texts of a document are kept, beginning with the one that it holds.
    pub fn begin(&self, path: &RelPath, mut trace: Trace, now: Option<&Rope>) {
        if let Some(now) = now {
            trace.note(now);
        }
        self.0.lock().insert(path.clone(), trace);
    }

    /// A document has a new text.
    pub fn note(&self, path: &RelPath, text: &Rope) {
        if let Some(trace) = self.0.lock().get_mut(path) {
            trace.note(text);
        }
    }

    /// What became of the edit of a document; nothing where none is under way.
    pub fn finding(&self, path: &RelPath) -> Finding {
        let traces = self.0.lock();
        traces
            .get(path)
            .map_or(Finding::Nothing, |trace| trace.finding.clone())
    }

    /// The edit of a document is over.
    pub fn end(&self, path: &RelPath) {
        self.0.lock().remove(path);
    }
}

impl Trace {
    /// The trace of an edit that makes `after` of `base`.
    pub fn new(
        base: &str,
        after: &str,
        edits: Vec<TextEdit>,
        encoding: Encoding,
        stale: Stale,
    ) -> Trace {
        Trace {
            base: apply::bare(base).to_owned(),
            after: apply::bare(after).to_owned(),
            edits,
            encoding,
            stale,
            texts: Vec::new(),
            made: HashMap::new(),
            finding: Finding::Nothing,
        }
    }

    fn note(&mut self, rope: &Rope) {
        if self.finding != Finding::Nothing || self.texts.len() >= TEXTS {
            return;
        }
        let text = rope.to_string();
        if matches!(self.stale, Stale::Refuses | Stale::Moves) {
            if self.is_after(&text) {
                self.finding = Finding::Landed;
            }
            return;
        }
        let made_of = self.made.get(&fingerprint(&text)).copied();
        if made_of.is_some() || self.is_after(&text) {
            self.finding = match self.origin(&text).or(made_of) {
                Some(index) => self.judge(self.texts[index].to_string(), text),
                None => Finding::Landed,
            };
            return;
        }
        let mut made = rope.clone();
        apply_all(&mut made, &self.edits, self.encoding);
        let made = made.to_string();
        // An edit that would change nothing there leaves nothing to be seen.
        if !apply::same(&made, &text) {
            let index = self.texts.len();
            self.made.entry(fingerprint(&made)).or_insert(index);
        }
        self.texts.push(rope.clone());
    }

    fn judge(&self, user: String, seen: String) -> Finding {
        match apply::same(&user, &self.base) {
            true => Finding::Landed,
            false => Finding::Misplaced { user, seen },
        }
    }

    /// The text that the edit was applied to when it made this one: a client tells of each piece by itself, the last one
    /// first, or of all at once.
    fn origin(&self, made: &str) -> Option<usize> {
        let count = self.texts.len();
        let first = count.saturating_sub(self.edits.len());
        let by_pieces = (first..count).find(|index| self.leads(*index, made));
        by_pieces.or_else(|| {
            let last = count.checked_sub(1)?;
            let mut at_once = self.texts[last].clone();
            apply_all(&mut at_once, &self.edits, self.encoding);
            apply::same(&at_once.to_string(), made).then_some(last)
        })
    }

    /// Whether the texts behind this one, up to `made`, are the edit's pieces.
    fn leads(&self, from: usize, made: &str) -> bool {
        let mut now = self.texts[from].clone();
        let mut behind = self.texts[from + 1..].iter();
        for (done, edit) in self.edits.iter().rev().enumerate() {
            let before = now.clone();
            apply_all(&mut now, std::slice::from_ref(edit), self.encoding);
            // A piece that changes nothing is not told.
            if now == before {
                continue;
            }
            match behind.next() {
                Some(text) if *text == now => {}
                Some(_) => return false,
                None => {
                    let rest = &self.edits[..self.edits.len() - done - 1];
                    apply_all(&mut now, rest, self.encoding);
                    return apply::same(&now.to_string(), made);
                }
            }
        }
        false
    }

    fn is_after(&self, text: &str) -> bool {
        // Where only line endings change, nothing less than the very text proves it.
        text == self.after
            || (!apply::same(&self.base, &self.after) && apply::same(text, &self.after))
    }
}

/// Applies the edits of one version as a client does: the last one first.
fn apply_all(rope: &mut Rope, edits: &[TextEdit], encoding: Encoding) {
    for edit in edits.iter().rev() {
        let chars = position::to_chars(rope, edit.range, encoding);
        let at = chars.start;
        if !chars.is_empty() {
            rope.remove(chars);
        }
        rope.insert(at, &edit.new_text);
    }
}

/// The same for texts that an editor would not tell apart.
fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for line in apply::shown(text) {
        line.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsp_types::{Position, Range};

    const BASE: &str = "one\ntwo\nthree\nfour\n";
    const AFTER: &str = "one\nTWO\nthree\nFOUR\n";

    fn line(at: u32, text: &str) -> TextEdit {
        TextEdit {
            range: Range {
                start: Position::new(at, 0),
                end: Position::new(at + 1, 0),
            },
            new_text: text.to_owned(),
        }
    }

    fn find(texts: &[&str], stale: Stale) -> Finding {
        let edits = vec![line(1, "TWO\n"), line(3, "FOUR\n")];
        let path = RelPath::new("a").unwrap();
        let traces = Traces::default();
        let trace = Trace::new(BASE, AFTER, edits, Encoding::Utf16, stale);
        traces.begin(&path, trace, Some(&Rope::from_str(BASE)));
        for text in texts {
            traces.note(&path, &Rope::from_str(text));
        }
        let finding = traces.finding(&path);
        traces.end(&path);
        assert_eq!(traces.finding(&path), Finding::Nothing);
        finding
    }

    #[test]
    fn l3_what_became_of_an_edit_is_read_from_the_texts() {
        let misplaced = |user: &str, seen: &str| Finding::Misplaced {
            user: user.to_owned(),
            seen: seen.to_owned(),
        };
        let typed = "zero\none\ntwo\nthree\nfour\n";
        let torn = "zero\nTWO\ntwo\nFOUR\nfour\n";
        for (texts, expected) in [
            (vec![], Finding::Nothing),
            (vec![AFTER], Finding::Landed),
            (vec!["one\nTWO\nthree\nFOUR"], Finding::Landed),
            (vec!["one\ntwo\nthree\nFOUR\n", AFTER], Finding::Landed),
            (vec![AFTER, "something else"], Finding::Landed),
            (vec![typed], Finding::Nothing),
            (vec![typed, BASE, AFTER], Finding::Landed),
            // Typed above, and the edit went by line numbers, one piece after the other.
            (
                vec![typed, "zero\none\ntwo\nFOUR\nfour\n", torn],
                misplaced(typed, torn),
            ),
            (vec![typed, torn, "more"], misplaced(typed, torn)),
            // Typed in the very lines that the edit replaces: what came is the new text, and what was typed is gone.
            (
                vec!["one\ntwo!\nthree\nfour\n", AFTER],
                misplaced("one\ntwo!\nthree\nfour\n", AFTER),
            ),
            (
                vec![
                    "one\ntwo!\nthree\nfour\n",
                    "one\ntwo!\nthree\nFOUR\n",
                    AFTER,
                ],
                misplaced("one\ntwo!\nthree\nfour\n", AFTER),
            ),
            // Typed below: what the edit makes is right, and is known for what it is all the same.
            (
                vec![
                    "one\ntwo\nthree\nfour\nfive\n",
                    "one\nTWO\nthree\nFOUR\nfive\n",
                ],
                misplaced(
                    "one\ntwo\nthree\nfour\nfive\n",
                    "one\nTWO\nthree\nFOUR\nfive\n",
                ),
            ),
        ] {
            assert_eq!(find(&texts, Stale::Unreliable), expected, "{texts:?}");
        }
        // Who checks versions may tell of parts of an edit: they are nobody's text.
        let parts = ["one\nT\nthree\nfour\n", AFTER];
        assert_eq!(find(&parts, Stale::Refuses), Finding::Landed);
        assert_ne!(find(&parts, Stale::Unreliable), Finding::Landed);
    }
}
