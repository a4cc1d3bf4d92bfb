//! Mend: a document in which an edit went wrong because the person typed meanwhile, brought to what it should be: the change
//! merged with everything that was typed. Nothing that a person typed is lost, whatever the client did.

use workspace::{ChangeSet, Content, FileEdit, LandError, RelPath, Tie};

use super::Editor;
use super::attempt::{Attempt, Verdict, base_text};
use super::trace::Finding;
use crate::apply;

/// How often a follow-up is tried again when the person types meanwhile.
const TRIES: usize = 8;

/// Most bytes of a conflict that are told.
const DETAILS: usize = 4 * 1024;

/// The buffer read as the person's own text: `seen` stands there, and `user` is what it would be without our edit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    seen: String,
    user: String,
}

impl Reading {
    /// Takes what was typed since over into the person's text.
    fn advance(&mut self, now: &str) -> Result<(), String> {
        if now != self.seen {
            self.user = merge(&self.seen, &self.user, now)?;
            self.seen = now.to_owned();
        }
        Ok(())
    }
}

/// What a follow-up came to.
#[derive(Debug)]
enum Mended {
    /// The document holds the change, made on this text of the person.
    Merged(FileEdit),
    /// The document holds the person's text alone; this is where both touch the same lines.
    Restored(String),
}

impl Editor {
    /// Completes an edit of which some documents took nothing, or took it at the wrong place.
    ///
    /// # Errors
    /// `Conflict` where the person's text and the change touch the same lines: then nothing of the edit is left anywhere.
    pub(super) async fn mend(
        &self,
        change: &ChangeSet,
        attempt: Attempt<'_>,
        label: &str,
    ) -> Result<ChangeSet, LandError> {
        let findings: Vec<Finding> = change
            .files
            .iter()
            .map(|file| attempt.finding(file))
            .collect();
        drop(attempt);
        let (mut landed, mut paths, mut details) = (Vec::new(), Vec::new(), String::new());
        for (file, finding) in change.files.iter().zip(findings) {
            if finding == Finding::Landed {
                landed.push(file.clone());
                continue;
            }
            match self.mend_file(file, finding, label).await {
                Ok(Mended::Merged(file)) => landed.push(file),
                Ok(Mended::Restored(text)) => {
                    paths.push(file.path.clone());
                    details.push_str(&format!("{}:\n{text}\n", file.path));
                }
                Err(error) => {
                    self.take_back(landed, label).await?;
                    return Err(error);
                }
            }
        }
        if paths.is_empty() {
            return Ok(ChangeSet { files: landed });
        }
        self.take_back(landed, label).await?;
        Err(LandError::Conflict { paths, details })
    }

    /// Brings one open document to the change merged with what the person wrote.
    async fn mend_file(
        &self,
        file: &FileEdit,
        finding: Finding,
        label: &str,
    ) -> Result<Mended, LandError> {
        let after = apply::bare(apply::after_text(file).map_err(super::unreadable)?);
        let base = apply::bare(base_text(file));
        let now = self.text(&file.path)?.0;
        let mut reading = match finding {
            Finding::Misplaced { user, seen } => Reading { seen, user },
            Finding::Nothing | Finding::Landed => Reading {
                seen: now.clone(),
                user: now,
            },
        };
        for _ in 0..TRIES {
            let (now, version) = self.text(&file.path)?;
            reading.advance(&now).map_err(|text| unclear(file, &text))?;
            let merged = merge(base, after, &reading.user);
            let target = merged.as_deref().unwrap_or(&reading.user);
            let step = FileEdit {
                path: file.path.clone(),
                base: Some(Content::new(now.as_bytes(), Some(version))),
                after: Some(target.as_bytes().into()),
                mode: file.mode,
            };
            let is_there = !step.is_change() || {
                let step = ChangeSet { files: vec![step] };
                self.follow_up(&step, &mut reading, label).await?
            };
            if is_there {
                let base = Some(Content::new(reading.user.as_bytes(), None));
                return Ok(match &merged {
                    Ok(target) => Mended::Merged(FileEdit {
                        base,
                        after: Some(target.as_bytes().into()),
                        ..file.clone()
                    }),
                    Err(conflict) => Mended::Restored(clipped(conflict).to_owned()),
                });
            }
        }
        Err(LandError::Stale {
            paths: vec![file.path.clone()],
        })
    }

    /// Sends one step. Whether it is there now; if not, the reading says what is.
    async fn follow_up(
        &self,
        step: &ChangeSet,
        reading: &mut Reading,
        label: &str,
    ) -> Result<bool, LandError> {
        let mut attempt = match self.ask(step, label).await {
            Ok(attempt) => attempt,
            Err(LandError::Stale { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        match attempt.judge().await {
            Verdict::Landed => return Ok(true),
            Verdict::Skipped(_) => {}
            Verdict::Mixed => {
                for file in &step.files {
                    if let Finding::Misplaced { user, seen } = attempt.finding(file) {
                        reading
                            .advance(&user)
                            .map_err(|text| unclear(file, &text))?;
                        reading.seen = seen;
                    }
                }
            }
            Verdict::Refused(error) => return Err(error),
        }
        Ok(false)
    }

    /// Takes back what landed of an edit that did not land whole; what was typed since stays.
    async fn take_back(&self, landed: Vec<FileEdit>, label: &str) -> Result<(), LandError> {
        let label = format!("Take back: {label}");
        let mut left = Vec::new();
        for file in landed.iter().map(FileEdit::invert) {
            let done = match (self.version(&file.path), &file.base, &file.after) {
                (Some(_), Some(_), Some(_)) => {
                    let mended = self.mend_file(&file, Finding::Nothing, &label).await;
                    matches!(mended, Ok(Mended::Merged(_)))
                }
                _ => self.take_back_whole(file.clone(), &label).await,
            };
            if !done {
                left.push(file.path);
            }
        }
        match left.is_empty() {
            true => Ok(()),
            false => Err(LandError::Conflict {
                paths: left,
                details: "the edit did not land whole, and what is in these files could not be taken back: undo it there"
                    .to_owned(),
            }),
        }
    }

    /// A file that was made, removed or written while nobody showed it.
    async fn take_back_whole(&self, mut file: FileEdit, label: &str) -> bool {
        if let (Some(base), Some(version)) = (&mut file.base, self.version(&file.path)) {
            base.version = Some(version);
        }
        let change = ChangeSet { files: vec![file] };
        if self.check(&change).is_err() {
            return false;
        }
        let Ok((here, there)) = self.split(&change) else {
            return false;
        };
        if there.is_empty() {
            return workspace::Host::land(&self.disk, &here, label)
                .await
                .is_ok();
        }
        match self.ask(&there, label).await {
            Ok(mut attempt) => matches!(attempt.judge().await, Verdict::Landed),
            Err(_) => false,
        }
    }

    /// An open document's text and version.
    fn text(&self, path: &RelPath) -> Result<(String, i32), LandError> {
        match self.documents.get(path) {
            Some(document) => Ok((document.rope.to_string(), document.version)),
            None => Err(LandError::Refused(format!(
                "`{path}` was closed while it was edited; look at the file, then accept the patch again"
            ))),
        }
    }
}

/// Both changes of a text, or the text with the conflict in it.
fn merge(base: &str, ours: &str, theirs: &str) -> Result<String, String> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let sides = (base.as_bytes(), ours.as_bytes(), theirs.as_bytes());
    workspace::merge(sides.0, sides.1, sides.2, Tie::Conflict)
        .map(text)
        .map_err(text)
}

fn unclear(file: &FileEdit, conflict: &str) -> LandError {
    LandError::Conflict {
        paths: vec![file.path.clone()],
        details: clipped(conflict).to_owned(),
    }
}

fn clipped(text: &str) -> &str {
    let from = text.find("<<<<<<<").unwrap_or(0);
    let end = (from + DETAILS).min(text.len());
    &text[from..text.floor_char_boundary(end)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l3_the_persons_text_is_read_through_a_misplaced_edit() {
        let mut reading = Reading {
            user: "zero\none\ntwo\n\n\nend\n".to_owned(),
            seen: "zero\nONE\ntwo\n\n\nend\n".to_owned(),
        };
        reading.advance("zero\nONE\ntwo\n\n\nend typed\n").unwrap();
        assert_eq!(reading.user, "zero\none\ntwo\n\n\nend typed\n");
        // Typed in the very line that the edit spoilt: nobody can say what it means.
        assert!(
            reading
                .advance("zero\nONE more\ntwo\n\n\nend typed\n")
                .is_err()
        );
    }

    #[test]
    fn one_side_alone_is_no_conflict() {
        for (base, ours, theirs, merged) in [
            ("a", "a", "b", "b"),
            ("a", "b", "a", "b"),
            ("a", "b", "b", "b"),
        ] {
            assert_eq!(merge(base, ours, theirs).as_deref(), Ok(merged));
        }
        assert!(merge("a\n", "b\n", "c\n").is_err());
    }
}
