//! Context: what the model sees before it says anything: the files that the request asks for, what is open in the editor, the
//! place that the request names, what the index finds for its words, and what the workspace holds, always in this order.
//! Bounded in bytes. It waits for the index only a moment; secrets are never in it.

mod chosen;
mod open;

pub(crate) use chosen::{Wanted, choose};

use crate::failure::of_workspace;
use protocol::{Code, Failure, Target, TaskRequest};
use std::fmt::Write;
use std::ops::RangeInclusive;
use workspace::{RelPath, Snapshot};

/// Paths of the workspace that are listed at most.
const LISTED: usize = 80;
/// Lines around a target that are shown with it.
const AROUND: usize = 20;
/// Open documents may take one part in so many of what is left for them.
const OPEN_SHARE: usize = 4;
/// What the index finds may take one part in so many of the whole.
const CHOSEN_SHARE: usize = 2;

/// The context, but for what the index finds.
pub(crate) struct Context {
    /// Files asked for, open documents, the place.
    before: String,
    /// The list of files.
    behind: String,
    /// What is shown already.
    pub(crate) shown: Shown,
    /// Bytes that are left for what the index finds.
    pub(crate) left: usize,
}

/// Lines that the context has, so that nothing is told twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    files: Vec<RelPath>,
    lines: Option<(RelPath, RangeInclusive<u32>)>,
}

impl Shown {
    /// Whether all of these lines are shown.
    fn has(&self, path: &str, start: u32, end: u32) -> bool {
        let in_place = |(file, lines): &(RelPath, RangeInclusive<u32>)| {
            file.as_str() == path && lines.contains(&start) && lines.contains(&end)
        };
        self.files.iter().any(|file| file.as_str() == path)
            || self.lines.as_ref().is_some_and(in_place)
    }
}

impl Context {
    /// The whole text.
    pub(crate) fn text(self, chosen: &str) -> String {
        self.before + chosen + &self.behind
    }
}

/// Gathers all but what the index finds.
///
/// # Errors
/// `not_found` or `path_refused` for a place or a file that the request names and that cannot be shown.
pub(crate) fn gather(
    snapshot: &Snapshot,
    request: &TaskRequest,
    max_bytes: usize,
) -> Result<Context, Failure> {
    let files = snapshot.files().map_err(of_workspace)?;
    let mut shown = Shown::default();
    let mut place_text = String::new();
    if let Some(target) = &request.target {
        let (text, path, lines) = place(snapshot, target)?;
        place_text = bounded(text, max_bytes);
        shown.lines = Some((path, lines));
    }
    let mut before = String::new();
    for wanted in request
        .context
        .iter()
        .flat_map(|part| part.split(','))
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (text, file) = named(snapshot, &files, wanted)?;
        before.push_str(&text);
        shown.files.extend(file);
    }
    // The place is what it is about: files that were asked for never push it out.
    before = bounded(before, max_bytes.saturating_sub(place_text.len()));
    let left = max_bytes.saturating_sub(before.len() + place_text.len());
    before.push_str(&open::shown(snapshot, &mut shown, left / OPEN_SHARE));
    before.push_str(&place_text);
    let left = max_bytes.saturating_sub(before.len());
    Ok(Context {
        before,
        behind: listing(&files),
        shown,
        left: left.min(max_bytes / CHOSEN_SHARE),
    })
}

fn bounded(mut text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes {
        text.truncate(text.floor_char_boundary(max_bytes));
        let _ = writeln!(
            text,
            "\n[context cut at {max_bytes} bytes; read files for the rest]"
        );
    }
    text
}

/// The text around a place, its file and the lines that are shown of it.
fn place(
    snapshot: &Snapshot,
    target: &Target,
) -> Result<(String, RelPath, RangeInclusive<u32>), Failure> {
    let path = allowed(&target.path)?;
    let text = text_of(snapshot, &path)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (start, end) = match target.start_line == target.end_line {
        // A bare cursor means the definition around it.
        true => index::symbol_at(path.as_str(), &text, target.start_line)
            .map_or((target.start_line, target.end_line), |symbol| {
                (symbol.start, symbol.end)
            }),
        false => (target.start_line, target.end_line),
    };
    let first = (start.max(1) as usize - 1)
        .saturating_sub(AROUND)
        .min(lines.len());
    let last = (end as usize + AROUND).min(lines.len()).max(first);
    let shown = lines[first..last].concat();
    let text = format!(
        "\nThe place is {path} lines {start}-{end}. {path} lines {}-{last} of {}:\n```\n{}\n```\n",
        first + 1,
        lines.len(),
        shown.trim_end_matches('\n')
    );
    let line = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok((text, path, line(first + 1)..=line(last)))
}

/// A file whole, which is then returned, or a folder as the list of what is in it.
fn named(
    snapshot: &Snapshot,
    files: &[RelPath],
    wanted: &str,
) -> Result<(String, Option<RelPath>), Failure> {
    let path = allowed(wanted.trim_end_matches('/'))?;
    if files.contains(&path) || matches!(snapshot.read(&path), Ok(Some(_))) {
        let text = text_of(snapshot, &path)?;
        return Ok((whole(&path, &text), Some(path)));
    }
    let prefix = format!("{path}/");
    let inside: Vec<&str> = files
        .iter()
        .map(RelPath::as_str)
        .filter(|file| file.starts_with(&prefix))
        .collect();
    match inside.is_empty() {
        true => Err(Failure::new(
            Code::NotFound,
            format!("context: there is no file or folder {path}"),
        )
        .hint("paths are relative to the workspace")),
        false => Ok((format!("\n{path}/ holds:\n{}\n", inside.join("\n")), None)),
    }
}

/// A file with its whole text.
fn whole(path: &RelPath, text: &str) -> String {
    format!("\n{path}:\n```\n{}\n```\n", text.trim_end_matches('\n'))
}

fn listing(files: &[RelPath]) -> String {
    if files.is_empty() {
        return "\nThe workspace has no files yet.\n".to_owned();
    }
    // Shallow files first: they say what a project is.
    let mut paths: Vec<&str> = files.iter().map(RelPath::as_str).collect();
    paths.sort_by_key(|path| (path.matches('/').count(), *path));
    let mut text = format!("\nFiles ({}):\n", paths.len());
    for path in paths.iter().take(LISTED) {
        let _ = writeln!(text, "{path}");
    }
    if paths.len() > LISTED {
        let _ = writeln!(
            text,
            "[{} more: list_files, search and find_text show them]",
            paths.len() - LISTED
        );
    }
    text
}

fn allowed(path: &str) -> Result<RelPath, Failure> {
    let path = RelPath::new(path).map_err(of_workspace)?;
    match workspace::is_secret(&path) {
        true => Err(Failure::new(
            Code::PathRefused,
            format!("{path} may hold secrets and is not sent to a model"),
        )),
        false => Ok(path),
    }
}

fn text_of(snapshot: &Snapshot, path: &RelPath) -> Result<String, Failure> {
    let missing = || Failure::new(Code::NotFound, format!("there is no file {path}"));
    let content = snapshot
        .read(path)
        .map_err(of_workspace)?
        .ok_or_else(missing)?;
    content
        .decoded_of(path)
        .map(|(text, _)| text.into_owned())
        .map_err(of_workspace)
}
