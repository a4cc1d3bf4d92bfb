//! Envelope: `*** Begin Patch` … `*** End Patch` with `*** Add|Update|Delete File:` sections, as Codex CLI defines it.
//! Taken from anywhere in a text (heredocs, fences), markers padded or not; several envelopes are one patch.

use super::feed::{Given, Piece};
use super::{HunkSpec, LastLine, Op, PatchError, Place, Site};
use crate::lines;
use crate::path::RelPath;

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const END_OF_FILE: &str = "*** End of File";

/// A section's header.
enum Header<'a> {
    Add(&'a str),
    Update(&'a str),
    Delete(&'a str),
}

/// Reads envelopes line by line.
#[derive(Default)]
pub(super) struct Reader {
    seen: bool,
    open: Open,
    /// From a padded closing marker on: it may be a context line, if one that is flush left follows.
    held: Vec<Given>,
    section: Option<Section>,
    last: usize,
}

/// Whether lines are a patch's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Open {
    #[default]
    No,
    Envelope,
    /// Sections without any marker around them, as some tools take them; up to the end or a fence.
    Bare,
}

/// A section whose end is not seen yet.
enum Section {
    Add {
        path: RelPath,
        text: String,
        /// Whether the header ended in `\r\n`: then the lines' own say nothing.
        cr: bool,
    },
    Update(Update),
}

struct Update {
    path: RelPath,
    rename_to: Option<RelPath>,
    /// Index of the header.
    at: usize,
    chunk: Chunk,
    /// Hunks that wait for the end of the section, as a file that moves does.
    hunks: Vec<HunkSpec>,
    /// Lines and hunks so far.
    lines: usize,
    closed: usize,
}

impl Reader {
    pub(super) fn line(
        &mut self,
        line: Given,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        self.last = line.at;
        let flush = line.text.starts_with('*');
        match self.open {
            Open::No if begins(&line.text) => {
                (self.seen, self.open) = (true, Open::Envelope);
                return Ok(());
            }
            Open::No if flush && !self.seen && header(&line.text).is_some() => {
                (self.seen, self.open) = (true, Open::Bare);
            }
            Open::No => return Ok(()),
            Open::Bare if line.text.starts_with("```") => return self.close(out),
            Open::Bare | Open::Envelope => {}
        }
        if line.text.trim_end() == END {
            for held in std::mem::take(&mut self.held) {
                self.body(held, place, out)?;
            }
            return self.close(out);
        }
        if flush && begins(&line.text) {
            self.close_padded(place, out)?;
            self.open = Open::Envelope;
            return Ok(());
        }
        if !self.held.is_empty() || line.text.trim() == END {
            self.held.push(line);
            return Ok(());
        }
        self.body(line, place, out)
    }

    pub(super) fn finish(
        mut self,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        match self.open {
            Open::Envelope => return self.close_padded(place, out),
            Open::Bare if self.held.is_empty() => return self.close(out),
            Open::Bare => return self.close_padded(place, out),
            Open::No => {}
        }
        match self.seen {
            true => Ok(()),
            false => Err(PatchError::at(
                0,
                format!("the patch has no `{BEGIN}` line"),
            )),
        }
    }

    /// Without a closing line that is flush left, the last padded one closes.
    fn close_padded(&mut self, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        let mut held = std::mem::take(&mut self.held);
        let Some(end) = held.iter().rposition(|line| line.text.trim() == END) else {
            return Err(PatchError::at(
                self.last,
                format!(
                    "the patch has no `{END}` line, so it may be cut off; send it again, whole"
                ),
            ));
        };
        held.truncate(end);
        for line in held {
            self.body(line, place, out)?;
        }
        self.close(out)
    }

    fn close(&mut self, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        self.open = Open::No;
        self.end_section(out)
    }

    /// A line between the markers.
    fn body(
        &mut self,
        line: Given,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        let marked = line.text.starts_with("*** ") && line.text.trim_end() != END_OF_FILE;
        match &mut self.section {
            Some(Section::Update(update)) if update.lines == 0 && update.moves(&line.text) => {
                let to = line.text.trim().strip_prefix("*** Move to:").unwrap_or("");
                update.rename_to = Some(place.path(to, line.at)?);
                Ok(())
            }
            Some(Section::Update(update)) if !marked => update.line(&line, out),
            Some(Section::Add { text, cr, .. }) if !marked => match line.text.strip_prefix('+') {
                Some(body) => {
                    text.push_str(body);
                    text.push_str(if line.cr && !*cr { "\r\n" } else { "\n" });
                    Ok(())
                }
                None if line.text.trim().is_empty() => Ok(()),
                None if header(&line.text).is_some() => self.header(&line, place, out),
                None => Err(PatchError::at(
                    line.at,
                    "every line of an added file starts with `+`",
                )),
            },
            None if line.text.trim().is_empty() => Ok(()),
            _ => self.header(&line, place, out),
        }
    }

    fn header(
        &mut self,
        line: &Given,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        self.end_section(out)?;
        match header(&line.text) {
            Some(Header::Add(name)) => {
                self.section = Some(Section::Add {
                    path: place.path(name, line.at)?,
                    text: String::new(),
                    cr: line.cr,
                });
            }
            Some(Header::Update(name)) => {
                self.section = Some(Section::Update(Update {
                    path: place.path(name, line.at)?,
                    rename_to: None,
                    at: line.at,
                    chunk: Chunk::default(),
                    hunks: Vec::new(),
                    lines: 0,
                    closed: 0,
                }));
            }
            Some(Header::Delete(name)) => out.push(Piece::Op(Op::Delete {
                path: place.path(name, line.at)?,
                expect: None,
            })),
            None => {
                return Err(PatchError::at(
                    line.at,
                    format!(
                        "`{}` is not a section; write `*** Add File: `, `*** Update File: ` or `*** Delete File: ` and a path",
                        line.text.trim()
                    ),
                ));
            }
        }
        Ok(())
    }

    fn end_section(&mut self, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        match self.section.take() {
            None => Ok(()),
            Some(Section::Add { path, text, .. }) => {
                out.push(Piece::Op(Op::Write {
                    path,
                    text,
                    last: LastLine::Added,
                }));
                Ok(())
            }
            Some(Section::Update(update)) => update.end(out),
        }
    }
}

impl Update {
    /// Whether the line says where the file goes.
    fn moves(&self, line: &str) -> bool {
        self.rename_to.is_none() && line.trim().starts_with("*** Move to:")
    }

    fn line(&mut self, line: &Given, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        self.lines += 1;
        let text = line.text.as_str();
        if let Some(anchor) = text.strip_prefix("@@") {
            if self.chunk.lines > 0 {
                self.close(out);
            }
            match super::udiff::numbers(text) {
                Some(numbers) => self.chunk.line = Some(numbers.old_start),
                None => {
                    let anchor = anchor.trim().trim_end_matches("@@").trim_end();
                    if !anchor.is_empty() {
                        self.chunk.scope.push(anchor.to_owned());
                    }
                }
            }
            return Ok(());
        }
        if text.trim_end() == END_OF_FILE {
            self.chunk.site = Site::End;
            self.close(out);
            return Ok(());
        }
        self.chunk.line(text, line.at)
    }

    /// The end of a hunk.
    fn close(&mut self, out: &mut Vec<Piece>) {
        let order = match self.closed {
            0 => Site::First,
            _ => Site::Below,
        };
        let Some(hunk) = std::mem::take(&mut self.chunk).hunk(order) else {
            return;
        };
        self.closed += 1;
        self.hunks.push(hunk);
        if self.rename_to.is_none() {
            out.push(Piece::Op(Op::Edit {
                path: self.path.clone(),
                hunks: std::mem::take(&mut self.hunks),
                rename_to: None,
            }));
        }
    }

    fn end(mut self, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        self.close(out);
        let op = match (self.closed, self.rename_to) {
            (0, Some(to)) => Op::Rename {
                from: self.path,
                to,
            },
            (0, None) => {
                return Err(PatchError::at(
                    self.at,
                    format!(
                        "the section for `{}` is empty; give hunks with ` `, `-` and `+` lines",
                        self.path
                    ),
                ));
            }
            (_, None) => return Ok(()),
            (_, rename_to) => Op::Edit {
                path: self.path,
                hunks: self.hunks,
                rename_to,
            },
        };
        out.push(Piece::Op(op));
        Ok(())
    }
}

/// Whether a line opens an envelope, or is a section's header where one was left out.
pub(super) fn opens(line: &str) -> bool {
    begins(line) || (line.starts_with('*') && header(line).is_some())
}

fn begins(line: &str) -> bool {
    line.trim() == BEGIN
}

fn header(line: &str) -> Option<Header<'_>> {
    let line = line.trim();
    let rest = |name: &str| line.strip_prefix(name).map(str::trim);
    rest("*** Add File:")
        .map(Header::Add)
        .or_else(|| rest("*** Update File:").map(Header::Update))
        .or_else(|| rest("*** Delete File:").map(Header::Delete))
}

/// A hunk being read.
#[derive(Default)]
struct Chunk {
    scope: Vec<String>,
    before: Vec<String>,
    after: Vec<String>,
    line: Option<u32>,
    site: Site,
    lines: usize,
}

impl Chunk {
    /// The hunk, if it has lines; `order` is its site unless it says another.
    fn hunk(self, order: Site) -> Option<HunkSpec> {
        let site = match (self.before.is_empty() && self.scope.is_empty(), self.site) {
            (true, _) | (_, Site::End) => Site::End,
            _ => order,
        };
        (self.lines > 0).then(|| HunkSpec {
            before: lines::closed(&self.before),
            after: lines::closed(&self.after),
            scope: self.scope,
            line: self.line,
            site,
            last: LastLine::Added,
            ..HunkSpec::default()
        })
    }

    fn line(&mut self, line: &str, at: usize) -> Result<(), PatchError> {
        self.lines += 1;
        match line.chars().next() {
            None => {
                self.before.push(String::new());
                self.after.push(String::new());
            }
            Some(' ') => {
                self.before.push(line[1..].to_owned());
                self.after.push(line[1..].to_owned());
            }
            Some('-') => self.before.push(line[1..].to_owned()),
            Some('+') => self.after.push(line[1..].to_owned()),
            Some(_) => {
                return Err(PatchError::at(
                    at,
                    "a line in a hunk starts with ` ` (kept), `-` (removed) or `+` (added)",
                ));
            }
        }
        Ok(())
    }
}
