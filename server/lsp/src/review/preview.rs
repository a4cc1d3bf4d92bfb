//! Preview: the waiting hunks of a patch as one edit that the editor shows before it applies it, hunk by hunk. What came of it is
//! learnt from the texts, never from the answer.

use std::collections::HashMap;
use std::str::FromStr;

use lsp_types::{
    AnnotatedTextEdit, ChangeAnnotation, CodeAction, CreateFile, CreateFileOptions, DeleteFile,
    DocumentChangeOperation, DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier,
    Position, Range, ResourceOp, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};
use protocol::PatchState;
use ropey::Rope;
use serde_json::json;
use workspace::{Content, FileReview, Host, Verdict};

use super::Sheet;
use crate::actions::{SOURCE, shorten};
use crate::editor::Editor;
use crate::features::Feature;
use crate::negotiate::Client;
use crate::{apply, position};

/// Whether the client can show it: it asks before annotated edits, and fetches the edit of an action when it is taken.
pub fn is_for(client: &Client) -> bool {
    client.can(Feature::EditConfirmation)
        && client.can(Feature::ResolvedEdit)
        && client.can(Feature::DocumentChanges)
}

/// The action, without its edit; none where nothing waits.
pub fn action(sheet: &Sheet) -> Option<CodeAction> {
    (sheet.view.state == PatchState::Proposed).then(|| CodeAction {
        title: format!(
            "Review in the editor's preview: {}",
            shorten(&sheet.view.title)
        ),
        kind: Some(format!("{SOURCE}.review").into()),
        data: Some(json!({ "preview": sheet.view.id })),
        ..CodeAction::default()
    })
}

/// The edit: every waiting hunk that still has its place, with an annotation of its own. Reads the files that are not open.
pub fn edit(sheet: &Sheet, editor: &Editor) -> WorkspaceEdit {
    let mut notes = HashMap::new();
    let mut operations = Vec::new();
    for (number, file) in sheet.review.files.iter().enumerate() {
        let mut annotate = |hunk: usize| {
            let id = format!("{number}.{hunk}");
            let all = file.hunks.len();
            let note = ChangeAnnotation {
                label: format!("Hunk {} of {all} in {}", hunk + 1, file.edit.path),
                needs_confirmation: Some(true),
                description: Some(shorten(&sheet.view.title)),
            };
            notes.insert(id.clone(), note);
            id
        };
        operations.extend(of_file(file, editor, &mut annotate).unwrap_or_default());
    }
    WorkspaceEdit {
        changes: None,
        document_changes: Some(DocumentChanges::Operations(operations)),
        change_annotations: Some(notes),
    }
}

/// What is to be done to one file; nothing where its address or its text is none.
fn of_file(
    file: &FileReview,
    editor: &Editor,
    annotate: &mut impl FnMut(usize) -> String,
) -> Option<Vec<DocumentChangeOperation>> {
    let uri = Uri::from_str(&editor.addresses().uri(&file.edit.path)).ok()?;
    let waiting: Vec<usize> = (0..file.hunks.len())
        .filter(|hunk| file.hunks[*hunk].verdict == Verdict::Pending)
        .collect();
    if file.is_whole() {
        return waiting.first().map(|_| whole(file, &uri, annotate(0)));
    }
    let content = editor.read(&file.edit.path).ok()??;
    let edits = text_edits(file, &content, &waiting, editor.client(), annotate)?;
    let edits = edits.into_iter().map(OneOf::Right).collect();
    Some(vec![in_document(uri, content.version, edits)])
}

fn in_document(
    uri: Uri,
    version: Option<i32>,
    edits: Vec<OneOf<TextEdit, AnnotatedTextEdit>>,
) -> DocumentChangeOperation {
    DocumentChangeOperation::Edit(TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri, version },
        edits,
    })
}

fn text_edits(
    file: &FileReview,
    content: &Content,
    waiting: &[usize],
    client: &Client,
    annotate: &mut impl FnMut(usize) -> String,
) -> Option<Vec<AnnotatedTextEdit>> {
    let places = file.places(&content.bytes);
    let rope = Rope::from_str(apply::bare(content.text().ok()?));
    let at = |line: u32| {
        let line = (line as usize).min(rope.len_lines());
        position::from_char(&rope, rope.line_to_char(line), client.encoding)
    };
    let mut edits = Vec::new();
    for hunk in waiting {
        let place = places.get(*hunk).cloned().flatten();
        let new_text = String::from_utf8(file.replacement(&file.hunks[*hunk]));
        let (Some(place), Ok(new_text)) = (place, new_text) else {
            continue;
        };
        let range = Range {
            start: at(place.start),
            end: at(place.end),
        };
        edits.push(AnnotatedTextEdit {
            text_edit: TextEdit {
                range,
                new_text: apply::bare(&new_text).to_owned(),
            },
            annotation_id: annotate(*hunk),
        });
    }
    (!edits.is_empty()).then_some(edits)
}

/// A file that comes or goes.
fn whole(file: &FileReview, uri: &Uri, note: String) -> Vec<DocumentChangeOperation> {
    let after = file.edit.after.as_deref().map(std::str::from_utf8);
    match (&file.edit.base, after) {
        (None, Some(Ok(text))) => {
            let create = ResourceOp::Create(CreateFile {
                uri: uri.clone(),
                options: Some(CreateFileOptions {
                    overwrite: Some(false),
                    ignore_if_exists: Some(false),
                }),
                annotation_id: Some(note.clone()),
            });
            let insert = AnnotatedTextEdit {
                text_edit: TextEdit {
                    range: Range {
                        start: Position::new(0, 0),
                        end: Position::new(1, 0),
                    },
                    new_text: apply::bare(text).to_owned(),
                },
                annotation_id: note,
            };
            vec![
                DocumentChangeOperation::Op(create),
                in_document(uri.clone(), None, vec![OneOf::Right(insert)]),
            ]
        }
        (Some(_), None) => {
            let delete = ResourceOp::Delete(DeleteFile {
                uri: uri.clone(),
                options: None,
                annotation_id: Some(note),
            });
            vec![DocumentChangeOperation::Op(delete)]
        }
        _ => Vec::new(),
    }
}
