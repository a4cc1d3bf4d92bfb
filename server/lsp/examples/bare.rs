//! Bare: a language server that only keeps documents in ropes, on the same protocol library as ours: what any server of this kind
//! must cost. `cargo xtask bench` measures it beside `animus lsp`.

use lsp_types::*;
use parking_lot::Mutex;
use ropey::Rope;
use std::collections::HashMap;
use tower_lsp::jsonrpc::Result;
use tower_lsp::{LanguageServer, LspService, Server};

#[derive(Default)]
struct Bare(Mutex<HashMap<String, Rope>>);

impl LanguageServer for Bare {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        let capabilities = ServerCapabilities {
            text_document_sync: Some(TextDocumentSyncCapability::Kind(
                TextDocumentSyncKind::INCREMENTAL,
            )),
            code_action_provider: Some(CodeActionProviderCapability::Simple(true)),
            ..ServerCapabilities::default()
        };
        Ok(InitializeResult {
            capabilities,
            ..InitializeResult::default()
        })
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.0
            .lock()
            .insert(document.uri.to_string(), Rope::from_str(&document.text));
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let mut documents = self.0.lock();
        let Some(rope) = documents.get_mut(params.text_document.uri.as_str()) else {
            return;
        };
        for change in params.content_changes {
            let Some(range) = change.range else { continue };
            let at = |place: Position| {
                let line = rope.line_to_char(place.line as usize);
                rope.utf16_cu_to_char(rope.char_to_utf16_cu(line) + place.character as usize)
            };
            let (start, end) = (at(range.start), at(range.end));
            rope.remove(start..end);
            rope.insert(start, &change.text);
        }
    }

    async fn code_action(&self, _: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let action = CodeAction {
            title: "Nothing".to_owned(),
            ..CodeAction::default()
        };
        Ok(Some(vec![CodeActionOrCommand::CodeAction(action)]))
    }
}

#[tokio::main]
async fn main() {
    let (service, socket) = LspService::new(|_| Bare::default());
    let serve = Server::new(tokio::io::stdin(), tokio::io::stdout(), socket).serve(service);
    serve.await;
    std::process::exit(0);
}
