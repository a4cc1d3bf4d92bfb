//! Rewrite: the edit of a rename, applied to copies of the texts. Nothing of it goes back to the editor: it becomes a part of a
//! draft.

use std::collections::{BTreeMap, HashMap};

use agent::insight::{Renamed, Rewritten};
use lsp_types::{
    DocumentChangeOperation, DocumentChanges, OneOf, TextDocumentEdit, TextEdit, WorkspaceEdit,
};
use ropey::Rope;
use serde::Deserialize;
use serde_json::Value;
use workspace::RelPath;

use super::answers::{read, readable};
use crate::editor::Editor;
use crate::navigate;
use crate::position::{self, Encoding};

#[derive(Deserialize)]
struct Answer {
    edit: Option<WorkspaceEdit>,
}

/// Edits by the address of their document, with the version they are for.
type Edits = Vec<(String, Option<i32>, Vec<TextEdit>)>;

/// The documents that were open when a question was asked, as they were: an answer is about these texts.
pub(super) struct Moment(HashMap<RelPath, Rope>);

impl Moment {
    /// This one.
    pub(super) fn of(editor: &Editor) -> Moment {
        let documents = editor.documents();
        let open = documents.paths().into_iter().filter_map(|path| {
            let rope = documents.get(&path)?.rope.clone();
            Some((path, rope))
        });
        Moment(open.collect())
    }

    /// Whether a file has the text that it had; one that was opened or closed since must be as it is on disk.
    fn is_as_now(&self, editor: &Editor, path: &RelPath, now: &Rope) -> bool {
        match self.0.get(path) {
            Some(then) => then == now,
            None => match editor.documents().get(path) {
                Some(_) => navigate::on_disk(editor, path).is_some_and(|disk| disk.rope == *now),
                None => true,
            },
        }
    }
}

/// `{edit}` or null, for a question of that moment.
pub(super) fn renamed(editor: &Editor, then: &Moment, answer: Value) -> Result<Renamed, String> {
    let answer: Option<Answer> = read(answer)?;
    let Some(edit) = answer.and_then(|answer| answer.edit) else {
        return Ok(Renamed::default());
    };
    let mut renamed = Renamed::default();
    let mut files: BTreeMap<RelPath, Vec<TextEdit>> = BTreeMap::new();
    for (uri, version, edits) in edits_of(edit)? {
        let Some(path) = readable(editor, &uri) else {
            renamed.elsewhere += 1;
            continue;
        };
        if version.is_some()
            && editor
                .version(&path)
                .is_some_and(|now| Some(now) != version)
        {
            return Err(format!("it is for another version of {path}"));
        }
        files.entry(path).or_default().extend(edits);
    }
    for (path, edits) in files {
        let text = navigate::text(editor, &path).ok_or_else(|| format!("{path} has no text"))?;
        if !then.is_as_now(editor, &path, &text.rope) {
            return Err(format!("{path} changed while it worked"));
        }
        let after = applied(&text.rope, &edits, editor.client().encoding)
            .ok_or_else(|| format!("edits of {path} overlap"))?;
        renamed.files.push(Rewritten {
            path,
            before: format!("{}{}", text.mark, text.rope),
            after: format!("{}{after}", text.mark),
        });
    }
    Ok(renamed)
}

fn edits_of(edit: WorkspaceEdit) -> Result<Edits, String> {
    let of_document = |edit: TextDocumentEdit| {
        let plain = |edit: OneOf<TextEdit, lsp_types::AnnotatedTextEdit>| match edit {
            OneOf::Left(edit) => edit,
            OneOf::Right(edit) => edit.text_edit,
        };
        let document = edit.text_document;
        let edits = edit.edits.into_iter().map(plain).collect();
        (document.uri.as_str().to_owned(), document.version, edits)
    };
    match (edit.document_changes, edit.changes) {
        (Some(DocumentChanges::Edits(edits)), _) => {
            Ok(edits.into_iter().map(of_document).collect())
        }
        (Some(DocumentChanges::Operations(operations)), _) => {
            let mut edits = Vec::new();
            for operation in operations {
                match operation {
                    DocumentChangeOperation::Edit(edit) => edits.push(of_document(edit)),
                    DocumentChangeOperation::Op(_) => {
                        return Err("it makes, moves or removes files".to_owned());
                    }
                }
            }
            Ok(edits)
        }
        (None, Some(changes)) => {
            let all = changes.into_iter();
            Ok(all
                .map(|(uri, edits)| (uri.as_str().to_owned(), None, edits))
                .collect())
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// The text behind the edits, which are all of the text before them; `None` where two overlap.
fn applied(rope: &Rope, edits: &[TextEdit], encoding: Encoding) -> Option<String> {
    let mut spans: Vec<(std::ops::Range<usize>, &str)> = edits
        .iter()
        .map(|edit| {
            let span = position::to_chars(rope, edit.range, encoding);
            (span, edit.new_text.as_str())
        })
        .collect();
    spans.sort_by_key(|(span, _)| (span.start, span.end));
    spans.dedup();
    let mut after = rope.clone();
    let mut next = usize::MAX;
    for (span, text) in spans.into_iter().rev() {
        if span.end > next {
            return None;
        }
        next = span.start;
        after.remove(span.clone());
        after.insert(span.start, text);
    }
    Some(after.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsp_types::{Position, Range};

    fn edit(start: (u32, u32), end: (u32, u32), text: &str) -> TextEdit {
        let at = |(line, character)| Position { line, character };
        TextEdit {
            range: Range {
                start: at(start),
                end: at(end),
            },
            new_text: text.to_owned(),
        }
    }

    #[test]
    fn edits_are_of_the_old_text_and_must_not_overlap() {
        let rope = Rope::from_str("a😀sum\r\nsum\n");
        let edits = [edit((0, 3), (0, 6), "total"), edit((1, 0), (1, 3), "total")];
        assert_eq!(
            applied(&rope, &edits, Encoding::Utf16).as_deref(),
            Some("a😀total\r\ntotal\n")
        );
        let twice = [edits[0].clone(), edits[0].clone()];
        assert_eq!(
            applied(&rope, &twice, Encoding::Utf16).as_deref(),
            Some("a😀total\r\nsum\n")
        );
        let bad = [edit((0, 0), (0, 4), ""), edit((0, 3), (0, 6), "x")];
        assert_eq!(applied(&rope, &bad, Encoding::Utf16), None);
    }
}
