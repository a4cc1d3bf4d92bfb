//! Answers: what a client says of the code, in the agent's words. Whatever is not of the agreed form is refused whole; what is
//! outside the workspace or may hold secrets is counted and left out.

use std::collections::HashMap;

use agent::insight::{Compared, Found, Named, Places, Selected, Spot, Told, Trees, Weight};
use lsp_types::{Diagnostic, DiagnosticSeverity, Location, NumberOrString, Range, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use workspace::{RelPath, is_secret};

use crate::editor::Editor;
use crate::{navigate, position};

/// Most places, symbols and diagnostics that are read of one answer.
const MOST: usize = 5_000;
/// Bytes of one message that are kept.
const MOST_MESSAGE: usize = 600;

#[derive(Deserialize)]
struct Locations {
    locations: Vec<Location>,
}

#[derive(Deserialize)]
struct Documents {
    documents: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    uri: String,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Symbols {
    symbols: Vec<Symbol>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol {
    name: String,
    container_name: Option<String>,
    location: Location,
}

#[derive(Deserialize)]
struct Active {
    uri: String,
    range: Range,
}

/// An answer of the agreed form.
pub(super) fn read<T: DeserializeOwned>(answer: Value) -> Result<T, String> {
    serde_json::from_value(answer).map_err(|error| error.to_string())
}

/// A file of the workspace that may be read.
pub(super) fn readable(editor: &Editor, uri: &str) -> Option<RelPath> {
    let path = editor.addresses().path(uri)?;
    (!is_secret(&path)).then_some(path)
}

/// Texts that places of an answer are in, each read once.
#[derive(Default)]
struct Texts(HashMap<RelPath, navigate::Text>);

impl Texts {
    /// The place of a range's start; `None` outside the workspace.
    fn spot(&mut self, editor: &Editor, uri: &str, range: Range) -> Option<Spot> {
        let path = readable(editor, uri)?;
        let text = self
            .0
            .entry(path.clone())
            .or_insert_with(|| navigate::text(editor, &path).unwrap_or_default());
        let (line, column) = text.to_bytes(range.start, editor.client().encoding);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Some(Spot {
            path,
            line: number(line),
            column: number(column),
        })
    }
}

/// `{locations}`.
pub(super) fn places(editor: &Editor, answer: Value) -> Result<Places, String> {
    let Locations { locations } = read(answer)?;
    let mut texts = Texts::default();
    let mut places = Places::default();
    for location in locations.into_iter().take(MOST) {
        match texts.spot(editor, location.uri.as_str(), location.range) {
            Some(spot) => places.here.push(spot),
            None => places.elsewhere += 1,
        }
    }
    Ok(places)
}

/// `{symbols}`.
pub(super) fn symbols(editor: &Editor, answer: Value) -> Result<Found, String> {
    let Symbols { symbols } = read(answer)?;
    let mut texts = Texts::default();
    let mut found = Found::default();
    for symbol in symbols.into_iter().take(MOST) {
        let Location { uri, range } = symbol.location;
        match texts.spot(editor, uri.as_str(), range) {
            Some(spot) => found.here.push(Named {
                name: symbol.name,
                container: symbol.container_name.filter(|name| !name.is_empty()),
                spot,
            }),
            None => found.elsewhere.push(symbol.name),
        }
    }
    Ok(found)
}

/// `{documents}` of the workspace; our own diagnostics are no news to the agent.
pub(super) fn told(editor: &Editor, answer: Value) -> Result<Vec<Told>, String> {
    let Documents { documents } = read(answer)?;
    let mut told = Vec::new();
    for document in documents {
        let Some(path) = readable(editor, &document.uri) else {
            continue;
        };
        let others = document.diagnostics.into_iter();
        let others = others.filter(|one| one.source.as_deref() != Some("animus"));
        told.extend(others.take(MOST).map(|one| told_of(path.clone(), one)));
    }
    Ok(told)
}

/// `{uri, range}` or null.
pub(super) fn selected(editor: &Editor, answer: Value) -> Result<Option<Selected>, String> {
    let active: Option<Active> = read(answer)?;
    Ok(active.and_then(|active| {
        Some(Selected {
            path: readable(editor, &active.uri)?,
            lines: position::lines(active.range),
        })
    }))
}

fn told_of(path: RelPath, one: Diagnostic) -> Told {
    let weight = match one.severity {
        None | Some(DiagnosticSeverity::ERROR) => Weight::Error,
        Some(DiagnosticSeverity::WARNING) => Weight::Warning,
        _ => Weight::Note,
    };
    let code = one.code.map(|code| match code {
        NumberOrString::Number(number) => number.to_string(),
        NumberOrString::String(text) => text,
    });
    let source: Vec<String> = one.source.into_iter().chain(code).collect();
    let mut message = one.message;
    message.truncate(message.floor_char_boundary(MOST_MESSAGE));
    Told {
        path,
        line: one.range.start.line.saturating_add(1),
        weight,
        message,
        source: source.join(" "),
    }
}

/// The documents of two trees by the addresses that they are asked for.
pub(super) struct Asked {
    before: HashMap<String, RelPath>,
    after: HashMap<String, RelPath>,
}

impl Asked {
    /// The addresses of the files of two trees.
    pub(super) fn of(trees: &Trees) -> Asked {
        let named = |root: &camino::Utf8Path, paths: &[RelPath]| {
            let address = |path: &RelPath| {
                let uri = Uri::from_file_path(root.join(path.as_str()))?;
                Some((uri.as_str().to_owned(), path.clone()))
            };
            paths.iter().filter_map(address).collect()
        };
        Asked {
            before: named(&trees.before, &trees.known),
            after: named(&trees.after, &trees.files),
        }
    }

    /// All of them, in order.
    pub(super) fn uris(&self) -> Vec<&str> {
        let all = self.before.keys().chain(self.after.keys());
        let mut uris: Vec<&str> = all.map(String::as_str).collect();
        uris.sort_unstable();
        uris
    }
}

/// `{documents}` of two trees, by the addresses that were asked for: every one must be there, or the trees do not compare.
pub(super) fn compared(asked: &Asked, answer: Value) -> Result<Compared, String> {
    let Documents { documents } = read(answer)?;
    let mut compared = Compared::default();
    let mut seen = 0;
    for document in documents {
        let (path, side) = match (
            asked.before.get(&document.uri),
            asked.after.get(&document.uri),
        ) {
            (Some(path), _) => (path, &mut compared.before),
            (None, Some(path)) => (path, &mut compared.after),
            (None, None) => continue,
        };
        seen += 1;
        let told = document.diagnostics.into_iter().take(MOST);
        side.extend(told.map(|one| told_of(path.clone(), one)));
    }
    match seen >= asked.before.len() + asked.after.len() {
        true => Ok(compared),
        false => Err("it says nothing of some of the files".to_owned()),
    }
}
