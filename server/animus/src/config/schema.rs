//! Schema: which keys exist where, read from the JSON Schema that the settings' types generate. Nothing is listed twice.

use super::Settings;
use serde_json::Value;

/// The whole schema.
pub struct Schema(Value);

/// One place in the schema, references resolved.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    root: &'a Value,
    node: &'a Value,
}

/// What a place takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A mapping.
    Map,
    /// A sequence.
    List,
    /// Text, or one word of a closed set.
    Text,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// More than one of these.
    Mixed,
}

impl Schema {
    /// The settings' schema.
    pub fn new() -> Schema {
        Schema(schemars::schema_for!(Settings).to_value())
    }

    /// The top.
    pub fn root(&self) -> Place<'_> {
        Place {
            root: &self.0,
            node: &self.0,
        }
    }

    /// As JSON.
    pub fn json(&self) -> &Value {
        &self.0
    }
}

impl<'a> Place<'a> {
    /// The place under a key: a named property, or any key where names are free.
    pub fn key(self, name: &str) -> Option<Place<'a>> {
        let here = self.resolved();
        if let Some(node) = here.node.get("properties").and_then(|all| all.get(name)) {
            return Some(Place { node, ..here });
        }
        here.free()
    }

    /// The place of list items.
    pub fn item(self) -> Option<Place<'a>> {
        let here = self.resolved();
        here.node.get("items").map(|node| Place { node, ..here })
    }

    /// The named properties.
    pub fn names(self) -> Vec<&'a str> {
        match self.resolved().node.get("properties") {
            Some(Value::Object(all)) => all.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The place under a free name, where any name will do (`providers`, `models`).
    pub fn free(self) -> Option<Place<'a>> {
        let here = self.resolved();
        match here.node.get("additionalProperties") {
            Some(node @ Value::Object(_)) => Some(Place { node, ..here }),
            _ => None,
        }
    }

    /// What may stand here.
    pub fn shape(self) -> Shape {
        let node = self.resolved().node;
        if node.get("enum").is_some() || node.get("oneOf").is_some() {
            return Shape::Text;
        }
        let word = match node.get("type") {
            Some(Value::String(word)) => word.as_str(),
            Some(Value::Array(words)) => match words
                .iter()
                .filter_map(Value::as_str)
                .find(|word| *word != "null")
            {
                Some(word) if words.len() <= 2 => word,
                _ => return Shape::Mixed,
            },
            _ => return Shape::Mixed,
        };
        match word {
            "object" => Shape::Map,
            "array" => Shape::List,
            "string" => Shape::Text,
            "boolean" => Shape::Bool,
            "integer" | "number" => Shape::Number,
            _ => Shape::Mixed,
        }
    }

    /// Follows `$ref`, and `anyOf` with a null alternative.
    fn resolved(self) -> Place<'a> {
        let mut here = self;
        for _ in 0..8 {
            if let Some(name) = here.node.get("$ref").and_then(Value::as_str) {
                let found = name
                    .strip_prefix("#/")
                    .and_then(|path| self.root.pointer(&format!("/{path}")));
                match found {
                    Some(node) => here.node = node,
                    None => return here,
                }
            } else if let Some(Value::Array(ways)) = here.node.get("anyOf") {
                let mut real = ways
                    .iter()
                    .filter(|way| way.get("type").and_then(Value::as_str) != Some("null"));
                match (real.next(), real.next()) {
                    (Some(node), None) => here.node = node,
                    _ => return here,
                }
            } else {
                return here;
            }
        }
        here
    }
}
