//! Preview: the waiting hunks of a patch as one edit that the editor shows before it applies it, hunk by hunk. What came of it is
//! learnt from the texts, never from the answer.

use serde_json::{Value, json};
use workspace::{Content, FileReview, Host, Place, Verdict};

use super::Sheet;
use crate::actions::{SOURCE, shorten};
use crate::editor::Editor;
use crate::features::Feature;
use crate::negotiate::Client;
use crate::position;
use lsp_types::{CodeAction, Position};
use protocol::PatchState;
use ropey::Rope;

/// Whether the client can show it: it asks before annotated edits, and fetches the edit of an action when it is taken.
pub fn is_for(client: &Client) -> bool {
    client.can(Feature::EditConfirmation)
        && client.can(Feature::ResolvedEdit)
        && client.can(Feature::DocumentChanges)
}

/// The action, without its edit.
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
pub fn edit(sheet: &Sheet, editor: &Editor) -> Value {
    let (mut operations, mut annotations) = (Vec::new(), serde_json::Map::new());
    for (number, file) in sheet.review.files.iter().enumerate() {
        let path = &file.edit.path;
        let uri = editor.addresses().uri(path);
        let waiting: Vec<usize> = (0..file.hunks.len())
            .filter(|hunk| file.hunks[*hunk].verdict == Verdict::Pending)
            .collect();
        let mut annotate = |hunk: usize| {
            let id = format!("{number}.{hunk}");
            let label = format!("Hunk {} of {} in {path}", hunk + 1, file.hunks.len());
            let annotation = json!({
                "label": label, "needsConfirmation": true, "description": shorten(&sheet.view.title),
            });
            annotations.insert(id.clone(), annotation);
            id
        };
        if file.is_whole() {
            if !waiting.is_empty() {
                operations.extend(whole(file, &uri, annotate));
            }
            continue;
        }
        let Ok(Some(content)) = editor.read(path) else {
            continue;
        };
        let edits = text_edits(file, &content, &waiting, editor.client(), &mut annotate);
        if !edits.is_empty() {
            let document = json!({ "uri": uri, "version": content.version });
            operations.push(json!({ "textDocument": document, "edits": edits }));
        }
    }
    json!({ "documentChanges": operations, "changeAnnotations": annotations })
}

fn text_edits(
    file: &FileReview,
    content: &Content,
    waiting: &[usize],
    client: &Client,
    annotate: &mut impl FnMut(usize) -> String,
) -> Vec<Value> {
    let Ok(text) = content.text() else {
        return Vec::new();
    };
    let places = file.places(&content.bytes);
    let rope = Rope::from_str(crate::apply::bare(text));
    let at = |line: u32| {
        let line = (line as usize).min(rope.len_lines());
        position::from_char(&rope, rope.line_to_char(line), client.encoding)
    };
    let mut edits = Vec::new();
    for hunk in waiting {
        let place: Option<Place> = places.get(*hunk).cloned().flatten();
        let new = String::from_utf8(file.replacement(&file.hunks[*hunk]));
        let (Some(place), Ok(new)) = (place, new) else {
            continue;
        };
        edits.push(json!({
            "range": { "start": at(place.start), "end": at(place.end) },
            "newText": new,
            "annotationId": annotate(*hunk),
        }));
    }
    edits
}

/// A file that comes or goes.
fn whole(file: &FileReview, uri: &str, mut annotate: impl FnMut(usize) -> String) -> Vec<Value> {
    let id = annotate(0);
    let after = file.edit.after.as_deref().map(std::str::from_utf8);
    match (&file.edit.base, after) {
        (None, Some(Ok(text))) => {
            let start = Position::new(0, 0);
            let range = json!({ "start": start, "end": Position::new(1, 0) });
            let insert = json!({ "range": range, "newText": text, "annotationId": id });
            vec![
                json!({ "kind": "create", "uri": uri, "options": { "overwrite": false }, "annotationId": id }),
                json!({ "textDocument": { "uri": uri, "version": null }, "edits": [insert] }),
            ]
        }
        (Some(_), None) => vec![json!({ "kind": "delete", "uri": uri, "annotationId": id })],
        _ => Vec::new(),
    }
}
