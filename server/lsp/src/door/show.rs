//! Show: a patch's review on the person's screen: the review document, or one file in the editor's own diff. The request is
//! answered before the client is asked (L1).

use std::str::FromStr;
use std::sync::Arc;

use agent::Agent;
use agent::insight::Verb;
use lsp_types::{MessageType, ShowDocumentParams, Uri};
use protocol::{Code, Failure, PatchId};
use serde_json::{Value, json};

use super::Door;
use crate::editor::APART;
use crate::features::Feature;
use crate::insight;
use crate::review::{self, shelf};

impl Door {
    /// Shows the review document of a patch: one of ours where the client asks us for its text, else a file.
    /// With a `path`, a client that can shows that file's difference in its own way.
    pub(super) async fn show_review(
        self: &Arc<Self>,
        agent: &Agent,
        mut params: Value,
    ) -> Result<Value, Failure> {
        let client = self.editor()?.client().clone();
        let one = match &mut params {
            Value::Object(params) => params.remove("path"),
            _ => None,
        };
        let mut answer = agent::verbs::call(agent, "patch/review", params).await?;
        let said = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
        let (patch, path) = (
            PatchId::from(said("patch").to_owned()),
            said("path").to_owned(),
        );
        if let Some(file) = one.as_ref().and_then(Value::as_str)
            && client.promises(Verb::OpenDiff.word())
        {
            self.show_difference(agent, &patch, file).await?;
            return Ok(answer);
        }
        self.reviews.show(&patch);
        self.reviews.changed(&patch);
        let uri = match client.can(Feature::Content) {
            true => review::uri(&patch),
            false => Uri::from_file_path(&path)
                .map_or_else(|| path.clone(), |uri| uri.as_str().to_owned()),
        };
        answer["uri"] = Value::from(uri.as_str());
        let wire = self.wire.clone();
        let shown = Uri::from_str(&uri)
            .ok()
            .filter(|_| client.can(Feature::ShowDocument));
        self.spawn(async move {
            let Some(uri) = shown else {
                let words = format!("The review is in {path}: open it to decide hunk by hunk");
                tokio::time::sleep(APART).await;
                wire.show_message(MessageType::INFO, words).await;
                return;
            };
            let params = ShowDocumentParams {
                uri,
                external: None,
                take_focus: Some(true),
                selection: None,
            };
            if !matches!(wire.show_document(params).await, Ok(true)) {
                let words = format!("The review is in {path}");
                wire.show_message(MessageType::INFO, words).await;
            }
        });
        Ok(answer)
    }

    /// Has the client show a file of a patch as it was and as the patch makes it.
    async fn show_difference(
        self: &Arc<Self>,
        agent: &Agent,
        patch: &PatchId,
        path: &str,
    ) -> Result<(), Failure> {
        let sheet = match self.reviews.get(patch) {
            Some(sheet) => Some(sheet),
            None => shelf::load(&self.reviews, agent, patch).await,
        };
        let files = sheet.iter().flat_map(|sheet| &sheet.review.files);
        let file = files
            .map(|file| &file.edit)
            .find(|edit| edit.path.as_str() == path)
            .ok_or_else(|| {
                let message = format!("the patch does not change {path}");
                Failure::new(Code::NotFound, message)
            })?;
        let side = |bytes: Option<&[u8]>, title: String| {
            let text = bytes.map(String::from_utf8_lossy).unwrap_or_default();
            json!({ "text": text, "title": title })
        };
        let base = file.base.as_ref().map(|content| &content.bytes[..]);
        let sides = [
            side(base, format!("{path} (before)")),
            side(file.after.as_deref(), format!("{path} (proposed)")),
        ];
        insight::open_diff(self, sides, path);
        Ok(())
    }
}
