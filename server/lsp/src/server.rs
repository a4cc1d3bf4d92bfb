//! Server: the typed half of the language server. Every handler answers from memory; none awaits a model, a tool, a
//! test or the client (L1).

use std::sync::Arc;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability,
    CodeActionResponse, CodeLens, CodeLensOptions, CodeLensParams, DidChangeConfigurationParams,
    DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams, DocumentLink,
    DocumentLinkOptions, DocumentLinkParams, ExecuteCommandOptions, ExecuteCommandParams,
    FoldingRange, FoldingRangeParams, FoldingRangeProviderCapability, GotoDefinitionParams,
    GotoDefinitionResponse, InitializeParams, InitializeResult, InitializedParams, LSPAny,
    MessageType, OneOf, SaveOptions, ServerCapabilities, ServerInfo, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
    WorkDoneProgressCancelParams, WorkDoneProgressOptions,
};
use protocol::{Code, Failure, PatchId};
use serde_json::{Value, json};
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::Result;
use workspace::{Document, RelPath};

use crate::actions::{self, Question, Style};
use crate::door::Door;
use crate::editor::Editor;
use crate::features::Feature;
use crate::negotiate::{self, Client};
use crate::review::hunks::Asked;
use crate::review::{Sheet, document, hunks, preview, shelf};
use crate::{indexing, progress, refusal, verbs};

/// The server.
pub struct Server(pub Arc<Door>);

impl LanguageServer for Server {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        let client = self
            .0
            .met()
            .map(|met| met.client.clone())
            .unwrap_or_default();
        self.0.agree();
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                position_encoding: Some(client.encoding.kind()),
                ..capabilities(&client)
            },
            server_info: Some(ServerInfo {
                name: "animus".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            offset_encoding: None,
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        let Some(met) = self.0.met() else { return };
        for key in &met.client.unread {
            let known = negotiate::OPTIONS.join("`, `");
            let words = format!(
                "`initializationOptions.animus.{key}` is not known and not used; there are `{known}`"
            );
            self.0.note(words);
        }
        let registrations = shelf::registrations(&met.client);
        if !registrations.is_empty() {
            let wire = self.0.wire().clone();
            self.0.spawn(async move {
                if let Err(error) = wire.register_capability(registrations).await {
                    tracing::info!("the client registers nothing: {error}");
                }
            });
        }
        // Patches of earlier sessions wait to be decided on: they are offered from the start.
        let door = self.0.clone();
        self.0.spawn(async move {
            let wrong = match door.agent().await {
                Ok(agent) => agent.effective().err().cloned(),
                Err(failure) => {
                    door.board().write().problem = Some(failure.to_string());
                    door.note(format!("tasks cannot start: {failure}"));
                    (failure.code == Code::Config).then_some(failure)
                }
            };
            // Nobody may find out by what is missing: completion would only seem to be off.
            if let Some(failure) = wrong {
                let words = format!("Animus cannot work: {failure}");
                door.wire().show_message(MessageType::ERROR, words).await;
            }
        });
    }

    async fn shutdown(&self) -> Result<()> {
        self.0.shut_down();
        Ok(())
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let Ok(editor) = self.0.editor() else {
            return Ok(Some(Vec::new()));
        };
        let (client, reviews) = (editor.client(), self.0.reviews());
        let uri = params.text_document.uri.as_str();
        let only = params.context.only.as_deref().unwrap_or_default();
        if let Some(id) = reviews.named(uri) {
            let mut actions = actions::approvals(&self.0.board().read());
            if let Some(sheet) = reviews.get(&id) {
                actions.extend(document::actions(&sheet, reviews, &editor, params.range));
                actions.extend(preview::action(&sheet).filter(|_| preview::is_for(client)));
            }
            return Ok(Some(actions::styled(actions, only, style(client))));
        }
        let Some((path, document)) = open(&editor, uri) else {
            return Ok(Some(Vec::new()));
        };
        let asked = Asked {
            editor: &editor,
            path: &path,
            document: &document,
        };
        let question = Question {
            uri,
            rope: &document.rope,
            range: params.range,
            diagnostics: &params.context.diagnostics,
            only,
        };
        Ok(Some(actions::offer(
            &question,
            hunks::actions(&asked, reviews, params.range),
            &self.0.board().read(),
            style(client),
        )))
    }

    async fn code_action_resolve(&self, mut action: CodeAction) -> Result<CodeAction> {
        let patch = action.data.as_ref().and_then(|data| data.get("preview"));
        let Some(id) = patch.and_then(|id| id.as_str()).map(PatchId::from) else {
            return Ok(action);
        };
        let sheet = self.0.reviews().get(&id);
        let (Some(sheet), Ok(editor)) = (sheet, self.0.editor()) else {
            return Ok(action);
        };
        // It reads the files that are not open.
        let edit = tokio::task::spawn_blocking(move || preview::edit(&sheet, &editor)).await;
        action.edit = edit.ok();
        Ok(action)
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let Ok(editor) = self.0.editor() else {
            return Ok(None);
        };
        let (uri, reviews) = (params.text_document.uri.as_str(), self.0.reviews());
        if let Some(id) = reviews.named(uri) {
            return Ok(reviews.get(&id).map(|sheet| document::lenses(&sheet)));
        }
        if editor.client().draws_hunks() {
            return Ok(None);
        }
        Ok(open(&editor, uri).map(|(path, document)| {
            let asked = Asked {
                editor: &editor,
                path: &path,
                document: &document,
            };
            hunks::lenses(&asked, reviews)
        }))
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        let sheet = self.sheet(params.text_document.uri.as_str());
        Ok(sheet.map(|(sheet, editor)| document::links(&sheet, self.0.reviews(), &editor)))
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        let sheet = self.sheet(params.text_document.uri.as_str());
        Ok(sheet.map(|(sheet, _)| document::folds(&sheet)))
    }

    async fn goto_definition(
        &self,
        params: GotoDefinitionParams,
    ) -> Result<Option<GotoDefinitionResponse>> {
        let at = params.text_document_position_params;
        let Some((sheet, editor)) = self.sheet(at.text_document.uri.as_str()) else {
            return Ok(None);
        };
        let found = document::definition(&sheet, self.0.reviews(), &editor, at.position);
        Ok(found.map(GotoDefinitionResponse::Scalar))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        let verb = verbs::of_command(&params.command).ok_or_else(|| {
            refusal::of(
                &Failure::new(
                    Code::NotFound,
                    format!("there is no command `{}`", params.command),
                )
                .hint("the server's `executeCommandProvider` lists the commands"),
            )
        })?;
        if let Ok(editor) = self.0.editor() {
            editor.commanded();
        }
        let argument =
            verbs::argument(params.arguments).map_err(|failure| refusal::of(&failure))?;
        self.0
            .call(verb, argument)
            .await
            .map(Some)
            .map_err(|failure| refusal::of(&failure))
    }

    // Nothing is kept that these could make stale: files are read when they are needed.
    async fn did_change_configuration(&self, _: DidChangeConfigurationParams) {}
    async fn did_change_workspace_folders(&self, _: DidChangeWorkspaceFoldersParams) {}
    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {}
}

impl Server {
    /// `workspace/textDocumentContent`: the text of a review document of ours.
    ///
    /// # Errors
    /// `not_found` for any other.
    pub async fn text_document_content(&self, params: Value) -> Result<Value> {
        let uri = params
            .get("uri")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let reviews = self.0.reviews();
        let nothing = || {
            let failure = Failure::new(Code::NotFound, format!("there is no document `{uri}`"));
            refusal::of(&failure.hint("`animus.patch.review` opens the review of a patch"))
        };
        let id = reviews.named(uri).ok_or_else(nothing)?;
        let sheet = match (reviews.get(&id), self.0.agent_if_made()) {
            (Some(sheet), _) => Some(sheet),
            (None, Some(agent)) => shelf::load(reviews, &agent, &id).await,
            (None, None) => None,
        };
        reviews.show(&id);
        let sheet = sheet.ok_or_else(nothing)?;
        Ok(json!({ "text": sheet.page.text }))
    }

    /// The patch of a review document.
    fn sheet(&self, uri: &str) -> Option<(Arc<Sheet>, Arc<Editor>)> {
        let reviews = self.0.reviews();
        let sheet = reviews.get(&reviews.named(uri)?)?;
        Some((sheet, self.0.editor().ok()?))
    }

    /// `window/workDoneProgress/cancel`: the button next to a progress bar of ours.
    pub async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        let Some(agent) = self.0.agent_if_made() else {
            return;
        };
        if indexing::is_ours(&params.token) {
            agent.knowledge().stop();
        } else if let Some(task) = progress::task_of(&params.token) {
            agent.cancel(Some(&task));
        }
    }
}

/// An open document of the workspace.
fn open(editor: &Editor, uri: &str) -> Option<(RelPath, Document)> {
    let path = editor.addresses().path(uri)?;
    let document = editor.documents().get(&path)?;
    Some((path, document))
}

fn style(client: &Client) -> Style {
    match (
        client.can(Feature::ActionLiterals),
        client.can(Feature::DisabledActions),
    ) {
        (false, _) => Style::Commands,
        (true, true) => Style::Disabled,
        (true, false) => Style::Plain,
    }
}

fn capabilities(client: &Client) -> ServerCapabilities {
    // Those who take a registration get it for the review documents only.
    let everywhere = !client.can(Feature::Selective);
    let asks_at_once =
        client.can(Feature::InlineCompletion) && !client.can(Feature::RegisteredCompletion);
    let kinds = actions::kinds()
        .into_iter()
        .map(CodeActionKind::from)
        .collect();
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(
            TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::INCREMENTAL),
                save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions {
                    include_text: Some(false),
                })),
                ..TextDocumentSyncOptions::default()
            },
        )),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(kinds),
            resolve_provider: Some(preview::is_for(client)),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        code_lens_provider: Some(CodeLensOptions {
            resolve_provider: Some(false),
        }),
        document_link_provider: everywhere.then(|| DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        folding_range_provider: everywhere.then_some(FoldingRangeProviderCapability::Simple(true)),
        definition_provider: everywhere.then_some(OneOf::Left(true)),
        inline_completion_provider: asks_at_once.then_some(OneOf::Left(true)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: verbs::commands(),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        experimental: Some(json!({ "animus": negotiate::answer() })),
        ..ServerCapabilities::default()
    }
}
