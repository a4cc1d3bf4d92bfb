//! Files: what a patch does to files as wholes: made, written, copied, removed, made executable, or changed by range.

use super::missed;
use crate::draft::{Draft, ranges};
use crate::error::Error;
use crate::patch::{LastLine, RangeEdit, Run};
use crate::path::RelPath;
use crate::seek::{self, Miss, Reason};
use std::borrow::Cow;

impl Draft {
    pub(super) fn absent(&self, path: &RelPath) -> Result<(), Miss> {
        match self.read(path) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(missed(Error::Exists(path.clone()))),
            Err(error) => Err(missed(error)),
        }
    }

    pub(super) fn copy(&mut self, from: &RelPath, to: &RelPath) -> Result<(), Miss> {
        self.absent(to)?;
        let Some(content) = self.read(from).map_err(missed)? else {
            return Err(self.missing(from));
        };
        self.room_for(to).map_err(missed)?;
        let bits = self.mode(from);
        self.put(to, Some(content.bytes.to_vec()), bits)
            .map_err(missed)
    }

    pub(super) fn set_run(&mut self, path: &RelPath, run: Run) -> Result<(), Miss> {
        let Some(changed) = self.files.get_mut(path) else {
            return Err(Miss {
                reason: Reason::NoChange,
                teach: "only its permissions would change, and a patch does not do that; run `chmod` for it".to_owned(),
            });
        };
        let bits = changed.mode.unwrap_or(0o644);
        // Whoever may read it may run it, as git has it.
        changed.mode = Some(match run {
            Run::Yes => bits | ((bits & 0o444) >> 2),
            Run::No => bits & !0o111,
        });
        self.revision += 1;
        Ok(())
    }

    pub(super) fn ranges(&mut self, path: &RelPath, edits: &[RangeEdit]) -> Result<(), Miss> {
        let content = self.read(path).map_err(missed)?;
        let (text, encoding) = match &content {
            Some(content) => content.decoded_of(path).map_err(missed)?,
            None => return Err(self.missing(path)),
        };
        let text = ranges::apply(&text, edits).map_err(|teach| Miss {
            reason: Reason::Range,
            teach,
        })?;
        let bits = self.mode(path);
        self.put_text(path, &text, encoding, bits).map_err(missed)
    }

    pub(super) fn create(
        &mut self,
        path: &RelPath,
        text: &str,
        mode: Option<u32>,
    ) -> Result<(), Miss> {
        if self.read(path).map_err(missed)?.is_some() {
            return Err(missed(Error::Exists(path.clone())));
        }
        self.room_for(path).map_err(missed)?;
        self.put(path, Some(text.as_bytes().to_vec()), mode)
            .map_err(missed)
    }

    pub(super) fn whole(&mut self, path: &RelPath, text: &str, last: LastLine) -> Result<(), Miss> {
        let old = self.read(path).map_err(missed)?;
        let known = old.as_ref().and_then(|old| old.decoded().ok());
        let known = known.map_or(Cow::Borrowed(""), |(text, _)| text);
        if let Some(line) = old
            .as_ref()
            .and_then(|_| seek::added_placeholder(&known, text, path.as_str()))
        {
            return Err(Miss {
                reason: Reason::Placeholder,
                teach: format!(
                    "the text leaves code out (`{line}`); send the whole file, or hunks"
                ),
            });
        }
        self.rewrite(path, text, last).map_err(missed)
    }

    pub(super) fn remove(&mut self, path: &RelPath, expect: Option<&str>) -> Result<(), Miss> {
        if let (Some(expect), Ok(Some(content))) = (expect, self.read(path)) {
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            let holds = content.decoded().map(|(text, _)| lines(&text)).ok();
            if holds != Some(lines(expect)) {
                return Err(Miss {
                    reason: Reason::Changed,
                    teach: "the file to delete does not hold what the patch says; read it first"
                        .to_owned(),
                });
            }
        }
        self.delete(path).map_err(missed)
    }

    /// No such file: the nearest names are said.
    pub(super) fn missing(&self, path: &RelPath) -> Miss {
        let mut teach = Error::Missing(path.clone()).to_string();
        let files = self.files().unwrap_or_default();
        let mut near: Vec<&str> = files
            .iter()
            .filter(|file| file.name() == path.name())
            .map(RelPath::as_str)
            .take(3)
            .collect();
        let stem = |name: &str| name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        if near.is_empty() {
            near = files
                .iter()
                .filter(|file| stem(file.name()) == stem(path.name()))
                .map(RelPath::as_str)
                .take(3)
                .collect();
        }
        if !near.is_empty() {
            teach.push_str(&format!("; did you mean {}?", near.join(", ")));
        }
        Miss {
            reason: Reason::MissingFile,
            teach,
        }
    }
}
