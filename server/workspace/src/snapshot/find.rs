//! Find: lines by regular expression, as ripgrep finds them, in the texts that the agent sees.

use crate::content::Content;
use crate::error::Error;
use crate::path::RelPath;
use globset::{GlobBuilder, GlobMatcher};
use grep_regex::RegexMatcherBuilder;
use grep_searcher::sinks::Lossy;
use grep_searcher::{BinaryDetection, SearcherBuilder};
use serde::Serialize;

/// Longest line that is given back, in characters.
const WIDEST: usize = 400;

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Match {
    /// The file.
    pub path: RelPath,
    /// The line, from 1.
    pub line: u32,
    /// Its text, without the ending, cut at 400 characters.
    pub text: String,
}

/// Searches the files in order until `max` lines are found.
pub(crate) fn find(
    files: &[RelPath],
    read: impl Fn(&RelPath) -> Result<Option<Content>, Error>,
    pattern: &str,
    glob: Option<&str>,
    max: usize,
) -> Result<Vec<Match>, Error> {
    let matcher = RegexMatcherBuilder::new()
        .line_terminator(Some(b'\n'))
        .build(pattern)
        .map_err(|error| Error::Pattern(error.to_string()))?;
    let glob = glob.map(globbed).transpose()?;
    let mut searcher = SearcherBuilder::new()
        .binary_detection(BinaryDetection::quit(0))
        .line_number(true)
        .build();
    let mut found = Vec::new();
    for path in files.iter().filter(|path| {
        glob.as_ref()
            .is_none_or(|glob| glob.is_match(path.as_str()))
    }) {
        if found.len() >= max {
            break;
        }
        // A file that cannot be read now has no lines to show.
        let Ok(Some(content)) = read(path) else {
            continue;
        };
        let sink = Lossy(|line, text| {
            found.push(Match {
                path: path.clone(),
                line: u32::try_from(line).unwrap_or(u32::MAX),
                text: text
                    .trim_end_matches(['\n', '\r'])
                    .chars()
                    .take(WIDEST)
                    .collect(),
            });
            Ok(found.len() < max)
        });
        searcher
            .search_slice(&matcher, &content.bytes, sink)
            .map_err(|source| Error::io(format!("cannot search `{path}`"), source))?;
    }
    Ok(found)
}

/// A glob; one without `/` is for the file's name in any folder, as in `.gitignore`.
fn globbed(glob: &str) -> Result<GlobMatcher, Error> {
    let anywhere = match glob.contains('/') {
        true => glob.trim_start_matches("./").to_owned(),
        false => format!("**/{glob}"),
    };
    GlobBuilder::new(&anywhere)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| Error::Pattern(error.to_string()))
}
