//! Desk: what a tool can reach while it runs: the draft, the task's log, and the agent's shared parts. Nothing else.

use crate::approvals::Covers;
use crate::failure::of_workspace;
use crate::guarded;
use crate::navigate;
use crate::permission::{self, Question};
use crate::shared::Shared;
use crate::task::Task;
use protocol::{Code, Failure, Phase, Update};
use workspace::{Draft, RelPath};

/// One call's place of work.
pub struct Desk<'a> {
    /// The task that calls.
    pub task: &'a Task,
    /// What every task of this agent shares.
    pub shared: &'a Shared,
    /// The task's draft.
    pub draft: &'a mut Draft,
    /// The phase from which the tool was called; it decides what a command may do.
    pub phase: Phase,
    /// The call.
    pub call: &'a protocol::CallId,
}

impl Desk<'_> {
    /// Tells a fact of the task.
    pub fn emit(&self, update: Update) {
        self.task.emit(update);
    }

    /// A path that may be read.
    ///
    /// # Errors
    /// `path_refused` for a path outside the workspace and for files that hold secrets.
    pub fn readable(&self, path: &str) -> Result<RelPath, Failure> {
        let path = RelPath::new(path).map_err(of_workspace)?;
        match workspace::is_secret(&path) {
            true => Err(Failure::new(
                Code::PathRefused,
                format!("{path} may hold secrets and is not read"),
            )
            .hint("ask the user for what you need to know from it")),
            false => Ok(path),
        }
    }

    /// A path that may be read, after a person's word where the project ignores the file and nobody has it open.
    ///
    /// # Errors
    /// As [`Desk::readable`], and `denied`, `cancelled`.
    pub async fn readable_or_ask(&self, path: &str) -> Result<RelPath, Failure> {
        let path = self.readable(path)?;
        let host = &self.shared.host;
        let is_new = self.draft.read(&path).is_ok_and(|file| file.is_none())
            || host.read(&path).is_ok_and(|file| file.is_none());
        if is_new || host.open().contains(&path) || !workspace::is_ignored(host.root(), &path) {
            return Ok(path);
        }
        let question = Question {
            title: format!("Read {path}"),
            details: vec![format!("Read {path}")],
            reasons: vec![format!(
                "{path} is ignored: the project says that it is no part of it"
            )],
            covers: Covers::Details,
        };
        permission::ask(self.task, Some(self.call), question).await?;
        Ok(path)
    }

    /// A path that may be changed in the draft.
    ///
    /// # Errors
    /// As [`Desk::readable`], and `denied` where writing is switched off.
    pub fn writable(&self, path: &str) -> Result<RelPath, Failure> {
        let path = self.readable(path)?;
        match self.shared.tools.allow_file_write {
            true => Ok(path),
            false => Err(Failure::new(
                Code::Denied,
                "writing is switched off (tools.allow_file_write)",
            )
            .hint("describe the change instead")),
        }
    }

    /// A file's text as the draft has it.
    ///
    /// # Errors
    /// `not_found`, or `unreadable` for what is not text.
    pub fn text(&self, path: &RelPath) -> Result<String, Failure> {
        match self.draft.read(path).map_err(of_workspace)? {
            Some(content) => content
                .decoded_of(path)
                .map(|(text, _)| text.into_owned())
                .map_err(of_workspace),
            None => Err(
                Failure::new(Code::NotFound, format!("there is no file {path}"))
                    .hint("list_files and find_text show what there is"),
            ),
        }
    }

    /// What uses the definitions that the last edit changed, for the model: each is told of once in a task.
    pub async fn also_used(&self, before: &Draft) -> String {
        if !self.shared.tools.enable_semantic {
            return String::new();
        }
        let mut told = self.task.told.lock().clone();
        let knowledge = &self.shared.knowledge;
        let users = navigate::also_used(knowledge, before, self.draft, &mut told).await;
        *self.task.told.lock() = told;
        users
    }

    /// Does something long with the draft as it is now, away from the runtime's threads.
    ///
    /// # Errors
    /// What `work` returns, and `internal` if it panics.
    pub async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Draft) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let draft = self.draft.clone();
        let job = tokio::task::spawn_blocking(move || work(&draft));
        job.await.unwrap_or_else(|_| {
            Err(Failure::new(
                Code::Internal,
                "the tool failed by a defect of Animus",
            ))
        })
    }

    /// Changes the draft and tells what changed, after a person's word where one is needed. Returns the paths it touched, for
    /// the model.
    ///
    /// # Errors
    /// What `change` returns, `denied`, `cancelled`; the draft is then as it was.
    pub async fn edit<T>(
        &mut self,
        change: impl FnOnce(&mut Draft) -> Result<T, Failure>,
    ) -> Result<String, Failure> {
        let before = self.draft.clone();
        let mut after = before.clone();
        change(&mut after)?;
        guarded::pass(self, &after).await?;
        *self.draft = after;
        let diff = self.draft.since(&before).view();
        let touched = diff
            .iter()
            .map(|file| file.path.to_string())
            .collect::<Vec<_>>()
            .join(", ");
        if !diff.is_empty() {
            let paths = self
                .draft
                .change_set()
                .files
                .iter()
                .map(|file| file.path.to_string())
                .collect();
            let diff = diff
                .into_iter()
                .map(|file| file.diff)
                .collect::<Vec<_>>()
                .concat();
            self.emit(Update::Draft {
                revision: self.draft.revision(),
                paths,
                diff,
            });
        }
        Ok(if touched.is_empty() {
            "nothing changed".to_owned()
        } else {
            touched
        })
    }
}
