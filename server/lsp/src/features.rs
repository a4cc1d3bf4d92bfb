//! Feature: something a client can do, read from what it announces. What it does otherwise than it says is in the quirks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Something a client can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Takes `workspace/applyEdit`.
    ApplyEdit,
    /// Takes `documentChanges`, that is, versions.
    DocumentChanges,
    /// Creates files in a workspace edit.
    CreateFile,
    /// Creates a file only where none is, and refuses the edit otherwise, where it is asked to.
    CreateExclusive,
    /// Deletes files in a workspace edit.
    DeleteFile,
    /// Sorts the buttons of a question by their names, and takes the first where a person only presses Enter. Nobody announces it.
    SortedButtons,
    /// Runs the command of an action before it tells of the action's edit, so that an action may carry one of them only. Nobody
    /// announces it.
    LateEdits,
    /// Types an edit into the buffer. So `\r` is a line end of its own there, whatever the file has, and edits carry `\n` alone. What no
    /// buffer shows it edits on disk and calls open from then on; such files are ours to write. Nobody announces it.
    TypedEdits,
    /// Takes `metadata` with an edit, and saves what a refactoring touched.
    EditMetadata,
    /// Asks a person before it applies an annotated edit.
    EditConfirmation,
    /// Shows progress that the server began.
    Progress,
    /// Has a button at such a progress that cancels it.
    CancelButton,
    /// Takes code actions as objects, not only as commands.
    ActionLiterals,
    /// Shows disabled actions with their reason.
    DisabledActions,
    /// Marks actions whose result a language model makes.
    GeneratedTag,
    /// Shows lenses above lines.
    Lenses,
    /// Asks for the lenses again when it is told to.
    LensRefresh,
    /// Opens a document when it is asked to.
    ShowDocument,
    /// Asks the server for the text of `animus:` documents once that is registered.
    Content,
    /// Fetches the edit of an action when it is taken.
    ResolvedEdit,
    /// Takes a registration of lenses, links, folding and definitions for some documents only.
    Selective,
    /// Shows the diagnostics that a server publishes.
    Diagnostics,
    /// Lets lie what it read together with an answer, until something else comes.
    ReadsTogether,
    /// Asks for inline completion.
    InlineCompletion,
    /// Asks for it only once it is registered.
    RegisteredCompletion,
}

/// All of them.
#[cfg(test)]
pub const ALL: &[Feature] = &[
    Feature::ApplyEdit,
    Feature::DocumentChanges,
    Feature::CreateFile,
    Feature::CreateExclusive,
    Feature::DeleteFile,
    Feature::SortedButtons,
    Feature::LateEdits,
    Feature::TypedEdits,
    Feature::EditMetadata,
    Feature::EditConfirmation,
    Feature::Progress,
    Feature::CancelButton,
    Feature::ActionLiterals,
    Feature::DisabledActions,
    Feature::GeneratedTag,
    Feature::Lenses,
    Feature::LensRefresh,
    Feature::ShowDocument,
    Feature::Content,
    Feature::ResolvedEdit,
    Feature::Selective,
    Feature::Diagnostics,
    Feature::ReadsTogether,
    Feature::InlineCompletion,
    Feature::RegisteredCompletion,
];

/// What the params of `initialize` announce.
pub fn announced(params: &Value) -> BTreeSet<Feature> {
    let said = |pointer: &str| params.pointer(&format!("/capabilities/{pointer}"));
    let yes = |pointer: &str| said(pointer).and_then(Value::as_bool).unwrap_or(false);
    let is = |pointer: &str| said(pointer).is_some_and(Value::is_object);
    let lists = |pointer: &str, wanted: &Value| {
        said(pointer)
            .and_then(Value::as_array)
            .is_some_and(|list| list.contains(wanted))
    };
    let operations = "workspace/workspaceEdit/resourceOperations";
    let registers = ["codeLens", "documentLink", "foldingRange", "definition"]
        .iter()
        .all(|part| yes(&format!("textDocument/{part}/dynamicRegistration")));
    let table = [
        (Feature::ApplyEdit, yes("workspace/applyEdit")),
        (
            Feature::DocumentChanges,
            yes("workspace/workspaceEdit/documentChanges"),
        ),
        (Feature::CreateFile, lists(operations, &json!("create"))),
        // LSP wants it of everybody who creates files.
        (Feature::CreateExclusive, true),
        (Feature::DeleteFile, lists(operations, &json!("delete"))),
        (
            Feature::EditMetadata,
            yes("workspace/workspaceEdit/metadataSupport"),
        ),
        (
            Feature::EditConfirmation,
            is("workspace/workspaceEdit/changeAnnotationSupport"),
        ),
        (Feature::Progress, yes("window/workDoneProgress")),
        (Feature::CancelButton, yes("window/workDoneProgress")),
        (
            Feature::ActionLiterals,
            is("textDocument/codeAction/codeActionLiteralSupport"),
        ),
        (
            Feature::DisabledActions,
            yes("textDocument/codeAction/disabledSupport"),
        ),
        (
            Feature::GeneratedTag,
            lists("textDocument/codeAction/tagSupport/valueSet", &json!(1)),
        ),
        (Feature::Lenses, is("textDocument/codeLens")),
        (
            Feature::LensRefresh,
            yes("workspace/codeLens/refreshSupport"),
        ),
        (Feature::ShowDocument, yes("window/showDocument/support")),
        (
            Feature::Content,
            yes("workspace/textDocumentContent/dynamicRegistration"),
        ),
        (
            Feature::ResolvedEdit,
            yes("textDocument/codeAction/dataSupport")
                && lists(
                    "textDocument/codeAction/resolveSupport/properties",
                    &json!("edit"),
                ),
        ),
        (Feature::Selective, registers),
        (Feature::Diagnostics, is("textDocument/publishDiagnostics")),
        (
            Feature::InlineCompletion,
            is("textDocument/inlineCompletion"),
        ),
        (
            Feature::RegisteredCompletion,
            yes("textDocument/inlineCompletion/dynamicRegistration"),
        ),
    ];
    table
        .into_iter()
        .filter_map(|(feature, has)| has.then_some(feature))
        .collect()
}
