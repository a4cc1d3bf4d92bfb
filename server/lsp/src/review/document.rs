//! Document: what is offered in the review document of a patch: decisions on each hunk, file and the patch, links and the way to
//! the real lines, and folds. Lines are told by the page that the document shows.

use std::str::FromStr;
use std::sync::Arc;

use agent::PageLine;
use lsp_types::{
    CodeAction, CodeLens, DocumentLink, FoldingRange, FoldingRangeKind, Location, Position, Range,
    Uri, WorkspaceEdit,
};
use protocol::HunkState;

use super::hunks::{self, Asked, Decision, lens};
use super::{Live, Reviews, Sheet};
use crate::actions::{QUICKFIX, shorten};
use crate::editor::Editor;
use crate::position;

/// The actions at a selection or a cursor. Where the file is open, a decision on hunks carries its edit inline.
pub fn actions(
    sheet: &Arc<Sheet>,
    reviews: &Reviews,
    editor: &Editor,
    range: Range,
) -> Vec<CodeAction> {
    let (first, last) = (
        range.start.line.min(range.end.line) as usize,
        range.start.line.max(range.end.line) as usize,
    );
    let lines = sheet.page.lines.iter().skip(first);
    let lines: Vec<PageLine> = lines
        .take(last.saturating_sub(first) + 1)
        .copied()
        .collect();
    let mut targets: Vec<Target> = Vec::new();
    let hunks = lines.iter().filter_map(|line| line.hunk());
    targets.extend(hunks.map(|(file, hunk)| Target::Hunk(file, hunk)));
    let files = lines.iter().filter_map(|line| line.file());
    targets.extend(files.map(Target::File));
    targets.push(Target::Patch);
    targets.dedup();
    let decisions = targets.into_iter().flat_map(|target| {
        target
            .decisions(sheet)
            .into_iter()
            .map(move |it| (target, it))
    });
    decisions
        .map(|(target, decision)| {
            let title = format!("{} {}", decision.word(), target.name(sheet));
            CodeAction {
                command: Some(target.command(sheet, decision, title.clone())),
                title,
                kind: Some(QUICKFIX.to_owned().into()),
                edit: target.edit(sheet, reviews, editor, decision),
                ..CodeAction::default()
            }
        })
        .collect()
}

/// The lenses: above each hunk, each file and at the head.
pub fn lenses(sheet: &Sheet) -> Vec<CodeLens> {
    let mut lenses = Vec::new();
    let mut before = None;
    for (line, number) in sheet.page.lines.iter().zip(0..) {
        let target = match line {
            PageLine::Head => Target::Patch,
            PageLine::File { file } => Target::File(*file),
            PageLine::Hunk { file, hunk } => Target::Hunk(*file, *hunk),
            PageLine::Body { .. } => continue,
        };
        if before.replace(target) == Some(target) {
            continue;
        }
        for decision in target.decisions(sheet) {
            let title = format!("{} {}", decision.word(), target.short(sheet));
            lenses.push(lens(number, target.command(sheet, decision, title)));
        }
    }
    lenses
}

/// Links from the names of files and the heads of hunks to the real files and lines.
pub fn links(sheet: &Arc<Sheet>, reviews: &Reviews, editor: &Editor) -> Vec<DocumentLink> {
    let texts = sheet.page.text.lines();
    let lines = sheet.page.lines.iter().zip(texts).zip(0..);
    lines
        .filter_map(|((line, text), number)| {
            let (file, fragment) = match *line {
                PageLine::File { file } => (file, None),
                PageLine::Hunk { file, hunk } => {
                    let live = live(sheet, file, reviews, editor);
                    let place = live.places.get(hunk).cloned().flatten()?;
                    (file, Some(place.start + 1))
                }
                PageLine::Head | PageLine::Body { .. } => return None,
            };
            let mut target = editor.addresses().uri(&sheet.file(file)?.edit.path);
            if let Some(line) = fragment {
                target.push_str(&format!("#L{line}"));
            }
            let width = position::width(text, editor.client().encoding);
            Some(DocumentLink {
                range: Range {
                    start: Position::new(number, 0),
                    end: Position::new(number, width),
                },
                target: Some(Uri::from_str(&target).ok()?),
                tooltip: None,
                data: None,
            })
        })
        .collect()
}

/// One fold for each file and each hunk.
pub fn folds(sheet: &Sheet) -> Vec<FoldingRange> {
    let mut folds: Vec<(Target, u32, u32)> = Vec::new();
    for (line, number) in sheet.page.lines.iter().zip(0..) {
        let file = line.file().map(Target::File);
        let hunk = line.hunk().map(|(file, hunk)| Target::Hunk(file, hunk));
        for target in [file, hunk].into_iter().flatten() {
            match folds.iter_mut().rev().find(|(of, ..)| *of == target) {
                Some((.., end)) => *end = number,
                None => folds.push((target, number, number)),
            }
        }
    }
    let fold = |(_, start, end): (Target, u32, u32)| FoldingRange {
        start_line: start,
        end_line: end,
        kind: Some(FoldingRangeKind::Region),
        ..FoldingRange::default()
    };
    folds
        .into_iter()
        .filter(|(_, start, end)| start < end)
        .map(fold)
        .collect()
}

/// The real line of a line of the document, in the text that is open now.
pub fn definition(
    sheet: &Arc<Sheet>,
    reviews: &Reviews,
    editor: &Editor,
    position: Position,
) -> Option<Location> {
    let line = *sheet.page.lines.get(position.line as usize)?;
    let file = line.file()?;
    let live = live(sheet, file, reviews, editor);
    let at = match line {
        PageLine::Head => return None,
        PageLine::File { .. } => 0,
        PageLine::Hunk { hunk, .. } => live
            .places
            .get(hunk)
            .cloned()
            .flatten()
            .map_or(0, |place| place.start),
        PageLine::Body {
            file,
            hunk,
            old,
            new,
        } => real_line(sheet, &live, file, hunk, old, new)?,
    };
    let uri = editor.addresses().uri(&sheet.file(file)?.edit.path);
    Some(Location {
        uri: Uri::from_str(&uri).ok()?,
        range: Range {
            start: Position::new(at, 0),
            end: Position::new(at, 0),
        },
    })
}

fn live(sheet: &Arc<Sheet>, file: usize, reviews: &Reviews, editor: &Editor) -> Arc<Live> {
    let path = sheet.file(file).map(|file| &file.edit.path);
    let document = path.and_then(|path| editor.documents().get(path));
    reviews.live(sheet, file, document.as_ref())
}

/// Where a line of a hunk is: around the hunk by its distance, in it by what is there.
fn real_line(
    sheet: &Sheet,
    live: &Live,
    file: usize,
    hunk: usize,
    old: u32,
    new: u32,
) -> Option<u32> {
    let of = sheet.file(file)?.hunks.get(hunk)?;
    let state = sheet.view.files.get(file)?.hunks.get(hunk)?.state;
    let Some(place) = live.places.get(hunk).cloned().flatten() else {
        // A file that comes or goes as a whole, or lines that the person has changed: as near as can be said.
        return Some(match state {
            HunkState::Accepted => new,
            HunkState::Pending | HunkState::Refused | HunkState::Undone => old,
        });
    };
    if old < of.old.start {
        return Some(place.start.saturating_sub(of.old.start - old));
    }
    // The hunk's own lines begin where both counts have passed the lines above it.
    let inside = sheet.page.lines.iter().find_map(|line| match line {
        PageLine::Body {
            file: its_file,
            hunk: its_hunk,
            old,
            new,
        } if (*its_file, *its_hunk) == (file, hunk) && *old >= of.old.start => Some(*new),
        _ => None,
    });
    let passed = new.saturating_sub(inside.unwrap_or(new));
    let text = &sheet.view.files.get(file)?.hunks.get(hunk)?.text;
    let theirs = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    Some(match state {
        _ if old >= of.old.end && passed >= theirs => place.end + (old - of.old.end),
        HunkState::Accepted => place.start + passed,
        // A line that is not in the file leads to where it would come.
        _ if old >= of.old.end => place.start,
        HunkState::Pending | HunkState::Refused | HunkState::Undone => {
            place.start + (old - of.old.start)
        }
    })
}

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Patch,
    File(usize),
    Hunk(usize, usize),
}

impl Target {
    fn states(self, sheet: &Sheet) -> Vec<HunkState> {
        let files = sheet.view.files.iter().enumerate();
        let hunks = files.flat_map(|(file, of)| {
            let of = of.hunks.iter().enumerate();
            of.map(move |(hunk, of)| ((file, hunk), of.state))
        });
        hunks
            .filter(|(at, _)| match self {
                Target::Patch => true,
                Target::File(file) => at.0 == file,
                Target::Hunk(file, hunk) => *at == (file, hunk),
            })
            .map(|(_, state)| state)
            .collect()
    }

    /// What can be decided as things stand.
    fn decisions(self, sheet: &Sheet) -> Vec<Decision> {
        let states = self.states(sheet);
        let has = |state| states.contains(&state);
        let single = matches!(self, Target::Hunk(..));
        let mut decisions = Vec::new();
        if has(HunkState::Pending)
            || (single && (has(HunkState::Refused) || has(HunkState::Undone)))
        {
            decisions.push(Decision::Accept);
        }
        if has(HunkState::Pending) {
            decisions.push(Decision::Refuse);
        }
        if has(HunkState::Accepted) {
            decisions.push(Decision::TakeBack);
        }
        decisions
    }

    /// What the decision edits in the document that is open; nothing where it is not, or more than one would be.
    fn edit(
        self,
        sheet: &Arc<Sheet>,
        reviews: &Reviews,
        editor: &Editor,
        decision: Decision,
    ) -> Option<WorkspaceEdit> {
        let Target::Hunk(file, hunk) = self else {
            return None;
        };
        let path = &sheet.file(file)?.edit.path;
        let document = editor.documents().get(path)?;
        let live = reviews.live(sheet, file, Some(&document));
        let asked = Asked {
            editor,
            path,
            document: &document,
        };
        hunks::edit(&asked, &live, decision, &[hunk])
    }

    fn command(self, sheet: &Sheet, decision: Decision, title: String) -> lsp_types::Command {
        match self {
            Target::Patch => decision.command(sheet, None, None, title),
            Target::File(file) => decision.command(sheet, Some(file), None, title),
            Target::Hunk(file, hunk) => decision.command(sheet, Some(file), Some(hunk), title),
        }
    }

    fn name(self, sheet: &Sheet) -> String {
        let path = |file: usize| {
            let file = sheet.view.files.get(file);
            file.map(|file| file.path.clone()).unwrap_or_default()
        };
        match self {
            Target::Patch => format!("the patch: {}", shorten(&sheet.view.title)),
            Target::File(file) => format!("all of {}", path(file)),
            Target::Hunk(file, _) => format!("{} in {}", self.short(sheet), path(file)),
        }
    }

    fn short(self, sheet: &Sheet) -> String {
        match self {
            Target::Patch => "the patch".to_owned(),
            Target::File(_) => "the file".to_owned(),
            Target::Hunk(file, hunk) => {
                let all = sheet
                    .view
                    .files
                    .get(file)
                    .map_or(0, |file| file.hunks.len());
                format!("hunk {} of {all}", hunk + 1)
            }
        }
    }
}
