//! Attempt: one edit that the client was asked for. What it answers is heard; what counts is the text that comes back (L3).

use std::time::Duration;

use lsp_types::request::Request;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use workspace::{ChangeSet, FileEdit, Host, LandError, RelPath, Tie};

use super::trace::{Finding, Trace};
use super::{APART, Editor, unreadable};
use crate::apply::{self, Address};
use crate::features::Feature;
use crate::quirks::Stale;

/// How long the client may take to answer an edit: a person may have to look at it first.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the new text may take to come back.
const CONFIRM: Duration = Duration::from_secs(5);
/// How long the new text may take behind the answer where the person typed meanwhile: clients hold changes back for 150 ms.
const SETTLE: Duration = Duration::from_millis(500);
/// How long files that are not open may take before they are written to disk.
const UNSEEN: Duration = Duration::from_secs(2);
/// How often files that are not open are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// `workspace/applyEdit` with params that the typed form does not have.
enum ApplyEdit {}

impl Request for ApplyEdit {
    type Params = Value;
    type Result = Value;
    const METHOD: &'static str = "workspace/applyEdit";
}

/// One edit that was asked for. As long as it lives, the texts of its documents are kept.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    editor: &'a Editor,
    change: &'a ChangeSet,
    /// The documents' versions when it was sent.
    versions: Vec<Option<i32>>,
    /// Why it is not applied, if the client says so.
    refusal: Option<LandError>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Every file holds its new text.
    Landed,
    /// No file holds it, and the person typed meanwhile.
    Skipped(Vec<RelPath>),
    /// Some hold it, or it was applied on a newer text than it was made for.
    Mixed,
    /// No.
    Refused(LandError),
}

impl Editor {
    /// Asks the client for the edit and waits for its answer.
    ///
    /// # Errors
    /// `Stale` where a document is no longer what the change was made for, `Refused` where the client would not take it now.
    pub(super) async fn ask<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &str,
    ) -> Result<Attempt<'a>, LandError> {
        self.is_in_time()?;
        self.apart().await;
        self.can_type(change)?;
        let address = |path: &RelPath| Address {
            uri: self.addresses.uri(path),
            version: self.version(path),
        };
        let params = apply::params(change, label, &self.client, address).map_err(unreadable)?;
        let versions = change.files.iter().map(|file| self.version(&file.path));
        let mut attempt = Attempt {
            editor: self,
            change,
            versions: versions.collect(),
            refusal: None,
        };
        attempt.keep_texts()?;
        // Nothing is awaited between this last look at the documents and the request.
        let stale: Vec<RelPath> = change
            .files
            .iter()
            .filter(|file| !self.is_base(file))
            .map(|file| file.path.clone())
            .collect();
        if !stale.is_empty() {
            return Err(LandError::Stale { paths: stale });
        }
        let answer = timeout(ANSWER, self.wire.send_request::<ApplyEdit>(params)).await;
        attempt.refusal = match answer {
            Err(_) => Some(LandError::Timeout),
            Ok(Err(error)) => Some(LandError::Refused(format!(
                "the editor answered with an error: {}",
                error.message
            ))),
            Ok(Ok(answer)) => refusal(&answer),
        };
        Ok(attempt)
    }

    /// Lets the answer to a command be read before the edit comes, where a client needs that.
    async fn apart(&self) {
        let commanded = *self.commanded.lock();
        if let Some(at) = commanded.filter(|_| self.client.can(Feature::ReadsTogether)) {
            sleep_until(at + APART).await;
        }
    }

    /// Some clients take an edit for a short while after a command only.
    fn is_in_time(&self) -> Result<(), LandError> {
        let Some(window) = self.client.window() else {
            return Ok(());
        };
        match *self.commanded.lock() {
            Some(at) if at.elapsed() < window => Ok(()),
            _ => Err(LandError::Refused(format!(
                "{} takes an edit only within {} s of a command of yours; accept the patch by its code action",
                self.client.editor(),
                window.as_secs()
            ))),
        }
    }

    /// Some clients type an edit, and not every text can be typed.
    fn can_type(&self, change: &ChangeSet) -> Result<(), LandError> {
        if !self.client.can(Feature::TypedEdits) {
            return Ok(());
        }
        for file in change.files.iter().filter(|file| file.after.is_some()) {
            if !apply::is_typable(change, file).map_err(unreadable)? {
                return Err(LandError::Refused(format!(
                    "{} would put wrong line ends into `{}`; save and close it there, then accept the patch again",
                    self.client.editor(),
                    file.path
                )));
            }
        }
        Ok(())
    }

    /// Whether an open document is still the text that the edit was made for. What is not open was looked at before.
    fn is_base(&self, file: &FileEdit) -> bool {
        let Some(document) = self.documents.get(&file.path) else {
            return true;
        };
        let base = file.base.as_ref();
        let same_version = base.is_some_and(|base| base.version == Some(document.version));
        same_version
            || base.is_some_and(|base| document.rope == *String::from_utf8_lossy(&base.bytes))
    }
}

/// Why an answer is a no, if it is one.
fn refusal(answer: &Value) -> Option<LandError> {
    if answer.get("applied") == Some(&Value::Bool(true)) {
        return None;
    }
    Some(LandError::Refused(
        match answer.get("failureReason").and_then(Value::as_str) {
            Some(reason) if !reason.is_empty() => format!("the editor refused the edit: {reason}"),
            _ => "the editor refused the edit; accept the patch to try again".to_owned(),
        },
    ))
}

impl Attempt<'_> {
    /// Waits until it is plain what came of the edit. What the client says decides only how long.
    pub(super) async fn judge(&mut self) -> Verdict {
        if let Some(refusal) = self.refusal.take() {
            return self.after_refusal(refusal);
        }
        let start = Instant::now();
        let settled = match self.editor.client.stale() {
            Stale::Unreliable | Stale::Unknown => start + SETTLE,
            Stale::Refuses | Stale::Moves => start + CONFIRM,
        };
        let deadline = start + CONFIRM;
        let mut changed = self.editor.documents.changed();
        loop {
            changed.borrow_and_update();
            let missing = self.missing();
            // Documents are told of one by one: what is on its way must not be sent again.
            let misplaced = self.misplaced();
            if misplaced > 0 && (misplaced == missing.len() || Instant::now() >= start + SETTLE) {
                return Verdict::Mixed;
            }
            if missing.is_empty()
                || (Instant::now() >= start + UNSEEN && self.write_unseen(&missing).await)
            {
                return Verdict::Landed;
            }
            let now = Instant::now();
            let moved = self.moved(&missing);
            if now >= settled && misplaced == 0 && moved.len() == missing.len() {
                return match self.change.files.len() == missing.len() {
                    true => Verdict::Skipped(moved),
                    false => Verdict::Mixed,
                };
            }
            if now >= deadline {
                return Verdict::Refused(unseen(&missing));
            }
            let until = [deadline, settled, start + SETTLE, now + LOOK].into_iter();
            let until = until.filter(|at| *at > now).min().unwrap_or(deadline);
            let _ = timeout_at(until, changed.changed()).await;
        }
    }

    /// Either the person typed meanwhile, or the client did what it says it did not.
    fn after_refusal(&self, refusal: LandError) -> Verdict {
        if self.misplaced() > 0 {
            return Verdict::Mixed;
        }
        let missing = self.missing();
        let moved = self.moved(&missing);
        match (missing.is_empty(), moved.is_empty()) {
            (true, _) => Verdict::Landed,
            (false, true) => Verdict::Refused(refusal),
            (false, false) => match missing.len() == self.change.files.len() {
                true => Verdict::Skipped(moved),
                false => Verdict::Mixed,
            },
        }
    }

    /// What became of the edit of one file.
    pub(super) fn finding(&self, file: &FileEdit) -> Finding {
        match self.editor.traces.finding(&file.path) {
            Finding::Nothing if self.holds(file) => Finding::Landed,
            finding => finding,
        }
    }

    fn keep_texts(&self) -> Result<(), LandError> {
        let editor = self.editor;
        for file in self.change.files.iter().filter(|file| file.after.is_some()) {
            let after = apply::after_text(file).map_err(unreadable)?;
            let edits = apply::text_edits(self.change, file, &editor.client).map_err(unreadable)?;
            let trace = Trace::new(
                base_text(file),
                after,
                edits,
                editor.client.encoding,
                editor.client.stale(),
            );
            let now = editor.documents.get(&file.path);
            let now = now.as_ref().map(|document| &document.rope);
            editor.traces.begin(&file.path, trace, now);
        }
        Ok(())
    }

    fn misplaced(&self) -> usize {
        let misplaced = |file: &FileEdit| {
            matches!(
                self.editor.traces.finding(&file.path),
                Finding::Misplaced { .. }
            )
        };
        self.change
            .files
            .iter()
            .filter(|file| misplaced(file))
            .count()
    }

    /// Those of the files that are another version now than when the edit was sent.
    fn moved(&self, paths: &[RelPath]) -> Vec<RelPath> {
        let files = self.change.files.iter().zip(&self.versions);
        files
            .filter(|(file, version)| {
                paths.contains(&file.path) && self.editor.version(&file.path) != **version
            })
            .map(|(file, _)| file.path.clone())
            .collect()
    }

    /// Files whose new text is neither in the open document nor, where none is open, on disk.
    fn missing(&self) -> Vec<RelPath> {
        let files = self.change.files.iter();
        files
            .filter(|file| !self.holds(file))
            .map(|file| file.path.clone())
            .collect()
    }

    fn holds(&self, file: &FileEdit) -> bool {
        let editor = self.editor;
        match (editor.documents.get(&file.path), &file.after) {
            (Some(document), Some(_)) => match editor.traces.finding(&file.path) {
                Finding::Landed => true,
                Finding::Misplaced { .. } => false,
                Finding::Nothing => holds(file, &document.rope.to_string()),
            },
            // A client may say late, or never, that it closed what it deleted.
            (Some(_), None) => matches!(editor.disk.read(&file.path), Ok(None)),
            (None, after) => match (editor.disk.read(&file.path), after) {
                (Ok(None), None) => true,
                (Ok(Some(now)), Some(after)) => {
                    now.bytes == *after || now.text().is_ok_and(|now| holds(file, now))
                }
                _ => false,
            },
        }
    }

    /// A client may have applied the edit to files that it neither shows us nor saves (a hidden buffer that no server was
    /// attached to). Once it had its time, their new text is written to disk, where it was read from: what is claimed is then
    /// true there too, and the buffer holds the same text. Whether nothing else is missing.
    async fn write_unseen(&self, missing: &[RelPath]) -> bool {
        let unseen = |file: &&FileEdit| {
            missing.contains(&file.path) && self.editor.version(&file.path).is_none()
        };
        let files: Vec<FileEdit> = self.change.files.iter().filter(unseen).cloned().collect();
        files.len() == missing.len()
            && self
                .editor
                .disk
                .land(&ChangeSet { files }, "files that the editor does not show")
                .await
                .is_ok()
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        for file in &self.change.files {
            self.editor.traces.end(&file.path);
        }
    }
}

fn unseen(missing: &[RelPath]) -> LandError {
    let names: Vec<String> = missing.iter().map(|path| format!("`{path}`")).collect();
    LandError::Refused(format!(
        "the editor says that it applied the edit, but the new text of {} did not come back within 5 s; undo what is there of \
         the edit, then accept the patch again",
        names.join(", ")
    ))
}

/// The text that the edit was made for; empty where it makes the file.
pub(super) fn base_text(file: &FileEdit) -> &str {
    file.base
        .as_ref()
        .and_then(|base| base.text().ok())
        .unwrap_or_default()
}

/// Whether the text is the new one, or the new one with something that a person typed since.
fn holds(file: &FileEdit, now: &str) -> bool {
    let Ok(after) = apply::after_text(file) else {
        return false;
    };
    let base = base_text(file);
    if apply::same(base, after) {
        // Only line endings or the BOM change: nothing less than the very text proves that.
        return now == after;
    }
    apply::same(now, after)
        || (!apply::same(base, now)
            && workspace::merge(
                base.as_bytes(),
                after.as_bytes(),
                now.as_bytes(),
                Tie::Conflict,
            )
            .is_ok_and(|merged| merged == now.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use workspace::Content;

    #[test]
    fn l3_only_the_new_text_proves_an_edit() {
        let file = |base: &str, after: &str| FileEdit {
            path: RelPath::new("a").unwrap(),
            base: Some(Content::new(base.as_bytes(), Some(1))),
            after: Some(after.as_bytes().into()),
            mode: None,
        };
        for (base, after, now, expected) in [
            ("a\n\n\nb\n", "A\n\n\nb\n", "A\n\n\nb\n", true),
            ("a\n\n\nb\n", "A\n\n\nb\n", "a\n\n\nb\n", false),
            ("a\n\n\nb\n", "A\n\n\nb\n", "A\r\n\r\n\r\nb", true),
            ("a\n\n\nb\n", "A\n\n\nb\n", "A\n\n\nb typed\n", true),
            ("a\n\n\nb\n", "A\n\n\nb\n", "a\n\n\nb typed\n", false),
            ("a\n\n\nb\n", "A\n\n\nB\n", "A\n\n\nb\n", false),
            ("a\n", "a\r\n", "a\n", false),
            ("a\n", "a\r\n", "a\r\n", true),
        ] {
            assert_eq!(
                holds(&file(base, after), now),
                expected,
                "{base:?} {after:?} {now:?}"
            );
        }
    }
}
