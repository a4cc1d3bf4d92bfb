//! Neighbours: the definitions that a definition uses, and those that use it.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Code, around, distance, module_of, place};
use crate::select::holds_others;
use crate::{Definition, Identifier, ReferenceKind, SymbolKind, identifiers, references, token};

/// A name with more definitions elsewhere says too little of which is meant.
const MOST_NAMESAKES: usize = 8;
/// Uses that are looked through to find the users of a name.
const MOST_USES: usize = 2_000;

/// One definition beside another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// The neighbour.
    #[serde(flatten)]
    pub definition: Definition,
    /// How it is used.
    pub kind: ReferenceKind,
}

/// A definition that uses a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct User {
    /// The definition around the uses.
    #[serde(flatten)]
    pub definition: Definition,
    /// The lines with uses, from 1, each once.
    pub lines: Vec<u32>,
}

/// What is next to a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbours {
    /// The definition itself.
    pub of: Definition,
    /// What it uses of the workspace, in order of first use.
    pub uses: Vec<Neighbour>,
    /// What uses it, the nearest first.
    pub used_by: Vec<User>,
}

impl Code<'_> {
    /// The definitions that use a name, the nearest first, at most `most`. Imports and the name's own definitions are left out;
    /// of a `Container::name` that many define also files that do not name the container.
    pub fn users(&self, name: &str, most: usize) -> Vec<User> {
        let homes = self.index.definitions(name);
        let mut users: Vec<User> = Vec::new();
        let mut by_path: HashMap<String, Vec<Definition>> = HashMap::new();
        let (_, bare) = crate::index::split(name);
        let is_common = self.index.definitions(bare).len() > MOST_NAMESAKES;
        for it in self.references_where(name, MOST_USES, is_common).uses {
            if it.kind == ReferenceKind::Import {
                continue;
            }
            let definitions = by_path
                .entry(it.path.clone())
                .or_insert_with(|| self.index.defined_in(&it.path));
            let Some(outer) = around(definitions, it.line) else {
                continue;
            };
            if homes.contains(outer) {
                continue;
            }
            if let Some(user) = users.iter_mut().find(|user| user.definition == *outer) {
                if user.lines.last() != Some(&it.line) {
                    user.lines.push(it.line);
                }
                continue;
            }
            if users.len() == most {
                break;
            }
            users.push(User {
                definition: outer.clone(),
                lines: vec![it.line],
            });
        }
        users
    }

    /// What a definition uses and what uses it, at most `most` of each.
    pub fn neighbours(&self, of: &Definition, most: usize) -> Neighbours {
        let name = match &of.container {
            Some(_) => of.full_name(),
            None => of.name.clone(),
        };
        let mut used_by = self.users(&name, most + 1);
        used_by.retain(|it| it.definition != *of);
        used_by.truncate(most);
        Neighbours {
            uses: self.used_in(of, most),
            of: of.clone(),
            used_by,
        }
    }

    fn used_in(&self, of: &Definition, most: usize) -> Vec<Neighbour> {
        let mut cache: HashMap<String, Arc<str>> = HashMap::new();
        let Some(text) = self.texts_of(&mut cache, &of.path) else {
            return Vec::new();
        };
        let imports = self.imports_of(&of.path);
        let mut found: Vec<Neighbour> = Vec::new();
        for Identifier { name, kind } in identifiers(&of.path, text, (of.start, of.end)) {
            if found.len() == most {
                break;
            }
            let definitions = self.definitions(&name, Some(&of.path));
            let namesakes = definitions.len();
            let outers = outers(text, of, &name);
            let is_named = |it: &Definition| {
                let container = it.container.as_deref().unwrap_or_default();
                outers.contains(&container) || outers.contains(&module_of(&it.path))
            };
            let mut likely: Vec<Definition> = definitions
                .into_iter()
                .filter(|it| fits(it, kind))
                .collect();
            // Stable: among those that the code qualifies, the nearest stays first.
            likely.sort_by_key(|it| !is_named(it));
            let Some(nearest) = likely.into_iter().next() else {
                continue;
            };
            let is_within = nearest.path == of.path
                && (of.start..=of.end).contains(&nearest.start)
                && !holds_others(of.kind);
            let is_far = distance(&of.path, &nearest, &imports) > 2;
            // A plain word is rather a local variable than something of another file.
            let is_plain = kind == ReferenceKind::Other && is_plain(&name);
            let is_vague = is_far && (namesakes > MOST_NAMESAKES || kind == ReferenceKind::Other)
                || is_plain && nearest.path != of.path;
            let is_known = found.iter().any(|it| it.definition == nearest);
            if nearest != *of && !is_within && !is_vague && !is_known {
                found.push(Neighbour {
                    definition: nearest,
                    kind,
                });
            }
        }
        found
    }
}

/// Whether a name looks like any word: one part, in lower case.
fn is_plain(name: &str) -> bool {
    !token::is_compound(name) && name.starts_with(char::is_lowercase)
}

/// What is written before the uses of a name in a definition: `Cart` of `Cart::new`.
fn outers<'t>(text: &'t str, of: &Definition, name: &str) -> Vec<&'t str> {
    let lines = text.lines().skip(of.start.saturating_sub(1) as usize);
    let lines = lines.take((of.end - of.start) as usize + 1);
    let mut found = Vec::new();
    for line in lines.filter(|line| line.contains(name)) {
        // Without a grammar every whole word counts.
        for it in references("", line, name) {
            found.extend(place::qualifier_at(line, 1, it.column_bytes));
        }
    }
    found
}

/// Whether a name that is used like this may mean such a definition: a plain word is no function and no method, but a variable.
fn fits(it: &Definition, kind: ReferenceKind) -> bool {
    match kind {
        ReferenceKind::Call => !matches!(it.kind, SymbolKind::Module),
        ReferenceKind::Type => !matches!(it.kind, SymbolKind::Method | SymbolKind::Test),
        ReferenceKind::Import | ReferenceKind::Other => !matches!(
            it.kind,
            SymbolKind::Method | SymbolKind::Test | SymbolKind::Module
        ),
    }
}
