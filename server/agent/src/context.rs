//! Context: what the model sees before it says anything: the place the request names, the files it asks for, and what the
//! workspace holds. Bounded in bytes, the same for the same files, and never waiting for the index.

use crate::failure::of_workspace;
use protocol::{Code, Failure, Target, TaskRequest};
use std::fmt::Write;
use workspace::{RelPath, Snapshot};

/// Paths of the workspace that are listed at most.
const LISTED: usize = 80;
/// Lines around a target that are shown with it.
const AROUND: usize = 20;

/// Gathers the context as text.
///
/// # Errors
/// `not_found` or `path_refused` for a place that the request names and that cannot be shown.
pub fn gather(
    snapshot: &Snapshot,
    request: &TaskRequest,
    max_bytes: usize,
) -> Result<String, Failure> {
    let mut text = String::new();
    let files = snapshot.files().map_err(of_workspace)?;
    if let Some(target) = &request.target {
        text.push_str(&place(snapshot, target)?);
    }
    for wanted in request
        .context
        .iter()
        .flat_map(|part| part.split(','))
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        text.push_str(&named(snapshot, &files, wanted)?);
    }
    if text.len() > max_bytes {
        let end = text.floor_char_boundary(max_bytes);
        text.truncate(end);
        let _ = writeln!(
            text,
            "\n[context cut at {max_bytes} bytes; read files for the rest]"
        );
    }
    text.push_str(&listing(&files));
    Ok(text)
}

fn place(snapshot: &Snapshot, target: &Target) -> Result<String, Failure> {
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
    Ok(format!(
        "\nThe place is {path} lines {start}-{end}. {path} lines {}-{last} of {}:\n```\n{}\n```\n",
        first + 1,
        lines.len(),
        shown.trim_end_matches('\n')
    ))
}

/// A file whole, or a folder as the list of what is in it.
fn named(snapshot: &Snapshot, files: &[RelPath], wanted: &str) -> Result<String, Failure> {
    let path = allowed(wanted.trim_end_matches('/'))?;
    if files.contains(&path) || matches!(snapshot.read(&path), Ok(Some(_))) {
        let text = text_of(snapshot, &path)?;
        return Ok(format!(
            "\n{path}:\n```\n{}\n```\n",
            text.trim_end_matches('\n')
        ));
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
        false => Ok(format!("\n{path}/ holds:\n{}\n", inside.join("\n"))),
    }
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
