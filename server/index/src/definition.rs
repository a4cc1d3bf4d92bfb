//! Definition: a named place of the index: what `Symbol` is to one text, across all files.

use schemars::JsonSchema;
use serde::Serialize;

use crate::SymbolKind;

/// One definition in one file. Lines count from 1, both ends inside. Its signature is in the text: see [`crate::outline`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Definition {
    /// Path as it was given to the index.
    pub path: String,
    /// Its name without generics or path.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// Name of the definition around it, or of a Go method's receiver type.
    pub container: Option<String>,
    /// First line of the comments and attributes right above it; equal to `start` where there are none.
    pub doc_start: u32,
    /// Its first line.
    pub start: u32,
    /// Its last line.
    pub end: u32,
}

impl Definition {
    /// `Container::name`, or the name alone.
    pub fn full_name(&self) -> String {
        match &self.container {
            Some(container) => format!("{container}::{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The beginning of a text before its first function or type, where imports are: it is parsed in a fraction of the time.
pub(crate) fn opening<'t>(text: &'t str, definitions: &[Definition]) -> &'t str {
    let is_among_imports = |kind| {
        matches!(
            kind,
            SymbolKind::Module
                | SymbolKind::Const
                | SymbolKind::Static
                | SymbolKind::Variable
                | SymbolKind::Property
        )
    };
    let first = definitions
        .iter()
        .filter(|it| !is_among_imports(it.kind))
        .map(|it| it.doc_start)
        .min();
    let Some(first) = first else { return text };
    let lines = text
        .split_inclusive('\n')
        .take(first.saturating_sub(1) as usize);
    let length = lines.map(str::len).sum();
    text.get(..length).unwrap_or(text)
}
