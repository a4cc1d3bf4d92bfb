//! Server: the typed half of the language server. Every handler answers from memory; none awaits a model, a tool, a
//! test or the client (L1).

use std::sync::Arc;

use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability,
    CodeActionResponse, DidChangeConfigurationParams, DidChangeWatchedFilesParams,
    DidChangeWorkspaceFoldersParams, ExecuteCommandOptions, ExecuteCommandParams, InitializeParams,
    InitializeResult, InitializedParams, LSPAny, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, WorkDoneProgressCancelParams, WorkDoneProgressOptions,
};
use protocol::{Code, Failure};
use serde_json::json;
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::Result;

use crate::actions::{self, Question, Style};
use crate::door::Door;
use crate::features::Feature;
use crate::negotiate::{self, Client};
use crate::{progress, refusal, verbs};

/// The server.
pub struct Server(pub Arc<Door>);

impl LanguageServer for Server {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        let encoding = self
            .0
            .met()
            .map(|met| met.client.encoding)
            .unwrap_or_default();
        self.0.agree();
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                position_encoding: Some(encoding.kind()),
                ..capabilities()
            },
            server_info: Some(ServerInfo {
                name: "animus".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            offset_encoding: None,
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        // A shim shows the agent's state from the start; anybody else asks first.
        if !self.0.met().is_some_and(|met| met.client.has_shim()) {
            return;
        }
        let door = self.0.clone();
        self.0.spawn(async move {
            if let Err(failure) = door.agent().await {
                door.board().write().problem = Some(failure.to_string());
                door.note(format!("tasks cannot start: {failure}"));
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
        let uri = params.text_document.uri.as_str();
        let document = editor
            .addresses()
            .path(uri)
            .and_then(|path| editor.documents().get(&path));
        let Some(document) = document else {
            return Ok(Some(Vec::new()));
        };
        let question = Question {
            uri,
            rope: &document.rope,
            range: params.range,
            diagnostics: &params.context.diagnostics,
            only: params.context.only.as_deref().unwrap_or_default(),
        };
        Ok(Some(actions::offer(
            &question,
            &self.0.board().read(),
            style(editor.client()),
        )))
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
    /// `window/workDoneProgress/cancel`: the button next to a progress bar of ours.
    pub async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        if let (Some(task), Some(agent)) =
            (progress::task_of(&params.token), self.0.agent_if_made())
        {
            agent.cancel(Some(&task));
        }
    }
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

fn capabilities() -> ServerCapabilities {
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
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: verbs::commands(),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        experimental: Some(json!({ "animus": negotiate::answer() })),
        ..ServerCapabilities::default()
    }
}
