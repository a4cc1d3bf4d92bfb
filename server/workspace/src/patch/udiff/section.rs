//! Section: what a diff says about one file: its names, git's extended headers and its hunks, lowered to ops. Hunks of a file
//! that only changes come out at once; of one that is made, removed, moved or copied with its last line.

use super::super::feed::Piece;
use super::super::{HunkSpec, LastLine, Op, PatchError, Place, Returns, Run, Site, blocks};
use super::names::{real, stripped, unquoted};
use crate::path::RelPath;

/// One file of a diff, so far.
#[derive(Default)]
pub(super) struct Section {
    old: Option<String>,
    new: Option<String>,
    moved: Moved,
    mode: Option<u32>,
    run: Option<Run>,
    created: bool,
    deleted: bool,
    /// The headers end in `\r\n`: then lines that do so say nothing.
    cr: bool,
    /// The names of `diff --git` are the same, so they have no `a/` and `b/`.
    bare: bool,
    hunks: Vec<HunkSpec>,
    count: usize,
    at: usize,
}

/// Git's `rename` and `copy` headers.
#[derive(Default)]
struct Moved {
    copy: bool,
    from: Option<String>,
    to: Option<String>,
}

impl Section {
    pub(super) fn new(old: Option<String>, new: Option<String>, at: usize) -> Section {
        Section {
            bare: old.is_some() && old == new,
            old,
            new,
            at,
            ..Section::default()
        }
    }

    /// The names of `---` and `+++`.
    pub(super) fn named(&mut self, old: String, new: String, at: usize, cr: bool) {
        (self.old, self.new, self.at, self.cr) = (Some(old), Some(new), at, cr);
    }

    pub(super) fn has_hunks(&self) -> bool {
        self.count > 0
    }

    /// Git's headers between `diff --git` and the first hunk.
    pub(super) fn extended(&mut self, line: &str, at: usize) -> Result<(), PatchError> {
        if self.has_hunks() {
            return Ok(());
        }
        let mode = |text: &str| u32::from_str_radix(text.trim(), 8).ok();
        let regular = |mode: Option<u32>| {
            mode.filter(|mode| mode & 0o170_000 == 0o100_000)
                .map(|mode| mode & 0o777)
        };
        let special = || {
            PatchError::at(
                at,
                "only regular files can be made; symbolic links and submodules are left alone",
            )
        };
        if let Some(name) = line.strip_prefix("rename from ") {
            self.moved.from = Some(unquoted(name));
        } else if let Some(name) = line.strip_prefix("rename to ") {
            self.moved.to = Some(unquoted(name));
        } else if let Some(name) = line.strip_prefix("copy from ") {
            (self.moved.copy, self.moved.from) = (true, Some(unquoted(name)));
        } else if let Some(name) = line.strip_prefix("copy to ") {
            self.moved.to = Some(unquoted(name));
        } else if let Some(text) = line.strip_prefix("new file mode ") {
            self.created = true;
            self.mode = Some(regular(mode(text)).ok_or_else(special)?);
        } else if line.starts_with("deleted file mode ") {
            self.deleted = true;
        } else if let Some(text) = line.strip_prefix("new mode ") {
            let bits = regular(mode(text)).ok_or_else(special)?;
            self.run = Some(match bits & 0o100 {
                0 => Run::No,
                _ => Run::Yes,
            });
        } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
            return Err(PatchError::at(
                at,
                "binary patches are not taken; leave this file out and apply the rest",
            ));
        }
        Ok(())
    }

    /// One more hunk; it goes out at once where the file only changes.
    pub(super) fn hunk(
        &mut self,
        mut hunk: HunkSpec,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        if self.count == 0 {
            hunk.site = Site::First;
        }
        self.count += 1;
        let said =
            |returns: &Returns| returns.before.contains(&true) || returns.after.contains(&true);
        hunk.returns = hunk.returns.filter(|returns| !self.cr && said(returns));
        self.hunks.push(hunk);
        if self.is_made() || self.is_removed() || self.moved.from.is_some() {
            return Ok(());
        }
        let (from, None) = self.places(place)? else {
            return Ok(());
        };
        self.edit(from, None, out);
        Ok(())
    }

    /// The end of the section.
    pub(super) fn finish(
        mut self,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        let (old, new) = self.names();
        let name = |name: Option<&str>| {
            let name = name.ok_or_else(|| blocks::nameless(self.at))?;
            place.path(name, self.at)
        };
        if self.is_made() && self.hunks.iter().all(|hunk| hunk.before.is_empty()) {
            let (path, text) = (name(new)?, self.text());
            let mode = self.mode;
            out.push(Piece::Op(Op::Create { path, text, mode }));
            return Ok(());
        }
        if self.is_removed() {
            let text = || self.hunks.iter().map(|hunk| hunk.before.as_str()).collect();
            let expect = (!self.hunks.is_empty()).then(text);
            let path = name(old)?;
            out.push(Piece::Op(Op::Delete { path, expect }));
            return Ok(());
        }
        if self.count > 0 && self.hunks.is_empty() {
            if let Some(run) = self.run {
                let (path, _) = self.places(place)?;
                out.push(Piece::Op(Op::Mode { path, run }));
            }
            return Ok(());
        }
        let (from, to) = self.places(place)?;
        if let Some(path) = to.clone().filter(|_| !self.moved.copy) {
            out.push(Piece::Op(Op::Absent { path }));
        }
        match (self.hunks.is_empty(), to.clone()) {
            (_, Some(to)) if self.moved.copy => {
                let path = to.clone();
                out.push(Piece::Op(Op::Copy { from, to }));
                if !self.hunks.is_empty() {
                    self.edit(path, None, out);
                }
            }
            (true, Some(to)) => out.push(Piece::Op(Op::Rename { from, to })),
            (true, None) => {
                if let Some(run) = self.run {
                    out.push(Piece::Op(Op::Mode { path: from, run }));
                }
                return Ok(());
            }
            (false, to) => self.edit(from, to, out),
        }
        if let (Some(run), Some(path)) = (self.run, to) {
            out.push(Piece::Op(Op::Mode { path, run }));
        }
        Ok(())
    }

    fn edit(&mut self, path: RelPath, rename_to: Option<RelPath>, out: &mut Vec<Piece>) {
        let hunks = std::mem::take(&mut self.hunks);
        out.push(Piece::Op(Op::Edit {
            path,
            hunks,
            rename_to,
        }));
    }

    /// The names, `None` for `/dev/null`.
    fn names(&self) -> (Option<&str>, Option<&str>) {
        let (old, new) = (self.old.as_deref(), self.new.as_deref());
        match self.bare {
            true => (real(old), real(new)),
            false => stripped(old, new),
        }
    }

    fn is_made(&self) -> bool {
        self.created || self.old.as_deref() == Some("/dev/null")
    }

    fn is_removed(&self) -> bool {
        self.deleted || self.new.as_deref() == Some("/dev/null")
    }

    /// The whole text of a file that is made.
    fn text(&self) -> String {
        let mut text = String::new();
        for hunk in &self.hunks {
            let said = hunk.returns.as_ref().map(|returns| &returns.after);
            for (index, line) in hunk.after.split_inclusive('\n').enumerate() {
                let cr = said.and_then(|said| said.get(index)).is_some_and(|cr| *cr);
                text.push_str(line.strip_suffix('\n').unwrap_or(line));
                text.push_str(if cr { "\r\n" } else { "\n" });
            }
        }
        let open = |hunk: &HunkSpec| hunk.last == LastLine::Open;
        if self.hunks.last().is_some_and(open) {
            text.pop();
        }
        text
    }

    /// The file, and its new name if it gets one.
    fn places(&self, place: Place<'_>) -> Result<(RelPath, Option<RelPath>), PatchError> {
        let path = |name: &str| place.path(name, self.at);
        if let (Some(from), Some(to)) = (&self.moved.from, &self.moved.to) {
            return Ok((path(from)?, Some(path(to)?)));
        }
        let (old, new) = self.names();
        match (old.or(new), new) {
            (Some(old), new) => {
                let to = new.filter(|new| *new != old).map(path).transpose()?;
                Ok((path(old)?, to))
            }
            (None, _) => match place.file {
                Some(file) => Ok((file.clone(), None)),
                None => Err(PatchError::at(
                    self.at,
                    "the diff names no file; write `--- a/PATH` and `+++ b/PATH` above the hunks",
                )),
            },
        }
    }
}
