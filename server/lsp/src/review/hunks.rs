//! Hunks: what is offered at the changed lines of a real file. An action carries its edit inline, made for the text that is open,
//! and a command behind it, so that the decision is known; a client that runs no commands is believed by its text.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use lsp_types::{
    CodeAction, CodeLens, Command, DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier,
    Position, Range, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};
use serde_json::{Value, json};
use workspace::{Document, Place, RelPath, Verdict};

use super::live::{Live, Way};
use super::{Reviews, Sheet, preview};
use crate::actions::{QUICKFIX, shorten};
use crate::editor::Editor;
use crate::features::Feature;
use crate::verbs;

/// The open document that is asked about.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The workspace.
    pub editor: &'a Editor,
    /// The document.
    pub path: &'a RelPath,
    /// Its text.
    pub document: &'a Document,
}

/// A decision that is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Into the file.
    Accept,
    /// Not into the file.
    Refuse,
    /// Out of the file again.
    TakeBack,
}

/// The actions at a selection or a cursor.
pub fn actions(asked: &Asked<'_>, reviews: &Reviews, range: Range) -> Vec<CodeAction> {
    let mut actions = Vec::new();
    for (sheet, file) in reviews.of_path(asked.path) {
        let live = reviews.live(&sheet, file, Some(asked.document));
        let Some(of) = sheet.file(file) else { continue };
        let touched: Vec<usize> = match of.is_whole() {
            true => (0..of.hunks.len()).collect(),
            false => (0..of.hunks.len())
                .filter(|hunk| {
                    let place = live.places.get(*hunk).cloned().flatten();
                    place.is_some_and(|place| touches(&place, range))
                })
                .collect(),
        };
        let offer = |decision, hunks: &[usize], words: String| {
            offer(asked, &sheet, file, &live, decision, hunks, words)
        };
        let all = of.hunks.len();
        for hunk in &touched {
            let name = format!("hunk {} of {all}", hunk + 1);
            match of.hunks.get(*hunk).map(|hunk| hunk.verdict) {
                Some(Verdict::Pending) => {
                    for decision in [Decision::Accept, Decision::Refuse] {
                        actions.push(offer(decision, &[*hunk], name.clone()));
                    }
                }
                Some(Verdict::Accepted) => actions.push(offer(Decision::TakeBack, &[*hunk], name)),
                Some(Verdict::Refused | Verdict::Undone) | None => {}
            }
        }
        let waiting: Vec<usize> = (0..all)
            .filter(|hunk| of.hunks[*hunk].verdict == Verdict::Pending)
            .collect();
        if waiting.len() > 1 && touched.iter().any(|hunk| waiting.contains(hunk)) {
            let name = format!("all {} waiting hunks of this file", waiting.len());
            actions.push(offer(Decision::Accept, &waiting, name));
        }
        if preview::is_for(asked.editor.client()) {
            actions.extend(preview::action(&sheet));
        }
    }
    actions
}

/// The lenses above the hunks that wait.
pub fn lenses(asked: &Asked<'_>, reviews: &Reviews) -> Vec<CodeLens> {
    let mut lenses = Vec::new();
    for (sheet, file) in reviews.of_path(asked.path) {
        let live = reviews.live(&sheet, file, Some(asked.document));
        let Some(of) = sheet.file(file) else { continue };
        for (number, hunk) in of.hunks.iter().enumerate() {
            if hunk.verdict != Verdict::Pending {
                continue;
            }
            let line = match live.places.get(number).cloned().flatten() {
                Some(place) => place.start,
                None if of.is_whole() => 0,
                None => continue,
            };
            let name = format!("hunk {} of {}", number + 1, of.hunks.len());
            for decision in [Decision::Accept, Decision::Refuse] {
                let title = format!("{} {name}", decision.word());
                let command = decision.command(&sheet, Some(file), Some(number), title);
                lenses.push(lens(line, command));
            }
            let title = format!("Review: {}", shorten(&sheet.view.title));
            lenses.push(lens(line, review_command(&sheet, title)));
        }
    }
    lenses
}

/// A lens above a line.
pub fn lens(line: u32, command: Command) -> CodeLens {
    CodeLens {
        range: Range {
            start: Position::new(line, 0),
            end: Position::new(line, 0),
        },
        command: Some(command),
        data: None,
    }
}

fn review_command(sheet: &Sheet, title: String) -> Command {
    Command {
        title,
        command: verbs::command("patch/review"),
        arguments: Some(vec![json!({ "patch": sheet.view.id })]),
    }
}

/// One decision, with the edit that carries it out where there is one.
fn offer(
    asked: &Asked<'_>,
    sheet: &Arc<Sheet>,
    file: usize,
    live: &Live,
    decision: Decision,
    hunks: &[usize],
    words: String,
) -> CodeAction {
    let title = format!(
        "{} {words}: {}",
        decision.word(),
        shorten(&sheet.view.title)
    );
    let hunk = match hunks {
        [hunk] => Some(*hunk),
        _ => None,
    };
    CodeAction {
        command: Some(decision.command(sheet, Some(file), hunk, title.clone())),
        title,
        kind: Some(QUICKFIX.to_owned().into()),
        edit: edit(asked, live, decision, hunks),
        ..CodeAction::default()
    }
}

/// The edit of the open document that carries a decision out, where there is one.
pub fn edit(
    asked: &Asked<'_>,
    live: &Live,
    decision: Decision,
    hunks: &[usize],
) -> Option<WorkspaceEdit> {
    let client = asked.editor.client();
    let way = match decision {
        Decision::Accept => Way::In,
        Decision::TakeBack => Way::Out,
        Decision::Refuse => return None,
    };
    // The command would find the old text and make the edit a second time.
    if client.can(Feature::LateEdits) {
        return None;
    }
    let edits = live.edits(hunks, way, client)?.to_vec();
    let uri = Uri::from_str(&asked.editor.addresses().uri(asked.path)).ok()?;
    let versions = client.can(Feature::DocumentChanges);
    Some(workspace_edit(uri, live.version(), edits, versions))
}

fn workspace_edit(
    uri: Uri,
    version: Option<i32>,
    edits: Vec<TextEdit>,
    versions: bool,
) -> WorkspaceEdit {
    if !versions {
        return WorkspaceEdit {
            changes: Some(HashMap::from([(uri, edits)])),
            ..WorkspaceEdit::default()
        };
    }
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Edits(vec![TextDocumentEdit {
            text_document: OptionalVersionedTextDocumentIdentifier { uri, version },
            edits: edits.into_iter().map(OneOf::Left).collect(),
        }])),
        ..WorkspaceEdit::default()
    }
}

/// Whether a place and a selection share a line; an insertion is at the lines around it.
fn touches(place: &Place, range: Range) -> bool {
    let (first, last) = (
        range.start.line.min(range.end.line),
        range.start.line.max(range.end.line),
    );
    match place.is_empty() {
        true => place.start.saturating_sub(1) <= last && first <= place.start,
        false => place.start <= last && first < place.end,
    }
}

impl Decision {
    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Decision::Accept => "Accept",
            Decision::Refuse => "Refuse",
            Decision::TakeBack => "Take back",
        }
    }

    /// The command that says so of a hunk, a file or the whole patch.
    pub fn command(
        self,
        sheet: &Sheet,
        file: Option<usize>,
        hunk: Option<usize>,
        title: String,
    ) -> Command {
        let mut argument = json!({ "patch": sheet.view.id });
        if let Some(file) = file.and_then(|file| sheet.file(file)) {
            argument["path"] = json!(file.edit.path.as_str());
        }
        if let Some(hunk) = hunk {
            argument["hunk"] = json!(hunk);
        }
        let verb = match self {
            Decision::Accept => {
                argument["resolution"] = Value::from("accept");
                "patch/resolve"
            }
            Decision::Refuse => {
                argument["resolution"] = Value::from("refuse");
                "patch/resolve"
            }
            Decision::TakeBack => "patch/undo",
        };
        Command {
            title,
            command: verbs::command(verb),
            arguments: Some(vec![argument]),
        }
    }
}
